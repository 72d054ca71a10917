"""The worked example is hmac-header-python.md's scheme, computed with the official SDK 1.6.0."""

from __future__ import annotations

import base64
import locale
from datetime import UTC, datetime, timedelta, timezone

import pytest

from recordingd.acs.signing import (
    EMPTY_BODY_HASH,
    Message,
    content_hash,
    format_date,
    sign,
    string_to_sign,
)

KEY = base64.b64decode("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
HOST = "contoso.communication.azure.com"
AT = datetime(2026, 8, 4, 10, 0, 0, tzinfo=UTC)
START_BODY = (
    b'{"callLocator": {"serverCallId": "SCID", "kind": "serverCallLocator"}, '
    b'"recordingStateCallbackUri": "https://x/cb", "recordingContentType": "audio", '
    b'"recordingChannelType": "unmixed", "recordingFormatType": "wav", '
    b'"channelAffinity": [{"channel": 0, "participant": {"rawId": "8:acs:a_b", '
    b'"communicationUser": {"id": "8:acs:a_b"}}}], "pauseOnStart": true, '
    b'"externalStorage": {"recordingStorageKind": "azureBlobStorage", '
    b'"recordingDestinationContainerUrl": "https://a.blob.core.windows.net/c"}}'
)


def signature_of(message: Message) -> str:
    return sign(message, key=KEY, at=AT)["Authorization"].partition("&Signature=")[2]


def test_read_of_a_recording_is_signed_as_the_service_expects() -> None:
    message = Message(
        method="GET", target="/calling/recordings/RID?api-version=2026-03-12", host=HOST
    )
    assert sign(message, key=KEY, at=AT) == {
        "x-ms-date": "Tue, 04 Aug 2026 10:00:00 GMT",
        "x-ms-content-sha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "Authorization": "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256"
        "&Signature=mj54VGGPV0cSrF3YgkpxNaS4PyM42q9quiiJf4WFQJ0=",
    }


def test_string_to_sign_joins_its_parts_byte_for_byte() -> None:
    message = Message(
        method="GET", target="/calling/recordings/RID?api-version=2026-03-12", host=HOST
    )
    assert string_to_sign(message, date=format_date(AT), body_hash=EMPTY_BODY_HASH) == (
        "GET\n/calling/recordings/RID?api-version=2026-03-12\n"
        "Tue, 04 Aug 2026 10:00:00 GMT;contoso.communication.azure.com;"
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    )


def test_start_is_signed_over_its_exact_body() -> None:
    assert len(START_BODY) == 491
    message = Message(
        method="POST",
        target="/calling/recordings?api-version=2026-03-12",
        host=HOST,
        body=START_BODY,
    )
    headers = sign(message, key=KEY, at=AT)
    assert headers["x-ms-content-sha256"] == "Ji6qyuWQ0EGLkajmhtqJH+q6QWESWob2TeLLYoVerJo="
    assert signature_of(message) == "ZsXQpJ9R0w+qpHcGogXcV3wkPkJikM3sIAgeiXvwISM="


def test_storage_request_is_signed_with_the_resources_host() -> None:
    message = Message(method="GET", target="/v1/objects/0-wus-d2-x/content/audio", host=HOST)
    assert signature_of(message) == "f8S9Mc/XohFyKzmwULBun1z3X49dKQ97Y86n3yNO3XA="


def test_constant_for_the_empty_body_is_its_hash() -> None:
    assert content_hash(b"") == EMPTY_BODY_HASH
    assert content_hash(b"\0") != EMPTY_BODY_HASH


@pytest.mark.parametrize(
    "message",
    [
        Message(method="POST", target="/a", host="h", body=b"b"),
        Message(method="GET", target="/a?x=1", host="h", body=b"b"),
        Message(method="GET", target="/a", host="h:1", body=b"b"),
        Message(method="GET", target="/a", host="h", body=b"c"),
    ],
)
def test_every_part_of_the_message_changes_the_signature(message: Message) -> None:
    assert signature_of(message) != signature_of(
        Message(method="GET", target="/a", host="h", body=b"b")
    )


def test_date_is_rendered_in_gmt_whatever_the_zone() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert format_date(elsewhere) == "Tue, 04 Aug 2026 10:00:00 GMT"


def test_date_is_cached_per_second_and_not_longer() -> None:
    dates = [format_date(AT + timedelta(seconds=s)) for s in (-0.001, 0, 0.999, 1)]
    assert [date[17:25] for date in dates] == ["09:59:59", "10:00:00", "10:00:00", "10:00:01"]


def test_date_ignores_the_locale() -> None:
    before = locale.setlocale(locale.LC_TIME)
    try:
        locale.setlocale(locale.LC_TIME, "")
        assert format_date(datetime(2026, 12, 1, tzinfo=UTC)) == "Tue, 01 Dec 2026 00:00:00 GMT"
    finally:
        locale.setlocale(locale.LC_TIME, before)
