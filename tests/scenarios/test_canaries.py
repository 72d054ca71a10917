"""Secrets and numbers of people, planted at every way in, are found in nothing that comes out."""

from __future__ import annotations

import json
import re

import pytest
from tests.scenarios.conftest import MakeStage
from tests.scenarios.processes import exchange
from tests.scenarios.stage import API_KEY, REPORTER_KEY, WEBHOOK_KEY, Stage
from tests.scenarios.tree import MIXED_LINE

CALLER = "+14155557316"
JOINER = "+442079467316"
SIGNATURE = "canary-of-a-signature"
WRONG_KEY = "canary-of-a-wrong-key"
# With the plus or without it, and however the text around escapes it.
NUMBERS = re.compile("|".join(number[1:] for number in (CALLER, JOINER)))


def file_event(call: str) -> dict[str, object]:
    """Return a file event whose files lie on a host that is not allowed, with a signature."""
    address = f"https://files.example.com/x?sig={SIGNATURE}"
    chunk = {
        "documentId": "0-canary-d1",
        "index": 0,
        "endReason": "SessionEnded",
        **dict.fromkeys(("contentLocation", "metadataLocation", "deleteLocation"), address),
    }
    return {
        "id": "canary-file",
        "topic": "/subscriptions/x",
        "subject": f"/recording/call/{call}/serverCallId/{call}/recordingId/canary",
        "eventType": "Microsoft.Communication.RecordingFileStatusUpdated",
        "eventTime": "2026-03-02T09:00:00Z",
        "dataVersion": "1.0",
        "data": {"recordingStorageInfo": {"recordingChunks": [chunk]}},
    }


def damaged_event(name: str, data: object) -> dict[str, object]:
    return {
        "id": f"canary {name} {CALLER}",
        "topic": "/x",
        "subject": f"/caller/{CALLER}",
        "eventType": f"Microsoft.Communication.{name}",
        "eventTime": CALLER,
        "data": data,
    }


def plant(stage: Stage) -> str:
    """Send numbers and secrets by every way in; return a call that was recorded meanwhile."""
    call = stage.begin_call(MIXED_LINE, caller=CALLER)
    stage.join(call, {"id": f"4:{JOINER}", "displayName": JOINER})
    stage.until_captured(call)
    stage.signal("call.tagged", call, tags={"number": CALLER})
    stage.consent(call, participant=JOINER)
    events = [
        file_event(call),
        damaged_event("CallStarted", {"startedBy": {"rawId": f"4:{CALLER}"}}),
        damaged_event("IncomingCall", {"to": CALLER, "from": [CALLER]}),
        damaged_event(CALLER, {"serverCallId": CALLER}),
    ]
    assert stage.post_events(json.dumps(events).encode()).status == 200
    assert stage.post_events(f'[{{"id": "{CALLER}", }}, {{{CALLER}]'.encode()).status == 200
    assert stage.post_events(b"[]", key=WRONG_KEY).status == 503
    token = f"{SIGNATURE}-token"
    url = f"{stage.url}/callbacks/{token}"
    assert exchange("POST", url, body=f'["{CALLER}"]'.encode()).status == 401
    assert stage.get(f"/v1/calls/%2B{CALLER[1:]}", key=API_KEY).status == 404
    assert stage.get("/v1/status", key=WRONG_KEY).status == 401
    stage.end_call(call)
    stage.until_kept(call)
    return call


def outputs(stage: Stage) -> dict[str, str]:
    """Return everything that the daemon and its commands say, by where they say it."""
    said = {path: stage.get(path).body.decode() for path in ("/metrics", "/readyz", "/v1/status")}
    said["status"] = json.dumps(stage.status())
    for command in (("status",), ("plan",), ("plan", "-f", "json"), ("recordings", "list")):
        ran = stage.command(*command)
        said[" ".join(command)] = ran.out + ran.err
    said["log"] = stage.log.read_text()
    return said


@pytest.mark.parametrize("form", ["json", "text"])
def test_nothing_that_is_said_holds_a_secret_or_a_number(make_stage: MakeStage, form: str) -> None:
    stage = make_stage()
    settings = stage.settings.read_text()
    stage.settings.write_text(
        settings.replace("log: {format: text}", f"log: {{level: debug, format: {form}}}")
    )
    stage.start()
    plant(stage)
    key = stage.emulator.ready["connectionString"].partition("accesskey=")[2]
    said = outputs(stage)
    stage.stop()
    said["log"] = stage.log.read_text()
    secrets = (key, WEBHOOK_KEY, REPORTER_KEY, API_KEY, SIGNATURE, WRONG_KEY)
    assert [(where, s) for where, text in said.items() for s in secrets if s in text] == []
    found = {where: NUMBERS.findall(text) for where, text in said.items()}
    assert {where: hits for where, hits in found.items() if hits} == {}
