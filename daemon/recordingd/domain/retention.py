"""How long recordings are kept: what rules say, and what was written down for one recording.

`RetentionSpec` is the body of one rule; a `Keeping` is that body frozen on a recording that the
rule was found to match. Dates follow from a recording's keepings alone (`planning.derivation`);
which rules match is `planning.rules`'.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime

from recordingd.domain.durations import Duration, Forever
from recordingd.domain.matchers import Condition, RuleName, Source

# The rule behind a date that no policy wrote: the settings' `ceiling`.
CEILING = RuleName("settings#ceiling")


class CountFrom(enum.Enum):
    """The moment that retention counts from."""

    CALL_END = "callEnd"
    STORED = "stored"


@dataclass(frozen=True, slots=True)
class EventClock:
    """Retention counts from a named moment that a signal tells; until then nothing is due."""

    name: str

    def __str__(self) -> str:
        return f"event:{self.name}"


class Basis(enum.Enum):
    """Why a floor stands: only a legal obligation stops an erasure request."""

    LEGAL_OBLIGATION = "legalObligation"
    BUSINESS_NEED = "businessNeed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionSpec:
    """How long files are kept; None is no opinion.

    `decide_after` is how long after the call's end a fact may still come that decides whether the
    rule matches.
    """

    keep_at_least: Duration | Forever | None = None
    delete_after: Duration | Forever | None = None
    count_from: CountFrom | EventClock = CountFrom.CALL_END
    basis: Basis = Basis.BUSINESS_NEED
    decide_after: Duration = field(default_factory=lambda: Duration(seconds=24 * 3600))


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRule:
    """One rule about how long the recordings of some calls are kept.

    A locked rule may only be lengthened or widened. Of an observed one only the floor counts.
    """

    name: RuleName
    source: Source
    match: Condition
    spec: RetentionSpec
    priority: int = 0
    is_locked: bool = False
    description: str | None = None
    is_observed: bool = False
    valid_from: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """What one rule said of one recording, frozen with the revision that it was read in.

    `is_certain` is False while a fact is missing that decides whether the rule matches: the floor
    counts then, the deletion only where it puts off what the other rules say.
    """

    rule: RuleName
    source: Source | None
    revision: int
    priority: int
    spec: RetentionSpec
    is_certain: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReading:
    """The last time that everything that is kept was held against the rules in force.

    `words` is the digest of what they said of keeping (`planning.keeping_words`); `waiting` counts
    the recordings that they would let go earlier and that no approved plan names.
    """

    words: str
    waiting: int
    read_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedItems:
    """Kept recordings whose deletion came earlier within a while, and the bytes of their copies."""

    count: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTotals:
    """How much is kept in all."""

    count: int
