"""The one tree of errors that recordingd raises.

    RecordingdError
    |- ConfigurationError        settings or policies are wrong; carries every fault, positioned
    |- CloudFault                the service did not do what was asked
    |  |- RetryableFault         it was not done; ask again after a delay
    |  |- PermanentFault         it was not done and never will be, as asked
    |  |  `- NotFoundFault       the thing asked about is not there (any more)
    |  `- AmbiguousFault         sent, outcome unknown: same request with the same id, or observe
    |- UrlRefused                a URL outside the allow-list; nothing was sent
    |- KeysUnavailable           the keys that verify tokens cannot be had now: accept none
    |- MediaFault                a downloaded body is not the file it claims to be
    |- StoreRefused              a store answered that it will not do what was asked
    |- LedgerFault               the ledger could not be read or written
    |  |- LedgerMissing          there is none yet
    |  |- LedgerOutdated         its schema is older or newer than this program
    |  `- StaleSnapshot          the facts changed since the snapshot was read
    |- StateDirectoryBusy        another daemon owns the state directory
    |- UnsafePlan                a guard refused a plan; nothing of it ran
    `- InvariantBroken           a promise of the code itself does not hold

Library code raises these and nothing logs and carries on; the loop in `runtime` is where they end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

# How the text of every StoreRefused begins, so that a stored outcome can be told apart by it.
STORE_REFUSED = "the store refused"


class RecordingdError(Exception):
    """Any failure this program names."""


class ConfigurationError(RecordingdError):
    """Settings or policies that cannot be used; `faults` holds one rendered line per fault."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultDetail:
    """What the service answered, as far as it answered.

    `status` is the HTTP status or None when there was no response; `subcode` is the service's
    numeric code as it came; `delay_seconds` is how long it asked us to wait, already clamped.
    """

    operation: str
    status: int | None = None
    subcode: str | None = None
    message: str = ""
    delay_seconds: float | None = None
    correlation: str | None = None

    def __str__(self) -> str:
        """Render for logs and the ledger, without anything that came from a header."""
        status = "no response" if self.status is None else f"HTTP {self.status}"
        subcode = f"/{self.subcode}" if self.subcode else ""
        message = f": {self.message}" if self.message else ""
        return f"{self.operation}: {status}{subcode}{message}"


class CloudFault(RecordingdError):
    """The service did not confirm what was asked."""

    def __init__(self, detail: FaultDetail) -> None:
        super().__init__(str(detail))
        self.detail = detail


class RetryableFault(CloudFault):
    """The request was certainly not carried out, and may be sent again after a delay."""


class PermanentFault(CloudFault):
    """The request was refused and would be refused again."""


class NotFoundFault(PermanentFault):
    """What was asked about does not exist: never did, is over, expired, or was deleted."""


class AmbiguousFault(CloudFault):
    """The request was sent and its outcome is unknown: never follow it with a different request."""


class UrlRefused(RecordingdError):
    """A URL lies outside the allow-list; no byte was sent to it."""


class KeysUnavailable(RecordingdError):
    """The keys of a token issuer cannot be had, or not be brought up to date, just now."""


class MediaFault(RecordingdError):
    """A downloaded body fails a hard check: its length, its container, or its hash."""


class StoreRefused(RecordingdError):
    """A store answered, and refused: a missing permission, a lock, an immutable copy.

    `answer` is what it said, for receipts and people; `until` is when the refusal ends by itself,
    None where it does not say.
    """

    def __init__(self, answer: str, *, until: datetime | None = None) -> None:
        end = "" if until is None else f" until {until.isoformat()}"
        super().__init__(f"{STORE_REFUSED}{end}: {answer}")
        self.answer = answer
        self.until = until


class UnreadableEvent(RecordingdError):
    """An event cannot be understood; `field` is the dotted path at fault, None for the whole."""

    def __init__(self, reason: str, *, field: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field


class LedgerFault(RecordingdError):
    """The ledger could not be read or written; callers answer 503 or try again."""


class LedgerMissing(LedgerFault):
    """There is no ledger where the settings say."""


class LedgerOutdated(LedgerFault):
    """The ledger's schema is not the one this program knows."""


class StaleSnapshot(LedgerFault):
    """Facts of the call changed after the snapshot was read: read again and plan again."""


class StateDirectoryBusy(RecordingdError):
    """Another daemon holds the lock of this state directory."""


class UnsafePlan(RecordingdError):
    """A guard refused a plan; nothing of it ran."""


class InvariantBroken(RecordingdError):
    """A promise of the code itself does not hold: destructive work must stop."""
