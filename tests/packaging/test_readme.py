"""What the README says can be done is done, command by command, and what it shows is shown."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.packaging.readme_tour import (
    BLANKS,
    PATIENCE_SECONDS,
    README,
    Tour,
    blocks,
    commands,
    documents,
    settings_examples,
    touring,
)
from tests.packaging.tree import BIN, ROOT, run

pytestmark = pytest.mark.slow

RECORDING = "3f9c"
# A plan with something to do ends with 2 where the README asks for that.
PENDING = 2


def filled_in(line: str) -> str:
    for blank, value in BLANKS.items():
        line = line.replace(blank, value)
    return line


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tour]:
    with touring(tmp_path_factory.mktemp("r"), RECORDING) as taken:
        yield taken


@pytest.mark.parametrize("line", commands())
def test_command_does_what_the_readme_says(tour: Tour, line: str) -> None:
    step = tour.steps[filled_in(line)]
    expected: set[int | None] = {0, PENDING} if "--detailed-exitcode" in line else {0}
    if line.startswith(("recordingd run", "recordingd emulator")):
        expected = {None}
    assert step.code in expected, step.output


def test_recording_of_the_readme_is_found_by_its_prefix(tour: Tour) -> None:
    for command in ("recordings list", "recordings show 3f9c", "why 3f9c"):
        assert RECORDING in tour.steps[f"recordingd {command}"].output


def test_policies_of_the_readme_are_read(tour: Tour) -> None:
    assert "policies/billing.yaml" in documents()
    assert "billing.yaml" in tour.steps["recordingd plan"].output


def test_fault_is_shown_as_the_readme_shows_it(tmp_path: Path) -> None:
    [shown] = [block for block in blocks("") if "error:" in block]
    (tmp_path / "policies").mkdir()
    text = documents()["policies/billing.yaml"].replace("channels: unmixed", "chanels: unmixed")
    (tmp_path / "policies" / "billing.yaml").write_text(text)
    checked = run(BIN / "recordingd", "validate", "policies/billing.yaml", cwd=tmp_path)
    assert checked.returncode == 3
    assert shown.strip() in checked.stdout


@pytest.mark.parametrize("subject", settings_examples())
def test_settings_of_the_readme_are_valid(subject: str, tmp_path: Path) -> None:
    made = run(BIN / "recordingd", "init", tmp_path / "tree")
    assert made.returncode == 0, made.stderr
    path = tmp_path / "tree" / "recordingd.yaml"
    settings = yaml.safe_load(path.read_text()) | yaml.safe_load(settings_examples()[subject])
    path.write_text(yaml.safe_dump(settings))
    checked = run(BIN / "recordingd", "validate", path)
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.endswith(": valid\n")


def test_every_yaml_block_of_the_readme_is_checked() -> None:
    assert settings_examples()
    assert len(documents()) + len(settings_examples()) == len(blocks("yaml"))


def test_secrets_of_the_readme_are_in_no_output(tour: Tour) -> None:
    log = (tour.folder / "daemon.log").read_text()
    outputs = [step.output for step in tour.steps.values()]
    assert not [text for text in (*outputs, log) for value in BLANKS.values() if value in text]


def test_links_lead_somewhere() -> None:
    targets = [t.partition("#") for t in re.findall(r"\]\(([^)]+)\)", README)]
    for path, _, anchor in targets:
        assert (ROOT / path).exists(), path
        if anchor:
            heads = re.findall(r"^#+ (.+)$", (ROOT / path).read_text(), flags=re.MULTILINE)
            assert anchor in {head.lower().replace(" ", "-") for head in heads}


def test_every_folder_of_the_package_is_explained() -> None:
    package = ROOT / "daemon" / "recordingd"
    folders = {p.parent.name for p in package.glob("*/__init__.py")}
    explained = set(re.findall(r"`daemon/recordingd/([a-z]+)`", README))
    assert explained == folders


def test_daemon_of_the_readme_ends_cleanly_when_asked(tour: Tour) -> None:
    assert tour.daemon is not None
    tour.daemon.send_signal(signal.SIGTERM)
    assert tour.daemon.wait(PATIENCE_SECONDS) == 0
