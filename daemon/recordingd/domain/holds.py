"""Legal holds: vetoes over every deletion of what they match, until somebody releases them.

Built by `config`, matched by `planning.rules`, remembered by the ledger from the first load on: a
hold whose document is gone stays in force. `LegalHold` is what a document says, `PlacedHold` what
the ledger remembers of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from recordingd.domain.matchers import Condition, RuleName, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """Who ended a hold, when, and why."""

    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalHold:
    """One hold. A `review_by` that has passed warns and releases nothing.

    `allows_empty` says that matching nothing yet is meant so.
    """

    name: RuleName
    source: Source
    match: Condition
    reason: str
    owner: str
    review_by: date | None = None
    released: Released | None = None
    allows_empty: bool = False
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedHold:
    """A hold as the ledger remembers it, from the first load of its document on.

    `text` is the document as it was loaded last, `source` where it stood, and `policy_revision` the
    revision it was first loaded with. `source_removed_at` is since when no document describes it
    any more, None while one does. A hold that was `released` counts until `ends_at`; None is until
    somebody releases it.
    """

    name: RuleName
    text: str
    source: Source
    reason: str
    owner: str
    policy_revision: int
    placed_by: str
    placed_at: datetime
    review_by: date | None = None
    source_removed_at: datetime | None = None
    released: Released | None = None
    ends_at: datetime | None = None

    def is_in_force(self, now: datetime) -> bool:
        """Say whether it still keeps what it matches; exactly at its end it does not."""
        return self.ends_at is None or now < self.ends_at
