from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordingd.acs.wire import (
    ServiceError,
    Unreadable,
    identifier,
    looks_like_html,
    read_error,
    read_is_active,
    read_metadata,
    read_recording_id,
    start_body,
)
from recordingd.domain.calls import RawId, ServerCallId
from recordingd.domain.policies import Channels, Content, MediaFormat
from recordingd.ports.cloud import StartRequest

PLAIN = StartRequest(
    server_call_id=ServerCallId("SCID"),
    content=Content.AUDIO,
    channels=Channels.MIXED,
    format=MediaFormat.MP3,
    affinity={},
    start_paused=False,
    container=None,
    callback_url=None,
    request_id="50c5d7eb-3fff-4097-8ecc-bb91eef95f05",
    first_sent_at=datetime(2026, 8, 4, 10, 0, 0, tzinfo=UTC),
)


def make_metadata(**changes: object) -> bytes:
    document: dict[str, object] = {
        "chunkDuration": 5580.0,
        "pauseResumeIntervals": [{"startTime": "2026-08-04T10:00:01.6494224Z", "duration": 1500.0}],
        "recordingInfo": {"audioConfiguration": {"sampleRate": 16000, "channels": 2}},
        "participants": [
            {"participantId": "8:acs:a", "channel": 0},
            {"participantId": "8:acs:b", "channel": 1},
        ],
    }
    return json.dumps(document | changes).encode()


# --- start ----------------------------------------------------------------------------------------


def test_plain_start_sends_no_nulls_and_an_empty_affinity() -> None:
    assert start_body(PLAIN) == (
        b'{"callLocator": {"serverCallId": "SCID", "kind": "serverCallLocator"}, '
        b'"recordingContentType": "audio", "recordingChannelType": "mixed", '
        b'"recordingFormatType": "mp3", "channelAffinity": []}'
    )


def test_full_start_is_the_documented_one_byte_for_byte() -> None:
    request = replace(
        PLAIN,
        channels=Channels.UNMIXED,
        format=MediaFormat.WAV,
        affinity={0: RawId("8:acs:a_b")},
        start_paused=True,
        container="https://a.blob.core.windows.net/c",
        callback_url="https://x/cb",
    )
    assert start_body(request) == (
        b'{"callLocator": {"serverCallId": "SCID", "kind": "serverCallLocator"}, '
        b'"recordingStateCallbackUri": "https://x/cb", "recordingContentType": "audio", '
        b'"recordingChannelType": "unmixed", "recordingFormatType": "wav", '
        b'"channelAffinity": [{"channel": 0, "participant": {"rawId": "8:acs:a_b", '
        b'"communicationUser": {"id": "8:acs:a_b"}}}], "pauseOnStart": true, '
        b'"externalStorage": {"recordingStorageKind": "azureBlobStorage", '
        b'"recordingDestinationContainerUrl": "https://a.blob.core.windows.net/c"}}'
    )


def test_order_of_the_affinity_mapping_does_not_change_the_bytes() -> None:
    forwards = replace(PLAIN, affinity={0: RawId("8:acs:a"), 1: RawId("4:+4930")})
    backwards = replace(PLAIN, affinity={1: RawId("4:+4930"), 0: RawId("8:acs:a")})
    assert start_body(forwards) == start_body(backwards)


@pytest.mark.parametrize(
    ("raw_id", "model"),
    [
        ("8:acs:a_b", {"communicationUser": {"id": "8:acs:a_b"}}),
        ("8:spool:z", {"communicationUser": {"id": "8:spool:z"}}),
        ("8:gcch-acs:q", {"communicationUser": {"id": "8:gcch-acs:q"}}),
        ("4:+4930123", {"phoneNumber": {"value": "+4930123"}}),
        ("4:anonymous", {"phoneNumber": {"value": "anonymous"}}),
        ("4:+4930123_5f", {"phoneNumber": {"value": "+4930123_5f"}}),
        (
            "8:orgid:u",
            {"microsoftTeamsUser": {"userId": "u", "isAnonymous": False, "cloud": "public"}},
        ),
        ("8:dod:u", {"microsoftTeamsUser": {"userId": "u", "isAnonymous": False, "cloud": "dod"}}),
        (
            "8:gcch:u",
            {"microsoftTeamsUser": {"userId": "u", "isAnonymous": False, "cloud": "gcch"}},
        ),
        (
            "8:teamsvisitor:u",
            {"microsoftTeamsUser": {"userId": "u", "isAnonymous": True, "cloud": "public"}},
        ),
        ("28:orgid:app", {"microsoftTeamsApp": {"appId": "app", "cloud": "public"}}),
        ("28:dod:app", {"microsoftTeamsApp": {"appId": "app", "cloud": "dod"}}),
        (
            "8:acs:res_tenant_user",
            {
                "teamsExtensionUser": {
                    "userId": "user",
                    "tenantId": "tenant",
                    "resourceId": "res",
                    "cloud": "public",
                }
            },
        ),
        ("28:bot", {}),
        ("8:other:x", {}),
        ("weird", {}),
        ("", {}),
    ],
)
def test_raw_id_says_which_kind_of_participant_is_sent(raw_id: str, model: object) -> None:
    found = identifier(RawId(raw_id))
    assert found.pop("rawId") == raw_id
    assert found == model


# --- answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("recording_id", ["eyJQ", "eyJQ==", "a-b_c.d~e", "...", "x" * 4096])
def test_recording_id_is_opaque_with_or_without_padding(recording_id: str) -> None:
    body = json.dumps({"recordingId": recording_id, "recordingState": "inactive", "extra": [1]})
    assert read_recording_id(body.encode()) == recording_id


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b"{}",
        b'{"recordingId": null}',
        b'{"recordingId": 7}',
        b'{"recordingId": ""}',
        b'{"recordingId": "."}',
        b'{"recordingId": ".."}',
        b'{"recordingId": "a b"}',
        b'{"recordingId": "a\\n"}',
        b'{"recordingId": "\\ud800"}',
        b'{"recordingId": "' + b"x" * 4097 + b'"}',
        b"[" * 100_000,
        b'{"recordingId": "x", "n": ' + b"1" * 5000 + b"}",
        b"\xff\xfe",
    ],
    ids=lambda body: body[:30].decode("latin-1"),
)
def test_answer_without_a_usable_recording_id_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read_recording_id(body)


@pytest.mark.parametrize(
    ("state", "is_active"),
    [("active", True), ("inactive", False), ("somethingNew", False), ("", False)],
)
def test_only_the_word_active_means_capturing(state: str, *, is_active: bool) -> None:
    assert read_is_active(json.dumps({"recordingState": state}).encode()) is is_active


@pytest.mark.parametrize("body", [b"{}", b'{"recordingState": true}', b'{"state": "active"}'])
def test_answer_without_a_state_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read_is_active(body)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (
            b'{"error":{"code":"8522","message":"Recording not found."}}',
            "8522",
            "Recording not found.",
        ),
        (b'{"error":{"code":8501,"message":"m","innererror":{"code":"x"}}}', "8501", "m"),
        (b'{"error":{"code":null}}', "", ""),
        (b'{"error":"text"}', "", ""),
        (b'{"title":"Unauthorized","status":401,"message":"No."}', "", "No."),
        (b'{"title":"Unauthorized","status":401}', "", "Unauthorized"),
        (b'\xef\xbb\xbf{"title":"With a byte order mark"}', "", "With a byte order mark"),
        (b"<!DOCTYPE html><html></html>", "", ""),
        (b"", "", ""),
        (b"[1]", "", ""),
        (b"\xff", "", ""),
    ],
)
def test_every_shape_of_error_body_is_read(body: bytes, code: str, message: str) -> None:
    assert read_error(body) == ServiceError(code=code, message=message)


@pytest.mark.parametrize(
    ("content_type", "start", "is_html"),
    [
        ("text/html; charset=utf-8", b"", True),
        ("TEXT/HTML", b"x", True),
        ("", b"\r\n <!DOCTYPE HTML><html>", True),
        ("application/octet-stream", b"\xef\xbb\xbf<html lang=en>", True),
        ("application/octet-stream", b"RIFF\0\0\0\0WAVE", False),
        ("application/json", b'{"a": "<html>"}', False),
        ("", b"", False),
    ],
)
def test_pages_are_told_from_files(content_type: str, start: bytes, *, is_html: bool) -> None:
    assert looks_like_html(content_type, start) is is_html


# --- metadata -------------------------------------------------------------------------------------


def test_unmixed_metadata_gives_lengths_channels_and_pauses() -> None:
    body = make_metadata()
    found = read_metadata(body)
    assert found.body == body
    assert (found.duration_ms, found.channels) == (5580, 2)
    assert found.participants == {"8:acs:a": 0, "8:acs:b": 1}
    assert found.pauses == ((datetime(2026, 8, 4, 10, 0, 1, 649422, tzinfo=UTC), 1500),)


def test_mixed_metadata_gives_participants_without_channels() -> None:
    found = read_metadata(make_metadata(participants=[{"participantId": "4:+4930"}]))
    assert found.participants == {"4:+4930": None}


def test_live_quirks_are_read() -> None:
    document = {
        "chunkDuration": 1990440.0,
        "recordingInfo": {
            "contentType": "mixed",
            "channelType": "audioVideo",
            "audioConfiguration": {"channels": 1},
            "videoConfiguration": {"framerate": 8},
        },
        "participants": [],
    }
    body = json.dumps(document, indent=2).replace("\n", "\r\n").encode()
    found = read_metadata(body)
    assert (found.duration_ms, found.channels) == (1990440, 1)


def test_channel_given_once_is_kept_when_a_participant_is_listed_twice() -> None:
    twice = [{"participantId": "8:acs:a", "channel": 3}, {"participantId": "8:acs:a"}]
    assert read_metadata(make_metadata(participants=twice)).participants == {"8:acs:a": 3}


@pytest.mark.parametrize(
    "value", [None, True, "5580", -1, 1e300, float("nan"), float("inf"), [], {}, 10**18]
)
def test_duration_that_is_no_duration_is_none(value: object) -> None:
    assert read_metadata(make_metadata(chunkDuration=value)).duration_ms is None


@pytest.mark.parametrize("value", [None, 0, -1, "1", 1000, True])
def test_channel_count_that_is_none_is_none(value: object) -> None:
    info = {"audioConfiguration": {"channels": value}}
    assert read_metadata(make_metadata(recordingInfo=info)).channels is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-08-04T10:00:00Z", datetime(2026, 8, 4, 10, tzinfo=UTC)),
        ("2026-08-04T10:00:00.1234567Z", datetime(2026, 8, 4, 10, 0, 0, 123456, tzinfo=UTC)),
        ("2026-08-04T10:00:00.1234567+02:00", datetime(2026, 8, 4, 8, 0, 0, 123456, tzinfo=UTC)),
        ("2026-08-04T10:00:00", datetime(2026, 8, 4, 10, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_pause_starts_are_read_into_utc(text: str, moment: datetime) -> None:
    pauses = [{"startTime": text, "duration": 1}]
    assert read_metadata(make_metadata(pauseResumeIntervals=pauses)).pauses == ((moment, 1),)


@pytest.mark.parametrize(
    "pause",
    [
        {},
        None,
        "x",
        {"startTime": "yesterday", "duration": 1},
        {"startTime": "0001-01-01T00:00:00+14:00", "duration": 1},
        {"startTime": "9999-12-31T23:59:59-14:00", "duration": 1},
        {"startTime": 5, "duration": 1},
        {"startTime": "2026-08-04T10:00:00Z", "duration": -1},
        {"startTime": "2026-08-04T10:00:00Z"},
    ],
)
def test_pause_that_cannot_be_used_is_left_out(pause: object) -> None:
    assert read_metadata(make_metadata(pauseResumeIntervals=[pause])).pauses == ()


@pytest.mark.parametrize("raw_id", ["", None, 5, "a\0b", "\ud800", "\u202egnp"])
def test_participant_with_an_impossible_id_is_left_out(raw_id: object) -> None:
    participants = [{"participantId": raw_id}, {"participantId": "8:acs:a"}]
    assert read_metadata(make_metadata(participants=participants)).participants == {"8:acs:a": None}


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b"[" * 100_000, b"\xff\0"])
def test_document_that_is_no_metadata_is_kept_and_says_nothing(body: bytes) -> None:
    found = read_metadata(body)
    assert found.body == body
    assert (found.duration_ms, found.channels, found.participants, found.pauses) == (
        None,
        None,
        {},
        (),
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("chunkDuration", "recordingInfo", "audioConfiguration", "channels"),
                    *("participants", "participantId", "channel", "error", "code", "message"),
                    *("pauseResumeIntervals", "startTime", "duration", "recordingId"),
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(document=JSON)
def test_no_document_breaks_a_reader(document: object) -> None:
    body = json.dumps(document).encode()
    metadata = read_metadata(body)
    assert metadata.duration_ms is None or metadata.duration_ms >= 0
    assert all(start.tzinfo is UTC for start, _ in metadata.pauses)
    assert isinstance(read_error(body), ServiceError)


@pytest.mark.parametrize(
    "changes", [{"server_call_id": None}, {"group_call_id": "g"}, {"connection_id": "c"}]
)
def test_start_names_its_call_exactly_once(changes: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="names its call once"):
        replace(PLAIN, **changes)
