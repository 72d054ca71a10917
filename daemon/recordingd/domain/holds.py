"""Legal holds: vetoes over every deletion of what they match, until somebody releases them.

Built by `config`, matched by `planning.rules`, remembered by the ledger from the first load on: a
hold whose document is gone stays in force.
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
