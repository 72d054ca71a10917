"""A plan file is read back as it was written, or refused with every reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.factories import T0, after

from recordingd.config.saved_plans import FAULT_LENGTH_MAX, FAULTS_MAX, faults_of, read_saved_plan
from recordingd.config.schema_check import load_schema
from recordingd.domain.errors import ConfigurationError
from recordingd.domain.plans import ReasonCode, Why
from recordingd.domain.recordings import RecordingId
from recordingd.planning.forecast import UNAPPROVED, PlanLine, Section
from recordingd.planning.rendering import PrintedPlan, plan_digest
from recordingd.planning.saved_plans import SavedPlan

Json = dict[str, Any]


def form() -> Json:
    """Return a plan that shortens one recording, as `plan -o` writes it."""
    line = PlanLine(
        section=Section.SWEEPS,
        verb="change",
        target="r1",
        why=Why(code=ReasonCode.KEEPING_CHANGED, text="kept shorter"),
        at=T0,
        blocked_by=UNAPPROVED,
        needs_approval=True,
        recording=RecordingId("r1"),
    )
    plan = PrintedPlan(
        instance="uk",
        at=T0,
        horizon=after(days=7),
        policy_digest="ab" * 32,
        purge_generation=3,
        lines=(line,),
    )
    made: Json = json.loads(json.dumps(plan.as_json()))
    return made


def resealed(changed: Json) -> Json:
    return {**changed, "planDigest": plan_digest(changed)}


def refused(path: Path, content: bytes | Json) -> tuple[str, ...]:
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(ConfigurationError) as fault:
        read_saved_plan(path)
    assert all(str(path) in one for one in fault.value.faults)
    return fault.value.faults


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "plan.json"


def test_schema_is_one() -> None:
    Draft202012Validator.check_schema(load_schema("plan.schema.json"))


def test_plan_is_read_back_as_it_was_written(path: Path) -> None:
    written = form()
    path.write_text(json.dumps(written, indent=2))
    assert read_saved_plan(path) == SavedPlan(
        plan_digest=written["planDigest"],
        instance="uk",
        at="2026-11-02T09:00:00Z",
        policy_digest="ab" * 32,
        purge_generation=3,
        candidates=frozenset({RecordingId("r1")}),
    )


@pytest.mark.parametrize(
    "content", [b"", b"not JSON", b"{", b"\xff\xfe", b"[" * 100_000, b"formatVersion: '1'"]
)
def test_what_is_no_json_is_no_plan(path: Path, content: bytes) -> None:
    (fault,) = refused(path, content)
    assert "no JSON" in fault


@pytest.mark.parametrize("content", [b"[]", b"7", b"null", b'"plan"', b"NaN"])
def test_json_that_is_no_object_is_no_plan(path: Path, content: bytes) -> None:
    (fault,) = refused(path, content)
    assert "the plan" in fault


def test_version_that_is_not_read_here_is_named_alone(path: Path) -> None:
    other = resealed({"formatVersion": "2", "planDigest": ""})
    assert refused(path, other) == (
        f"{path}: format version 2 is not the one that is read here (1)",
    )


@pytest.mark.parametrize(
    "edit",
    [
        lambda plan: plan.update(candidates=["r1", "r2"]),
        lambda plan: plan.update(candidates=[]),
        lambda plan: plan.update(policyDigest="cd" * 32),
        lambda plan: plan.update(ledgerGeneration=4),
        lambda plan: plan.update(planDigest="cd" * 32),
        lambda plan: plan["sections"]["sweeps"].clear(),
        lambda plan: plan.update(note="a field that was not there"),
    ],
)
def test_plan_that_was_changed_after_it_was_written_is_refused(
    path: Path, edit: Callable[[Json], object]
) -> None:
    changed = form()
    edit(changed)
    (fault,) = refused(path, changed)
    assert "it was changed after it was written" in fault


@pytest.mark.parametrize("name", sorted(form()))
def test_plan_without_a_field_is_refused_by_its_name(path: Path, name: str) -> None:
    missing = resealed(form())
    del missing[name]
    assert any(f"'{name}' is a required property" in fault for fault in refused(path, missing))


@pytest.mark.parametrize(
    ("name", "value", "where"),
    [
        ("at", "yesterday", "at"),
        ("policyDigest", "ab", "policyDigest"),
        ("ledgerGeneration", -1, "ledgerGeneration"),
        ("ledgerGeneration", "3", "ledgerGeneration"),
        ("candidates", "r1", "candidates"),
        ("candidates", [7], "candidates.0"),
        ("formatVersion", 1, "formatVersion"),
    ],
)
def test_field_of_another_form_is_refused_by_its_place(
    path: Path, name: str, value: object, where: str
) -> None:
    (fault,) = refused(path, resealed({**form(), name: value}))
    assert f"{path}: {where}: " in fault


def test_fault_within_a_line_is_named_by_its_place(path: Path) -> None:
    changed = form()
    changed["sections"]["sweeps"][0]["verb"] = "dance"
    (fault,) = refused(path, resealed(changed))
    assert "sections.sweeps.0.verb: 'dance' is not one of" in fault


def test_very_many_faults_are_bounded() -> None:
    changed = {**form(), "candidates": [[x] for x in range(100)], "at": "x" * 10_000}
    found = list(faults_of(changed))
    assert len(found) == FAULTS_MAX
    assert all(len(fault) < FAULT_LENGTH_MAX + 100 for fault in found)


def test_file_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_saved_plan(path)


def test_file_larger_than_any_plan_is_not_even_read(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1024 * 1024 * 1024 + 1)
    with pytest.raises(ConfigurationError, match="larger than any plan"):
        read_saved_plan(path)
