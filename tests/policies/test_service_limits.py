"""What the service cannot do is refused in the policy that asks for it, at its line."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from recordingd.config.drafts import PolicyContext
from recordingd.config.policy_files import check_policies, load_policies
from recordingd.domain.policies import Channels, Content, MediaFormat

SAMPLES = Path(__file__).parents[2] / "policies"
# call-recording.md, Audio/video outputs: no other row is documented.
POSSIBLE = {
    ("audioVideo", "mixed", "mp4"),
    ("audio", "mixed", "mp3"),
    ("audio", "mixed", "wav"),
    ("audio", "unmixed", "wav"),
}
EVERY = set(
    product((c.value for c in Content), (c.value for c in Channels), (f.value for f in MediaFormat))
)


def write(tree: Path, output: tuple[str, str, str]) -> Path:
    content, channels, media = output
    path = tree / "p.yaml"
    path.write_text(
        "apiVersion: recordingd/v1\n"
        "kind: RecordingPolicy\n"
        "name: p\n"
        "match: {}\n"
        "record:\n"
        f"  content: {content}\n"
        f"  channels: {channels}\n"
        f"  format: {media}\n"
    )
    return path


@pytest.mark.parametrize("output", sorted(POSSIBLE), ids="-".join)
def test_documented_output_is_accepted(output: tuple[str, str, str], tmp_path: Path) -> None:
    [policy] = load_policies(write(tmp_path, output)).policies
    assert policy.record is not None
    wanted = policy.record.content.value, policy.record.channels.value, policy.record.format.value
    assert wanted == output


@pytest.mark.parametrize("output", sorted(EVERY - POSSIBLE), ids="-".join)
def test_other_output_is_refused_at_its_line(output: tuple[str, str, str], tmp_path: Path) -> None:
    diagnostics, policies = check_policies(write(tmp_path, output))
    [found] = diagnostics
    assert policies is None
    assert found.code == "policy/combination"
    assert found.as_text().splitlines()[0].startswith(f"{tmp_path / 'p.yaml'}:8:11: ")


def test_samples_that_an_old_version_cannot_carry_out_are_refused_at_their_lines() -> None:
    diagnostics, policies = check_policies(SAMPLES, PolicyContext(api_version="2023-10-15"))
    assert policies is None
    assert [(Path(d.file).name, d.span.line, d.code) for d in diagnostics] == [
        ("customer-interviews.yaml", 20, "policy/api-version"),
        ("equities-desk.yaml", 21, "policy/api-version"),
    ]
