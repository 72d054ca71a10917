"""What a policy set changes of the holds that the ledger remembers.

Called by `runtime` when a set is accepted, and by everything that shows what accepting one would
do. A hold is placed by the first load of its document; from then on nothing but a release ends it.
Which recordings a hold keeps is `planning.holds`'.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from recordingd.domain.holds import LegalHold, PlacedHold
from recordingd.domain.matchers import RuleName
from recordingd.domain.policies import PolicySet

# Where libyaml breaks lines; a line that begins with the marker begins a document, wherever it is.
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_MARKER = "---"


class HoldChange(enum.StrEnum):
    """What happened to a hold, as the audit names it."""

    PLACED = "hold.placed"
    RELEASED = "hold.released"
    RELEASE_WITHDRAWN = "hold.releaseWithdrawn"
    SOURCE_REMOVED = "hold.sourceRemoved"
    SOURCE_RETURNED = "hold.sourceReturned"
    CHANGED = "hold.changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """One hold as it is from now on, and what happened to it."""

    change: HoldChange
    hold: PlacedHold


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """Who accepts a set, as which revision, when, and how long a released hold still counts."""

    revision: int
    by: str
    now: datetime
    grace: timedelta


def placements(
    known: Iterable[PlacedHold], policies: PolicySet, placing: Placing
) -> tuple[Placement, ...]:
    """Return what accepting a set changes of the holds that are known, by name.

    Empty when it was done before: placing again changes nothing. A hold whose document is gone goes
    on, and one whose document comes back under its name is the same hold. A hold that was released
    without its document saying so stays released until the document is changed.
    """
    before = {hold.name: hold for hold in known}
    found = [*_described(before, policies, placing), *_undescribed(before, policies, placing)]
    return tuple(sorted(found, key=lambda placement: placement.hold.name))


def after_placing(
    known: Iterable[PlacedHold], policies: PolicySet, placing: Placing
) -> tuple[PlacedHold, ...]:
    """Return the holds as they are once a set is accepted, by name."""
    known = tuple(known)
    changed = {p.hold.name: p.hold for p in placements(known, policies, placing)}
    holds = {hold.name: hold for hold in known} | changed
    return tuple(holds[name] for name in sorted(holds))


def _described(
    before: dict[RuleName, PlacedHold], policies: PolicySet, placing: Placing
) -> Iterator[Placement]:
    for document in policies.holds:
        text = document_text(policies.texts.get(document.source.file, ""), document.source.line)
        known = before.get(document.name)
        if known is None:
            yield Placement(change=HoldChange.PLACED, hold=_placed(document, text, placing))
        else:
            hold = _read_again(known, document, text, placing)
            if hold != known:
                yield Placement(change=_change(known, hold), hold=hold)


def _placed(document: LegalHold, text: str, placing: Placing) -> PlacedHold:
    fresh = PlacedHold(
        name=document.name,
        text=text,
        source=document.source,
        reason=document.reason,
        owner=document.owner,
        review_by=document.review_by,
        policy_revision=placing.revision,
        placed_by=placing.by,
        placed_at=placing.now,
    )
    return _with_release(fresh, document, placing)


def _read_again(known: PlacedHold, document: LegalHold, text: str, placing: Placing) -> PlacedHold:
    hold = replace(
        known,
        text=text,
        source=document.source,
        reason=document.reason,
        owner=document.owner,
        review_by=document.review_by,
        source_removed_at=None,
    )
    if document.released is None and text != known.text:
        return replace(hold, released=None, ends_at=None)
    return _with_release(hold, document, placing)


def _with_release(hold: PlacedHold, document: LegalHold, placing: Placing) -> PlacedHold:
    """Release a hold as its document says; the grace counts from when that is known here.

    A release is reviewed before it arrives, and what is due must not go the moment it does.
    """
    if document.released is None or document.released == hold.released:
        return hold
    ends_at = max(document.released.at, placing.now) + placing.grace
    return replace(hold, released=document.released, ends_at=ends_at)


def _change(known: PlacedHold, hold: PlacedHold) -> HoldChange:
    if known.released is not None and hold.released is None:
        return HoldChange.RELEASE_WITHDRAWN
    if hold.released != known.released:
        return HoldChange.RELEASED
    if known.source_removed_at is not None:
        return HoldChange.SOURCE_RETURNED
    return HoldChange.CHANGED


def _undescribed(
    before: dict[RuleName, PlacedHold], policies: PolicySet, placing: Placing
) -> Iterator[Placement]:
    described = {document.name for document in policies.holds}
    for name, hold in before.items():
        is_told = hold.source_removed_at is not None or not hold.is_in_force(placing.now)
        if name not in described and not is_told:
            removed = replace(hold, source_removed_at=placing.now)
            yield Placement(change=HoldChange.SOURCE_REMOVED, hold=removed)


def document_text(text: str, line: int) -> str:
    """Return the one document of a YAML file that a line, counted from 1, belongs to."""
    lines = _LINE_BREAK.split(text)
    start = next((n for n in range(line - 1, -1, -1) if _begins(lines, n)), 0)
    end = next((n for n in range(max(line, start + 1), len(lines)) if _begins(lines, n)), None)
    first = lines[start].removeprefix(_MARKER).lstrip() if _begins(lines, start) else lines[start]
    return "\n".join([first, *lines[start + 1 : end]]).strip("\n") + "\n"


def _begins(lines: list[str], number: int) -> bool:
    return number < len(lines) and lines[number].startswith(_MARKER)
