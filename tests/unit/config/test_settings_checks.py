"""What documents ask for and settings do not have."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.config.trees import codes, document, findings, policy, token_of

from recordingd.config.drafts import PolicyContext
from recordingd.config.validation import validate_paths
from recordingd.domain.durations import parse_duration

VAULT = "https://contoso.blob.core.windows.net/vault"
STORES = PolicyContext(stores={"main": None, "vault": VAULT}, is_container_list=True)
SILENT = PolicyContext(has_callbacks=False)
SETTINGS = """\
apiVersion: recordingd/v1
kind: Settings
mode: observe
acs: {connectionString: {env: ACS}}
policies: policies
"""


def refusals(text: str, context: PolicyContext) -> list[tuple[str, str]]:
    return [(found.code, token_of(found)) for found in findings(text, context=context)]


def rule(kind: str, body: str) -> str:
    return document(kind, f"name: r\nmatch: {{tags: {{a: b}}}}\n{body}")


# --- stores ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("archive", "token"),
    [
        ("{copyTo: valt}", "valt"),
        ("{copyTo: [main, valt]}", "valt"),
        ("{to: valt, copyTo: [main]}", "valt"),
    ],
)
def test_copies_go_to_stores_of_the_settings(archive: str, token: str) -> None:
    text = policy(f"record: {{archive: {archive}}}")
    assert refusals(text, STORES) == [("policy/unknown-store", token)]
    [found] = findings(text, context=STORES)
    assert found.help == "did you mean 'vault'?"


def test_own_storage_may_be_copied() -> None:
    assert (
        codes(policy("record: {storage: {store: vault}, archive: {copyTo: main}}"), context=STORES)
        == []
    )


@pytest.mark.parametrize(
    ("record", "code", "token"),
    [
        ("{storage: {store: vault}, archive: {to: main}}", "policy/archive-and-storage", "to"),
        ("{storage: {store: vault}, archive: {copyTo: [vault]}}", "policy/second-copy", "vault"),
        ("{archive: {to: main, copyTo: main}}", "policy/second-copy", "main"),
        ("{archive: {copyTo: [main, vault, main]}}", "policy/second-copy", "main"),
    ],
)
def test_copy_beside_itself_is_refused(record: str, code: str, token: str) -> None:
    assert refusals(policy(f"record: {record}"), STORES) == [(code, token)]


def test_copy_in_the_archive_of_the_settings_is_refused() -> None:
    context = PolicyContext(stores={"main": None, "vault": VAULT}, archive="main")
    assert refusals(policy("record: {archive: {copyTo: [vault, main]}}"), context) == [
        ("policy/second-copy", "main")
    ]
    own = policy("record: {storage: {store: vault}, archive: {copyTo: main}}")
    assert codes(own, context=context) == []


# --- ceiling --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("floor", "is_refused"), [("9y", False), ("10y", False), ("P10Y1D", True), ("forever", True)]
)
@pytest.mark.parametrize("kind", ["RetentionRule", "RecordingPolicy"])
def test_floor_is_not_above_the_ceiling(kind: str, floor: str, *, is_refused: bool) -> None:
    inline = policy(f"retention: {{keepAtLeast: {floor}}}")
    alone = rule(kind, f"keepAtLeast: {floor}")
    text = alone if kind == "RetentionRule" else inline
    found = refusals(text, PolicyContext(ceiling=parse_duration("10y")))
    assert found == ([("policy/floor-above-ceiling", floor)] if is_refused else [])


# --- ending calls ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        policy("onFailure: endCall"),
        policy("consent: {mode: explicit, outcomes: {denied: endCall}}"),
        rule("ConsentRule", "mode: explicit\noutcomes: {denied: endCall}"),
        rule("ConsentRule", "mode: explicit\noutcomes: {noResponse: endCall}"),
        rule("ConsentRule", "mode: explicit\noutcomes: {withdrawn: {live: endCall}}"),
    ],
)
def test_calls_are_ended_only_where_callbacks_tell_their_connection(text: str) -> None:
    assert refusals(text, SILENT) == [("policy/end-call-needs-callbacks", "endCall")]
    assert codes(text, context=PolicyContext(has_callbacks=True)) == []
    assert codes(text, context=PolicyContext()) == []


@pytest.mark.parametrize("has_callbacks", [True, False])
def test_settings_say_whether_there_are_callbacks(*, has_callbacks: bool, tmp_path: Path) -> None:
    callbacks = (
        "publicUrl: https://recorder.example\ningress: {callbacks: {audience: a}}\n"
        if has_callbacks
        else ""
    )
    (tmp_path / "recordingd.yaml").write_text(SETTINGS + callbacks)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "p.yaml").write_text(policy("onFailure: endCall"))
    assert validate_paths([tmp_path], environ={}).is_valid is has_callbacks


# --- version --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "is_refused"),
    [
        ("mode: none", False),
        ("mode: notice", True),
        ("mode: explicit", True),
        ("mode: explicit\nbeforeDecision: notStarted", False),
    ],
)
def test_rule_that_starts_in_silence_needs_a_version_that_can(
    body: str, *, is_refused: bool
) -> None:
    found = codes(rule("ConsentRule", body), context=PolicyContext(api_version="2023-10-15"))
    assert found == (["policy/api-version"] if is_refused else [])
