from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordingd.acs.errors import (
    Answer,
    Operation,
    fault_for,
    fault_for_body,
    fault_for_silence,
    fault_for_unreadable,
    read_retry_after,
)
from recordingd.domain.errors import (
    AmbiguousFault,
    CloudFault,
    NotFoundFault,
    PermanentFault,
    RetryableFault,
)

NOW = datetime(2026, 8, 4, 10, 0, 0, tzinfo=UTC)
HTML = b"<!DOCTYPE html><html><body>Bad Request</body></html>"
ALL = tuple(Operation)
STORAGE = (Operation.DOWNLOAD, Operation.FETCH_METADATA, Operation.REMOVE)
READS = (Operation.FETCH_STATE, Operation.DOWNLOAD, Operation.FETCH_METADATA)
CONTROLS = (Operation.PAUSE, Operation.RESUME, Operation.STOP)
CHANGES = (Operation.START, *CONTROLS, Operation.REMOVE)
SERVICE = (Operation.START, Operation.FETCH_STATE, *CONTROLS)


def make_answer(
    status: int, subcode: str | None = None, *, body: bytes | None = None, **headers: str
) -> Answer:
    if body is None:
        error = {"error": {"code": subcode, "message": "m"}}
        body = json.dumps(error).encode() if subcode is not None else b""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, headers=names, body=body)


def kind_of(operation: Operation, answer: Answer) -> type[CloudFault]:
    return type(fault_for(operation, answer, now=NOW))


EXPECTED = [
    # throttling and temporary trouble
    *((op, 429, "8589", RetryableFault) for op in SERVICE),
    *((op, 429, None, RetryableFault) for op in ALL),
    *((op, 503, None, RetryableFault) for op in ALL),
    (Operation.START, 400, "8516", RetryableFault),
    (Operation.STOP, 500, "8589", RetryableFault),
    # credentials: never drop a recording over them
    *((op, status, None, RetryableFault) for op in ALL for status in (401, 403)),
    (Operation.START, 401, "7509", RetryableFault),
    (Operation.START, 403, "7504", RetryableFault),
    # a recording is running already
    (Operation.START, 400, "8553", AmbiguousFault),
    (Operation.START, 400, "8559", AmbiguousFault),
    (Operation.START, 409, "8571", AmbiguousFault),
    (Operation.START, 409, "8519", AmbiguousFault),
    (Operation.START, 409, None, AmbiguousFault),
    (Operation.START, 400, "8571", AmbiguousFault),
    # the recording is in another state than assumed
    (Operation.PAUSE, 409, "8571", AmbiguousFault),
    (Operation.PAUSE, 400, "8573", AmbiguousFault),
    (Operation.RESUME, 405, "8573", AmbiguousFault),
    (Operation.STOP, 409, None, AmbiguousFault),
    # the call
    (Operation.START, 400, "8501", RetryableFault),
    (Operation.STOP, 400, "8501", RetryableFault),
    (Operation.START, 400, "8585", RetryableFault),
    (Operation.PAUSE, 405, "8520", RetryableFault),
    (Operation.START, 400, "8528", PermanentFault),
    (Operation.STOP, 400, "8528", NotFoundFault),
    (Operation.START, 404, "8522", NotFoundFault),
    (Operation.START, 404, "8543", NotFoundFault),
    *((op, 404, "8522", NotFoundFault) for op in SERVICE),
    *((op, 404, "9999", NotFoundFault) for op in SERVICE),
    # a gateway's 404 says nothing about the recording
    *((op, 404, None, RetryableFault) for op in SERVICE),
    # refused for good
    (Operation.START, 400, "8523", PermanentFault),
    (Operation.START, 400, "8557", PermanentFault),
    (Operation.START, 412, "8583", PermanentFault),
    (Operation.PAUSE, 412, None, PermanentFault),
    (Operation.START, 400, "UnsupportedApiVersion", PermanentFault),
    (Operation.FETCH_STATE, 400, "8523", PermanentFault),
    # executed or not, nobody knows
    *((op, status, "9999", AmbiguousFault) for op in CHANGES for status in (500, 502, 504, 599)),
    *((op, status, None, RetryableFault) for op in READS for status in (500, 502, 504, 599)),
    # storage
    *((op, status, None, NotFoundFault) for op in STORAGE for status in (404, 410)),
    *((op, status, None, RetryableFault) for op in STORAGE for status in (400, 405, 416, 451)),
    # unasked redirects, and requests that never arrived whole
    *((op, status, None, RetryableFault) for op in ALL for status in (302, 307, 408, 425)),
]


@pytest.mark.parametrize(("operation", "status", "subcode", "kind"), EXPECTED)
def test_answer_means_what_the_table_says(
    operation: Operation, status: int, subcode: str | None, kind: type[CloudFault]
) -> None:
    assert kind_of(operation, make_answer(status, subcode)) is kind


@pytest.mark.parametrize("operation", ALL)
@pytest.mark.parametrize("status", [400, 403, 404, 409, 412])
def test_page_with_a_4xx_is_somebody_elses_and_retryable(operation: Operation, status: int) -> None:
    assert kind_of(operation, make_answer(status, body=HTML)) is RetryableFault


@pytest.mark.parametrize("operation", CHANGES)
def test_page_with_a_502_leaves_a_change_ambiguous(operation: Operation) -> None:
    assert kind_of(operation, make_answer(502, body=HTML)) is AmbiguousFault


@given(
    operation=st.sampled_from(ALL),
    status=st.integers(100, 999),
    subcode=st.none() | st.from_regex(r"[0-9]{4}", fullmatch=True),
)
def test_every_answer_has_exactly_one_fault(
    operation: Operation, status: int, subcode: str | None
) -> None:
    fault = fault_for(operation, make_answer(status, subcode), now=NOW)
    assert isinstance(fault, RetryableFault | PermanentFault | AmbiguousFault)
    assert fault.detail.status == status
    assert fault.detail.subcode == subcode
    if operation in READS:
        assert not isinstance(fault, AmbiguousFault)


@pytest.mark.parametrize("operation", ALL)
def test_silence_before_sending_is_retryable(operation: Operation) -> None:
    fault = fault_for_silence(operation, was_sent=False, reason="refused")
    assert type(fault) is RetryableFault
    assert fault.detail.status is None


@pytest.mark.parametrize(
    ("operation", "kind"),
    [*((op, AmbiguousFault) for op in CHANGES), *((op, RetryableFault) for op in READS)],
)
def test_silence_after_sending_is_ambiguous_for_changes_alone(
    operation: Operation, kind: type[CloudFault]
) -> None:
    assert type(fault_for_silence(operation, was_sent=True, reason="reset")) is kind
    answer = make_answer(200, body=b"?")
    assert type(fault_for_unreadable(operation, answer, "no id", now=NOW)) is kind


def test_body_that_broke_off_is_retryable() -> None:
    assert fault_for_body(Operation.DOWNLOAD, "short").detail.operation == "download"


def test_detail_carries_what_an_operator_needs() -> None:
    answer = make_answer(503, "9999", ms_cv="cv.0", retry_after="7")
    detail = fault_for(Operation.START, answer, now=NOW).detail
    assert str(detail) == "start: HTTP 503/9999: m"
    assert (detail.delay_seconds, detail.correlation) == (7.0, "cv.0")


def test_chain_id_stands_in_for_a_missing_correlation_vector() -> None:
    answer = make_answer(500, x_microsoft_skype_chain_id="chain")
    assert fault_for(Operation.STOP, answer, now=NOW).detail.correlation == "chain"


@pytest.mark.parametrize(
    "message",
    [
        "used string Signature=f8S9Mc/XohFyKzmwULBun1z3X49dKQ97Y86n3yNO3XA= to check",
        "The MAC f8S9Mc/XohFyKzmwULBun1z3X49dKQ97Y86n3yNO3XA= differs",
        "Bearer f8S9Mc.XohFyKzmwULBun1z3X49dKQ97Y86n3yNO3XA is bad",
        "https://x/?sig=f8S9Mc%2FXohFyKzmwULBun1z3X49dKQ97Y86n3yNO3XA%3D&x=1",
    ],
)
def test_echoed_credentials_are_masked(message: str) -> None:
    body = json.dumps({"error": {"code": "7509", "message": message}}).encode()
    fault = fault_for(Operation.START, make_answer(401, body=body), now=NOW)
    assert "f8S9Mc" not in str(fault) + repr(fault.detail)


def test_message_is_one_short_printable_line() -> None:
    body = json.dumps(
        {"error": {"code": "1\n2", "message": "a\r\nb\0\u202e" + "x" * 9999}}
    ).encode()
    detail = fault_for(Operation.START, make_answer(400, body=body), now=NOW).detail
    assert str(detail).isprintable()
    assert len(detail.message) <= 300


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        ("1.5", 1.5),
        (" 120 ", 120.0),
        ("299", 299.0),
        ("300", 300.0),
        ("301", 300.0),
        ("9" * 5000, 300.0),
        ("-5", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("1e3", None),
        (format_datetime(NOW + timedelta(seconds=30), usegmt=True), 30.0),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0),
        (format_datetime(NOW + timedelta(days=999), usegmt=True), 300.0),
        ("Tue, 04 Aug 2026 10:00:10 -0000", 10.0),
        ("Tue, 99 Aug 2026 10:00:10 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -1400", 300.0),
    ],
)
def test_retry_after_is_read_and_clamped(value: str | None, seconds: float | None) -> None:
    assert read_retry_after(value, now=NOW) == seconds


@given(value=st.text(max_size=40))
def test_no_retry_after_breaks_the_reader(value: str) -> None:
    seconds = read_retry_after(value, now=NOW)
    assert seconds is None or 0.0 <= seconds <= 300.0
