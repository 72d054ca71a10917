"""SARIF as its own schema defines it, taken from a package of npm that brings it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft4Validator
from tests import npm

from recordingd.cli.reports import as_sarif
from recordingd.config.validation import validate_paths

ROOT = Path(__file__).resolve().parents[2]
# Microsoft's matchers for SARIF logs, which bring the schema of version 2.1.0.
PACKAGE = "@microsoft/jest-sarif"
VERSION = "1.0.0-beta.0"


@pytest.fixture(scope="module")
def schema() -> Draft4Validator:
    folder = npm.installed(PACKAGE, VERSION, "sarif") / PACKAGE / "lib" / "schemas"
    return Draft4Validator(json.loads((folder / "sarif-2.1.0-rtm.5.json").read_text()))


@pytest.mark.parametrize("tree", ["policies", "tests/policies/bad"])
def test_log_follows_the_schema(schema: Draft4Validator, tree: str) -> None:
    report = validate_paths([ROOT / tree])
    log = json.loads(json.dumps(as_sarif(report, folder=ROOT, version="0.1.0")))
    assert [error.message for error in schema.iter_errors(log)] == []


def test_schema_refuses_what_is_no_log(schema: Draft4Validator) -> None:
    log = as_sarif(validate_paths([ROOT / "policies"]), folder=ROOT, version="0.1.0")
    log["runs"][0]["columnKind"] = "bytes"
    assert not schema.is_valid(log)
