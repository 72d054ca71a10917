"""Named sets of places, where people may be: data that somebody reviewed, never legal advice."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date
from typing import NewType

from recordingd.domain.matchers import PlaceName, Source

# A country (ISO 3166-1, `DE`), for North America with its subdivision (ISO 3166-2, `US-CA`).
PlaceCode = NewType("PlaceCode", str)
# What a number that tells no place is in; a selector may ask for it.
UNKNOWN_PLACE = PlaceCode("unknown")


class Confidence(enum.Enum):
    """How sure whoever wrote the list is of it."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """A named set of places. A country's code covers its subdivisions."""

    name: PlaceName
    source: Source
    codes: frozenset[PlaceCode]
    reference: str | None = None
    reviewed_on: date | None = None
    confidence: Confidence | None = None
    description: str | None = None
