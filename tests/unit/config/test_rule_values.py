"""Groups, places, pauses and holds as documents state them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from tests.unit.config.trees import EVERY_KIND, codes, document, findings, load, token_of

from recordingd.config.policy_files import load_policies
from recordingd.domain.durations import Duration
from recordingd.domain.holds import LegalHold, Released
from recordingd.domain.matchers import Pattern, PlaceName
from recordingd.domain.pauses import PauseRule, PauseTrigger
from recordingd.domain.places import Confidence

HOLD = "name: h\nreason: why\nowner: who\n"
GROUPLESS = "match: {tags: {case: a}}\n"


def pause(body: str) -> PauseRule:
    [found] = load(document("PauseRule", f"name: r\nmatch: {{}}\n{body}")).pause_rules
    return found


def hold(body: str) -> LegalHold:
    [found] = load(document("LegalHold", HOLD + body)).holds
    return found


def hold_codes(body: str) -> list[str]:
    return codes(document("LegalHold", HOLD + body))


# --- pauses ---------------------------------------------------------------------------------------


def test_every_field_of_a_pause_rule_becomes_its_value() -> None:
    [found] = load_policies(EVERY_KIND).pause_rules
    assert found.name == "card-payment"
    assert found.trigger == PauseTrigger(
        on_signal=True, tags={"payment": (Pattern("active"), Pattern("card*"))}
    )
    assert found.auto_resume == Duration(seconds=180)
    assert found.alarm_after == Duration(seconds=600)
    assert found.valid_until == datetime(2036, 1, 1, tzinfo=UTC)


def test_pause_lasts_until_it_is_ended_unless_it_says_otherwise() -> None:
    found = pause("trigger: {signal: pauseRequested}")
    assert (found.auto_resume, found.alarm_after) == (None, None)
    assert found.trigger == PauseTrigger(on_signal=True)


def test_pause_may_open_on_a_tag_alone() -> None:
    found = pause("trigger: {tags: {in: a}}").trigger
    assert found == PauseTrigger(tags={"in": (Pattern("a"),)})


@pytest.mark.parametrize(
    ("trigger", "code"),
    [
        ("{}", "schema/minProperties"),
        ("{tags: {}}", "schema/minProperties"),
        ("{signal: resumeRequested}", "schema/enum"),
        ("{tags: {payment: 1}}", "schema/type"),
        ('{tags: {payment: "a*b"}}', "schema/pattern"),
    ],
)
def test_faulty_trigger_is_refused(trigger: str, code: str) -> None:
    text = document("PauseRule", f"name: r\nmatch: {{}}\ntrigger: {trigger}")
    assert codes(text) == [code]


# --- holds ----------------------------------------------------------------------------------------


def test_every_field_of_a_hold_becomes_its_value() -> None:
    first, second = load_policies(EVERY_KIND).holds
    assert (first.reason, first.owner) == ("Subpoena 4711", "legal@contoso.example")
    assert (first.review_by, first.allows_empty) == (date(2036, 1, 1), True)
    assert first.released is None
    assert second.released == Released(
        at=datetime(2036, 3, 1, 9, tzinfo=UTC), by="legal@contoso.example", reason="Settled"
    )


def test_smallest_hold_has_the_documented_defaults() -> None:
    found = hold(GROUPLESS)
    assert (found.review_by, found.released, found.allows_empty) == (None, None, False)


@pytest.mark.parametrize(
    "match",
    [
        "{}",
        "{all: []}",
        "{any: [{tags: {case: a}}, {}]}",
        "{not: {any: []}}",
        "{sample: 100%}",
        '{serverCallId: "*"}',
        '{participants: {some: {id: "*"}}}',
        "{participants: {count: {min: 0}}}",
    ],
)
def test_hold_on_everything_is_refused(match: str) -> None:
    [found] = findings(document("LegalHold", f"{HOLD}match: {match}"))
    assert (found.code, token_of(found)) == ("policy/hold-on-everything", "match")


@pytest.mark.parametrize(
    "match",
    [
        "{any: []}",
        "{sample: 99%}",
        '{participants: {some: {id: "*", role: x}}}',
        "{participants: {count: {min: 1}}}",
        '{tags: {case: "*"}}',
    ],
)
def test_hold_on_less_than_everything_is_possible(match: str) -> None:
    assert "policy/hold-on-everything" not in hold_codes(f"match: {match}")


def test_faulty_match_is_not_taken_for_everything() -> None:
    assert hold_codes("match: {participant: {some: {id: a}}}") == ["schema/unknown-field"]
    assert hold_codes("") == ["schema/required:match"]


@pytest.mark.parametrize("field", ["observe", "validFrom", "validUntil"])
def test_hold_is_not_in_force_for_a_while_only(field: str) -> None:
    [found] = findings(document("LegalHold", f"{HOLD}{GROUPLESS}{field}: 2026-01-01T00:00:00Z"))
    assert (found.code, token_of(found)) == ("schema/refused-field", field)
    assert "released" in (found.help or "")


@pytest.mark.parametrize("field", ["at", "by", "reason"])
def test_release_says_when_who_and_why(field: str) -> None:
    parts = {"at": "2026-01-01T00:00:00Z", "by": "a", "reason": "b"}
    del parts[field]
    released = ", ".join(f"{key}: {value}" for key, value in parts.items())
    assert hold_codes(f"{GROUPLESS}released: {{{released}}}") == [f"schema/required:{field}"]


@pytest.mark.parametrize("field", ["reason", "owner"])
def test_hold_has_a_reason_and_an_owner(field: str) -> None:
    body = "\n".join(line for line in HOLD.splitlines() if not line.startswith(field))
    text = document("LegalHold", f"{body}\n{GROUPLESS}")
    assert codes(text) == [f"schema/required:{field}"]


# --- places ---------------------------------------------------------------------------------------


def test_every_field_of_places_becomes_its_value() -> None:
    found = load_policies(EVERY_KIND).places[PlaceName("all-party-us")]
    assert found.codes == {"US-CA", "US-FL", "US-WA", "US-PA"}
    assert found.reference == "https://www.rcfp.org/reporters-recording-guide/"
    assert (found.reviewed_on, found.confidence) == (date(2026, 11, 1), Confidence.MEDIUM)


def test_places_cannot_be_called_unknown() -> None:
    [found] = findings(document("Places", "name: unknown\nplaces: [DE]"))
    assert (found.code, token_of(found)) == ("policy/reserved-name", "unknown")


@pytest.mark.parametrize(
    ("code", "meant"),
    [("de", "DE"), ("UK", "GB"), ("US_CA", "US-CA"), ("DE-BY", "DE"), ("unknown", None)],
)
def test_faulty_code_of_a_place_is_refused(code: str, meant: str | None) -> None:
    [found] = findings(document("Places", f"name: p\nplaces: [FR, {code}]"))
    assert (found.code, token_of(found)) == ("schema/place-code", code)
    assert found.help == (None if meant is None else f"did you mean '{meant}'?")


def test_places_without_a_place_are_refused() -> None:
    assert codes(document("Places", "name: p\nplaces: []")) == ["schema/minItems"]
