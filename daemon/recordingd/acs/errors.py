"""Which fault every answer, and every silence, of the service means: the one table.

Called by `exchange`, `client` and `media`. It decides what is known to have happened, never whether
to try again. Sources, by row: "codes" is call-automation-sdk.md, "spec" the Call Automation
specification 2026-03-12, "seen" recorded traffic or a public report of it.
"""

from __future__ import annotations

import email.utils
import enum
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from recordingd.acs.wire import looks_like_html, read_error
from recordingd.domain.errors import (
    AmbiguousFault,
    CloudFault,
    FaultDetail,
    NotFoundFault,
    PermanentFault,
    RetryableFault,
)

RETRY_AFTER_SECONDS_MAX = 300.0
MESSAGE_LENGTH_MAX = 300
MESSAGE_READ_MAX = 16 * 1024


class Operation(enum.Enum):
    """What was asked, in the words of logs."""

    START = "start"
    FETCH_STATE = "fetch state"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    DOWNLOAD = "download"
    FETCH_METADATA = "fetch metadata"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response as it came; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def is_html(self) -> bool:
        """Whether it is a page for people instead of the service's word."""
        return looks_like_html(self.headers.get("content-type", ""), self.body)


class _Named(Container[object]):
    """Contains every subcode there is, and not its absence."""

    def __contains__(self, subcode: object) -> bool:
        return bool(subcode)


_START = frozenset({Operation.START})
_CONTROL = frozenset({Operation.PAUSE, Operation.RESUME, Operation.STOP})
_ON_RECORDING = _CONTROL | {Operation.FETCH_STATE}
_ON_STORAGE = frozenset({Operation.DOWNLOAD, Operation.FETCH_METADATA, Operation.REMOVE})
_ON_SERVICE = _START | _ON_RECORDING
_CHANGES = _START | _CONTROL | {Operation.REMOVE}
_EVERY = frozenset(Operation)
_ANY_STATUS = range(100, 1000)
_NAMED = _Named()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One line of the table; `subcodes` None takes any, and none at all."""

    on: frozenset[Operation]
    status: Container[int] = _ANY_STATUS
    subcodes: Container[object] | None = None
    fault: type[CloudFault]

    def fits(self, operation: Operation, status: int, subcode: str) -> bool:
        is_answer = operation in self.on and status in self.status
        return is_answer and (self.subcodes is None or subcode in self.subcodes)


# The first row that fits decides.
_TABLE: tuple[_Row, ...] = (
    # codes 8516 Call Throttled, 8589 Record Throttled: refused before anything was done.
    _Row(on=_ON_SERVICE, subcodes={"8516", "8589"}, fault=RetryableFault),
    # service-limits.md, 429; azure-sdk-for-net issue 34148, 503 for minutes on downloads.
    _Row(on=_EVERY, status={429, 503}, fault=RetryableFault),
    # A key was rotated, or a role assignment is young. The caller tells them by `detail.status`;
    # no recording may be dropped over it.
    _Row(on=_EVERY, status={401, 403}, fault=RetryableFault),
    # RFC 9110, 15.5.9: the request never arrived whole; RFC 8470, 425: it was not processed.
    _Row(on=_EVERY, status={408, 425}, fault=RetryableFault),
    # Nobody follows redirects but the downloader, and it keeps count: nothing was carried out.
    _Row(on=_EVERY, status=range(300, 400), fault=RetryableFault),
    # codes: "Duplicate start recording request" is 8559 in one table and 8553 in the other; 8571
    # Recording Operation Conflict. A recording runs, perhaps from our own lost request.
    _Row(on=_START, subcodes={"8553", "8559", "8571"}, fault=AmbiguousFault),
    _Row(on=_START, status={409}, fault=AmbiguousFault),
    # codes 8571, 8573 Pause Resume Method Not Allowed: the recording is in another state than the
    # one assumed; which one it is has to be read back.
    _Row(on=_CONTROL, subcodes={"8571", "8573"}, fault=AmbiguousFault),
    _Row(on=_CONTROL, status={409}, fault=AmbiguousFault),
    # codes 8528 Call Terminated: no recording can begin, and none of the call's is left.
    _Row(on=_START, subcodes={"8528"}, fault=PermanentFault),
    _Row(on=_ON_RECORDING, subcodes={"8528"}, fault=NotFoundFault),
    # seen: 400/8501 "Action is invalid when call is not in Established state"; codes 8585 not valid
    # in the current call state, 405/8520 not supported now. The call may still get there.
    _Row(on=_ON_SERVICE, subcodes={"8501", "8585", "8520"}, fault=RetryableFault),
    # seen: 404/8522 "Recording not found." once it is over; codes 8543 Call Doesn't Exist.
    _Row(on=_ON_SERVICE, subcodes={"8522", "8543"}, fault=NotFoundFault),
    _Row(on=_ON_SERVICE, status={404}, subcodes=_NAMED, fault=NotFoundFault),
    # A 404 without the service's own error body is a gateway's: taking it for "over" would leave a
    # recording running unwatched.
    _Row(on=_ON_SERVICE, status={404}, fault=RetryableFault),
    # seen: the storage hosts' 404 has an empty body; expired and deleted look the same.
    _Row(on=_ON_STORAGE, status={404, 410}, fault=NotFoundFault),
    # azure-sdk-for-js issue 33764: storage answers 400 now and then for files that are there. The
    # file's deadline bounds the retries of every other refusal too.
    _Row(on=_ON_STORAGE, status=range(400, 500), fault=RetryableFault),
    # spec: 412 when a precondition failed, 400/8523 invalid argument and their like: asking again
    # gives the same answer.
    _Row(on=_ON_SERVICE, status=range(400, 500), fault=PermanentFault),
    # azure-sdk-for-java issue 32963: 500/9999 while the work may have been done; a gateway's 502
    # and 504 say nothing about what stands behind it.
    _Row(on=_CHANGES, fault=AmbiguousFault),
    # azure-sdk-for-js issue 26261: 500 on the state right after a start. Reading changes nothing.
    _Row(on=_EVERY, fault=RetryableFault),
)


def fault_for(operation: Operation, answer: Answer, *, now: datetime) -> CloudFault:
    """Return the fault that an answer other than the expected one means; `now` reads Retry-After.

    A page for people with a 4xx status came from something in between, which carried out nothing.
    """
    error = read_error(answer.body)
    kind = _kind_of(operation, answer, error.code)
    message = error.message or _describe(answer)
    return kind(_detail(operation, answer, subcode=error.code, message=message, now=now))


def fault_for_unreadable(
    operation: Operation, answer: Answer, reason: str, *, now: datetime
) -> CloudFault:
    """Return the fault of an answer that reports success in a form that cannot be used."""
    kind = AmbiguousFault if operation in _CHANGES else RetryableFault
    return kind(_detail(operation, answer, subcode="", message=reason, now=now))


def fault_for_silence(operation: Operation, *, was_sent: bool, reason: str) -> CloudFault:
    """Return the fault of a request that got no whole response.

    `was_sent` False means that not one byte of it can have reached the service.
    """
    kind = AmbiguousFault if was_sent and operation in _CHANGES else RetryableFault
    return kind(FaultDetail(operation=operation.value, message=_clean(reason)))


def fault_for_body(operation: Operation, reason: str) -> RetryableFault:
    """Return the fault of a download that went wrong after it was answered, or of a lost trail.

    Reading changes nothing, and a redirect carries nothing out: asking again is safe.
    """
    return RetryableFault(FaultDetail(operation=operation.value, message=_clean(reason)))


def _kind_of(operation: Operation, answer: Answer, subcode: str) -> type[CloudFault]:
    if answer.is_html and 400 <= answer.status < 500:
        return RetryableFault
    return next(r.fault for r in _TABLE if r.fits(operation, answer.status, subcode))


def _detail(
    operation: Operation, answer: Answer, *, subcode: str, message: str, now: datetime
) -> FaultDetail:
    headers = answer.headers
    correlation = headers.get("ms-cv") or headers.get("x-microsoft-skype-chain-id")
    return FaultDetail(
        operation=operation.value,
        status=answer.status,
        subcode=_clean(subcode)[:32] or None,
        message=_clean(message),
        delay_seconds=read_retry_after(headers.get("retry-after"), now=now),
        correlation=correlation and _clean(correlation)[:128],
    )


def _describe(answer: Answer) -> str:
    if answer.is_html:
        return "a page instead of an answer"
    return "" if answer.body else "no body"


# Digests and keys in base64, and what follows the words that usually precede a secret: a peer may
# echo the request, and faults go to logs and the ledger.
_SECRETS = re.compile(
    r"(?i)((?:signature|sig|accesskey|code|key|token)=|bearer\s+)[^\s&;,\"']+|[a-z0-9+/]{43}="
)


def _clean(text: str) -> str:
    masked = _SECRETS.sub(lambda found: f"{found[1] or ''}***", text[:MESSAGE_READ_MAX])
    return "".join(c if c.isprintable() else " " for c in masked)[:MESSAGE_LENGTH_MAX].strip()


def read_retry_after(value: str | None, *, now: datetime) -> float | None:
    """Read a Retry-After header in seconds, clamped to 0..300; None when absent or meaningless.

    RFC 9110, 10.2.3: a number of seconds, or a date. Absurd ones must not park a recording.
    """
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return min(float(text[:12]), RETRY_AFTER_SECONDS_MAX)
    try:
        moment = email.utils.parsedate_to_datetime(text)
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), RETRY_AFTER_SECONDS_MAX)
