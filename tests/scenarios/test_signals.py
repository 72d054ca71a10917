"""What applications report, and what the daemon shows of itself over HTTP."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from tests.scenarios.processes import Json
from tests.scenarios.stage import API_KEY, REPORTER_KEY, Stage
from tests.scenarios.tree import CONSENT_LINE, MIXED_LINE, UNRECORDED_LINE

CUSTOMER, AGENT = "8:acs:customer", "8:acs:agent-1"


def service_state(stage: Stage, call: str) -> str:
    """Return the state of the only recording of a call as the service has it, or that none is."""
    found = stage.emulator.recordings_of(call)
    assert len(found) <= 1, found
    return str(found[0]["state"]) if found else "none"


def until_silent(stage: Stage, call: str) -> None:
    stage.until(lambda: service_state(stage, call) == "paused", "the service is silent")
    stage.until_state(call, "paused")


def only(stage: Stage, call: str) -> Json:
    """Return the only recording that the ledger has of a call."""
    (recording,) = stage.recordings_in_ledger(call)
    return recording


# --- consent --------------------------------------------------------------------------------------


def test_a_refusal_ends_the_recording_before_anything_was_captured(house: Stage) -> None:
    call = house.begin_call(CONSENT_LINE)
    until_silent(house, call)
    house.consent(call, "denied")
    house.until_state(call, "notRecorded")
    assert service_state(house, call) == "ended"
    (on_service,) = house.emulator.recordings_of(call)
    assert (on_service["capturedMs"], on_service["files"]) == ([], [])
    house.end_call(call)
    assert (only(house, call)["consent"], only(house, call)["files"]) == ("denied", [])


def test_a_later_refusal_takes_away_what_was_captured(house: Stage) -> None:
    call = house.begin_call(CONSENT_LINE)
    until_silent(house, call)
    house.consent(call)
    house.until_captured(call)
    house.consent(call, "denied", participant=CUSTOMER)
    house.until_state(call, "purged")
    (file,) = only(house, call)["files"]
    assert (file["state"], file["path"], file["onService"]) == ("purged", None, False)
    (on_service,) = house.emulator.recordings_of(call)
    assert [f["exists"] for f in on_service["files"]] == [False]
    house.end_call(call)


def test_answers_that_come_before_their_call_count_once_it_begins(house: Stage) -> None:
    call = house.name_call()
    house.consent(call)
    for participant in (CUSTOMER, AGENT):
        house.consent(call, participant=participant)
    stub = house.call_in_ledger(call)
    assert stub is not None
    assert (stub["startedAt"], stub["recordings"]) == (None, [])
    house.begin_call(CONSENT_LINE, call=call)
    house.until_captured(call)
    house.end_call(call)
    assert house.until_kept(call)["consent"] == "granted"


def test_somebody_who_joins_later_silences_the_recording_until_they_agree(house: Stage) -> None:
    call = house.begin_call(CONSENT_LINE)
    until_silent(house, call)
    house.consent(call)
    house.until_captured(call)
    house.join(call, {"id": "8:acs:late"})
    until_silent(house, call)
    house.consent(call, participant="8:acs:late")
    house.until_state(call, "capturing")
    house.until(lambda: service_state(house, call) == "active", "the service captures again")
    house.end_call(call)
    kept = house.until_kept(call)
    assert [p["reason"] for p in kept["pauses"]] == ["consent", "consent"]
    assert all(p["closedAt"] for p in kept["pauses"])


def test_nobody_else_s_consent_lets_a_late_joiner_be_heard(house: Stage) -> None:
    call = house.begin_call(CONSENT_LINE)
    until_silent(house, call)
    house.consent(call)
    house.until_captured(call)
    house.join(call, {"id": "8:acs:late"})
    until_silent(house, call)
    captured = house.captured_ms(call)
    house.consent(call, participant=CUSTOMER)
    # Another call from begin to end gives the first one every occasion to go wrong.
    house.play(MIXED_LINE)
    assert (service_state(house, call), house.captured_ms(call)) == ("paused", captured)
    house.end_call(call)
    house.until_kept(call)


def test_a_notice_is_no_answer_where_one_is_asked_for(house: Stage) -> None:
    call = house.begin_call(CONSENT_LINE)
    until_silent(house, call)
    house.consent(call, "notified")
    house.play(MIXED_LINE)
    assert service_state(house, call) == "paused"
    house.consent(call, "denied")
    house.until_state(call, "notRecorded")
    house.end_call(call)


def test_a_consent_that_is_taken_back_later_erases_what_is_kept(house: Stage) -> None:
    call = house.begin_call(CONSENT_LINE)
    until_silent(house, call)
    house.consent(call)
    house.until_captured(call)
    house.end_call(call)
    house.until_kept(call)
    house.consent(call, "withdrawn", participant=CUSTOMER)
    house.until_state(call, "purged")


# --- pauses ---------------------------------------------------------------------------------------


def test_a_request_silences_the_recording_until_it_is_taken_back(house: Stage) -> None:
    call = house.begin_call(MIXED_LINE)
    house.until_captured(call)
    house.signal("capture.pauseRequested", call)
    until_silent(house, call)
    captured = house.captured_ms(call)
    house.play(MIXED_LINE)
    assert house.captured_ms(call) == captured
    house.signal("capture.resumeRequested", call)
    house.until(lambda: service_state(house, call) == "active", "the service captures again")
    house.end_call(call)
    (pause,) = house.until_kept(call)["pauses"]
    assert pause["reason"] == "operator"
    assert pause["closedAt"]


# --- labels ---------------------------------------------------------------------------------------


def test_a_label_that_comes_during_the_call_starts_and_ends_its_recording(house: Stage) -> None:
    call = house.begin_call(UNRECORDED_LINE)
    house.until(lambda: house.call_in_ledger(call), "the call is known")
    assert house.recordings_in_ledger(call) == []
    house.signal("call.tagged", call, tags={"queue": "labelled"})
    house.until_captured(call)
    house.signal("call.tagged", call, tags={"queue": "other"})
    house.until_kept(call)
    house.end_call(call)


# --- what is shown --------------------------------------------------------------------------------


def test_a_call_is_found_by_its_escaped_id(house: Stage) -> None:
    kept = house.play(MIXED_LINE)
    call = kept["serverCallId"]
    assert {"/", "=", "+"} <= set(call)
    shown = house.call_in_ledger(call)
    assert shown is not None
    assert (shown["serverCallId"], shown["to"]) == (call, f"4:{MIXED_LINE}")
    assert {p["id"] for p in shown["participants"]} == {CUSTOMER, AGENT}
    assert shown["recordings"] == [kept]


def test_a_recording_is_found_by_our_id_and_by_the_service_s(house: Stage) -> None:
    kept = house.play(MIXED_LINE)
    for name in (kept["id"], quote(kept["recordingId"], safe="")):
        answer = house.get(f"/v1/recordings/{name}", key=API_KEY)
        assert (answer.status, answer.json) == (200, kept)


@pytest.mark.parametrize("path", ["/v1/calls/none", "/v1/recordings/0000"])
def test_what_is_not_known_is_not_found(house: Stage, path: str) -> None:
    assert house.get(path, key=API_KEY).status == 404


@pytest.mark.parametrize("path", ["/v1/status", "/v1/calls/none", "/v1/recordings/0000"])
@pytest.mark.parametrize("key", [None, "wrong", REPORTER_KEY])
def test_nothing_is_shown_without_the_api_s_own_token(
    house: Stage, path: str, key: str | None
) -> None:
    answer = house.get(path, key=key)
    assert answer.status == 401
    assert "www-authenticate" in answer.headers


def test_the_status_is_the_same_by_http_and_by_command(house: Stage) -> None:
    house.play(MIXED_LINE)
    shown = house.status()
    told = house.command("status", "-f", "json").json
    keys = {"version", "instance", "mode", "revision", "digest", "uptimeSeconds", "calls"}
    keys |= {"recordings", "downloads", "events", "alarms", "lastReload", "disk"}
    assert keys <= shown.keys() == told.keys()
    assert (shown["mode"], shown["instance"], shown["lastReload"]["ok"]) == (
        "enforce",
        "default",
        True,
    )
    assert shown["recordings"]["kept"] >= 1
    assert set(shown["downloads"]) == {"queued", "active", "nextDeadline"}


def test_probes_and_metrics_are_open(house: Stage) -> None:
    assert (house.get("/livez").status, house.get("/readyz").status) == (200, 200)
    page = house.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain")
    for name in ("loop_last_success_timestamp_seconds", "policy_generation"):
        assert house.metric(name) > 0
    assert house.metric("policy_reload_success") == 1
    assert house.get("/openapi.json").json["openapi"].startswith("3.")
