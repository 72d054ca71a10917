"""The checks against the specification notice what is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import pytest
from tests.conformance.openapi import (
    FOLDER,
    NEW,
    OLD,
    Sent,
    Specification,
    check_event,
    faults_of_ours,
    specification_of,
)

pytestmark = pytest.mark.skipif(
    not FOLDER, reason="RECORDINGD_CONTRACT_SAMPLES does not name a folder beside `openapi`"
)

GOOD = {"callLocator": {"serverCallId": "SCID", "kind": "serverCallLocator"}}
HEADERS = {
    "authorization": "***",
    "content-type": "application/json",
    "repeatability-request-id": "50c5d7eb-3fff-4097-8ecc-bb91eef95f05",
    "repeatability-first-sent": "Tue, 04 Aug 2026 10:00:00 GMT",
}
AFFINITY = {"channel": 5, "participant": {"rawId": "8:acs:a"}}
TWO_KINDS = {"rawId": "x", "communicationUser": {"id": "x"}, "phoneNumber": {"value": "1"}}


def sent_start(
    version: str = NEW, headers: Mapping[str, str | None] | None = None, **body: object
) -> Sent:
    given = {**HEADERS, **(headers or {})}
    return Sent(
        method="POST",
        path="/calling/recordings",
        query=f"api-version={version}",
        headers={name: value for name, value in given.items() if value is not None},
        body=json.dumps(GOOD | body),
    )


@pytest.mark.parametrize(
    ("version", "sent"),
    [
        (OLD, sent_start(pauseOnStart=True)),
        (OLD, sent_start(externalStorage={"recordingStorageKind": "azureBlobStorage"})),
        (OLD, sent_start(callLocator=None)),
        (NEW, sent_start(pauseOnStart="yes")),
        (NEW, sent_start(recordingFormatType="ogg")),
        (NEW, sent_start(channelAffinity=[AFFINITY])),
        (NEW, sent_start(channelAffinity=[{"channel": 1}])),
        (NEW, sent_start(audioChannelParticipantOrdering=[TWO_KINDS])),
        (NEW, sent_start(externalStorage={"recordingDestinationContainerUrl": "https://a/b"})),
        (NEW, sent_start(recordingTitle="x")),
        (NEW, sent_start(headers={"authorization": None})),
        (NEW, sent_start(headers={"content-type": "text/plain"})),
        (NEW, sent_start(headers={"repeatability-first-sent": None})),
        (NEW, sent_start(headers={"repeatability-first-sent": "2026-08-04T10:00:00Z"})),
        (NEW, sent_start(headers={"repeatability-request-id": "1"})),
        (NEW, replace(sent_start(), query="")),
        (NEW, replace(sent_start(), query=f"api-version={NEW}&verbose=1")),
        (NEW, replace(sent_start(), path="/calling/recording")),
        (NEW, replace(sent_start(), path="/calling/recordings/eyJQ:pause")),
        (NEW, replace(sent_start(), body=None)),
    ],
)
def test_request_outside_the_specification_is_noticed(version: str, sent: Sent) -> None:
    assert specification_of(version).check_request(sent)


def test_plain_request_is_within_the_specification() -> None:
    assert specification_of(OLD).check_request(sent_start(OLD)) == []


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b'{"recordingId": 1}'),
        (200, b'{"recordingState": "paused"}'),
        (200, b'{"recordingKind": "azureCommunicationServices"}'),
        (204, b""),
        (404, b'{"error": {"code": "8522"}}'),
        (404, b'{"error": {"code": 8522, "message": "Recording not found."}}'),
    ],
)
def test_answer_outside_the_specification_is_noticed(status: int, body: bytes) -> None:
    assert specification_of(OLD).check_answer(sent_start(OLD), status, body)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"recordingStorageInfo": {}, "recordingFormatType": "wav"},
        {"recordingStorageInfo": {"recordingChunks": [{"documentId": 1}]}},
        {"recordingStorageInfo": {}, "recordingStartTime": "4 August"},
        {"recordingStorageInfo": {}, "state": "active"},
    ],
)
def test_event_outside_the_specification_is_noticed(data: dict[str, Any]) -> None:
    assert check_event(Specification.read("eventgrid_"), "RecordingFileStatusUpdated", data)


def test_requests_of_ours_are_checked_by_the_version_they_name() -> None:
    agent = {"user-agent": "recordingd"}
    good = sent_start(OLD, headers=agent)
    bad = sent_start(OLD, headers=agent, pauseOnStart=True)
    fine_later = sent_start(NEW, headers=agent, pauseOnStart=True)
    of_others = sent_start(OLD, pauseOnStart=True)
    of_a_file = replace(bad, path="/v1/objects/x")
    listed = [asdict(sent) for sent in (good, bad, fine_later, of_others, of_a_file)]
    [fault] = faults_of_ours(listed)
    assert "pauseOnStart" in fault
