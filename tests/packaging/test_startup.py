"""What `recordingd validate` loads for one good file: this, and nothing else.

Every module takes its time, and a command that is run on every save and every commit must feel
instant. Whoever adds one here has measured it (`make bench`).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Set as AbstractSet
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from tests.packaging.tree import ROOT, run

from recordingd.cli.validate import FORMATS

POLICY = """\
apiVersion: recordingd/v1
kind: RecordingPolicy
name: support-line
match:
  to: {phone: "+18005550100"}
record: {content: audio, channels: mixed, format: wav}
retention: {deleteAfter: 90d}
"""
PROBE = """
import json, sys
before = set(sys.modules)
from recordingd.__main__ import main
try:
    main()
finally:
    json.dump(sorted(set(sys.modules) - before), sys.stderr)
"""
PACKAGES = frozenset({"yaml"})
OURS = frozenset(
    {
        "recordingd",
        "recordingd.__main__",
        "recordingd.cli",
        "recordingd.cli.exits",
        "recordingd.cli.main",
        "recordingd.cli.options",
        "recordingd.cli.terminal",
        "recordingd.cli.validate",
        "recordingd.config",
        "recordingd.config.api_versions",
        "recordingd.config.consent_values",
        "recordingd.config.cross_checks",
        "recordingd.config.diagnostics",
        "recordingd.config.drafts",
        "recordingd.config.everything",
        "recordingd.config.heads",
        "recordingd.config.matchers",
        "recordingd.config.members",
        "recordingd.config.place_codes",
        "recordingd.config.plain_trees",
        "recordingd.config.policy_support",
        "recordingd.config.policy_files",
        "recordingd.config.policy_test_checks",
        "recordingd.config.policy_values",
        "recordingd.config.record_values",
        "recordingd.config.retention_values",
        "recordingd.config.rule_scalars",
        "recordingd.config.rule_values",
        "recordingd.config.scalars",
        "recordingd.config.schema_check",
        "recordingd.config.schema_fit",
        "recordingd.config.schema_words",
        "recordingd.config.secret_words",
        "recordingd.config.settings_checks",
        "recordingd.config.strict_yaml",
        "recordingd.config.validation",
        "recordingd.domain",
        "recordingd.domain.consent",
        "recordingd.domain.durations",
        "recordingd.domain.errors",
        "recordingd.domain.holds",
        "recordingd.domain.matchers",
        "recordingd.domain.parties",
        "recordingd.domain.pauses",
        "recordingd.domain.places",
        "recordingd.domain.policies",
        "recordingd.domain.retention",
        "recordingd.runtime",
        "recordingd.runtime.system",
    }
)
# Large parts of the standard library that a check of files has no use for.
LEFT_OUT = frozenset(
    {
        "asyncio",
        "concurrent",
        "difflib",
        "email",
        "http",
        "importlib.metadata",
        "importlib.resources",
        "logging",
        "multiprocessing",
        "random",
        "shutil",
        "socket",
        "ssl",
        "subprocess",
        "tempfile",
        "unicodedata",
        "uuid",
        "xml",
        "zoneinfo",
    }
)


def loaded(*arguments: str | Path, cwd: Path) -> frozenset[str]:
    """Return the names of all modules that a command loads."""
    ended = run(sys.executable, "-c", PROBE, *arguments, cwd=cwd, environ=_bare())
    assert ended.returncode in {0, 3}, ended.stderr
    names = json.loads(ended.stderr.splitlines()[-1])
    return frozenset(names)


def _bare() -> dict[str, str]:
    """Return the environment without what makes an interpreter load more than it needs."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV_"))}


def packages_in(names: AbstractSet[str]) -> set[str]:
    """Return the packages among modules that something other than ours brought."""
    tops = {name.partition(".")[0] for name in names}
    return tops & set(packages_distributions()) - {"recordingd"}


@pytest.fixture(scope="module")
def for_one_file(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    folder = tmp_path_factory.mktemp("one")
    (folder / "support.yaml").write_text(POLICY)
    return loaded("validate", "support.yaml", cwd=folder)


def test_one_good_file_needs_these_packages(for_one_file: frozenset[str]) -> None:
    assert packages_in(for_one_file) == PACKAGES


def test_one_good_file_needs_these_modules_of_ours(for_one_file: frozenset[str]) -> None:
    ours = {name for name in for_one_file if name.partition(".")[0] == "recordingd"}
    assert {"too many": ours - OURS, "not any more": OURS - ours} == {
        "too many": set(),
        "not any more": set(),
    }


def test_one_good_file_needs_little_of_the_standard_library(
    for_one_file: frozenset[str],
) -> None:
    assert for_one_file & LEFT_OUT == frozenset()


def test_good_samples_of_every_kind_need_no_more_packages() -> None:
    names = loaded("validate", "policies", "tests/policies/every-kind", cwd=ROOT)
    assert packages_in(names) == PACKAGES


@pytest.mark.parametrize("form", FORMATS)
def test_reports_for_machines_are_loaded_when_they_are_asked_for(form: str, tmp_path: Path) -> None:
    (tmp_path / "support.yaml").write_text(POLICY)
    names = loaded("validate", "support.yaml", "-f", form, cwd=tmp_path)
    assert ("recordingd.cli.reports" in names) is (form not in {"text", "json"})


def test_validator_of_record_is_loaded_for_a_fault(tmp_path: Path) -> None:
    """Else the list above would say nothing."""
    (tmp_path / "support.yaml").write_text(POLICY.replace("channels", "chanels"))
    assert "jsonschema" in loaded("validate", "support.yaml", cwd=tmp_path)
