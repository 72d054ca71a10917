"""What a plan shows of the policies themselves: what differs from those in force, and what follows.

Called by `runtime.foresight` with the set of the files and the one in force. Rules are compared by
`planning.differences`; what a change does to each recording is `planning.forecast`'s, here it is
only added up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from recordingd.domain.consent import ConsentRule
from recordingd.domain.durations import Forever
from recordingd.domain.pauses import PauseRule
from recordingd.domain.plans import ReasonCode, Why
from recordingd.domain.policies import PolicySet, RecordingPolicy
from recordingd.domain.recordings import RecordingId
from recordingd.domain.retention import RetentionRule
from recordingd.planning.differences import Change, Difference, differences
from recordingd.planning.documents import RuleKind, rules_of
from recordingd.planning.forecast import CHANGE, PlanLine, Section
from recordingd.planning.guards import MAX_DELETES
from recordingd.planning.locking import shrinkages
from recordingd.planning.sizes import bytes_in_words

KEPT, FILES = "kept recordings", "the policy files"
LOCK = "its lock"
# What a reload refuses files for, whatever else they say.
REFUSING = frozenset({LOCK, MAX_DELETES})
_VERBS = {Change.ADDED: "add", Change.CHANGED: CHANGE, Change.REMOVED: "delete"}
_NOT_SET = "not set"


def policy_lines(
    before: PolicySet | None, after: PolicySet, *, revision: int, now: datetime, horizon: datetime
) -> Iterator[PlanLine]:
    """Yield the rules that differ from those in force, and those that expire by `horizon`.

    `before` is None where nothing is in force yet, or where it cannot be read any more; `revision`
    is its number, 0 for none.
    """
    since = f"since revision {revision}" if revision else "no revision is in force yet"
    if revision and before is None:
        since = f"revision {revision} cannot be read by this version, so that every rule is new"
    found = differences(before, after)
    for one in found:
        yield _difference_line(one, since, now)
    if before is not None and not found and before.digest != after.digest:
        text = f"only the texts around the rules differ {since}"
        yield _line(Why(code=ReasonCode.POLICY_CHANGED, text=text), FILES, now)
    for taken_back in shrinkages(before, after) if before is not None else ():
        source = taken_back.is_at or taken_back.was_at
        why = Why(code=ReasonCode.POLICY_CHANGED, text=str(taken_back), source=source)
        target = f"{RuleKind.RETENTION_RULE} {taken_back.rule}"
        yield replace(_line(why, target, now), blocked_by=LOCK)
    yield from _expiring(after, now, horizon)


def _difference_line(one: Difference, since: str, now: datetime) -> PlanLine:
    fields = ", ".join(f"{f.path} {_shown(f.old)} -> {_shown(f.new)}" for f in one.fields)
    words = "; ".join(part for part in (one.effect, fields, since) if part)
    why = Why(code=ReasonCode.POLICY_CHANGED, text=words, source=one.source)
    return replace(_line(why, f"{one.kind} {one.name}", now), verb=_VERBS[one.change])


def _shown(text: str | None) -> str:
    return _NOT_SET if text is None else text


def _line(why: Why, target: str, now: datetime) -> PlanLine:
    return PlanLine(section=Section.POLICY, verb=CHANGE, target=target, why=why, at=now)


# --- rules that expire ----------------------------------------------------------------------------


def _expiring(policies: PolicySet, now: datetime, horizon: datetime) -> Iterator[PlanLine]:
    for (kind, name), rule in rules_of(policies).items():
        if not isinstance(rule, RecordingPolicy | ConsentRule | PauseRule | RetentionRule):
            continue
        ends_at = rule.valid_until
        if ends_at is not None and now < ends_at <= horizon:
            text = f"expires in {_in_words(ends_at - now)}"
            why = Why(code=ReasonCode.POLICY_EXPIRES, text=text, source=rule.source)
            yield replace(_line(why, f"{kind} {name}", ends_at), verb="expire", is_forecast=True)


def _in_words(left: timedelta) -> str:
    if left.days:
        return f"{left.days} d"
    minutes = int(left.total_seconds()) // 60
    return f"{minutes // 60} h" if minutes >= 60 else f"{minutes} min"


# --- what follows for what is kept ----------------------------------------------------------------


def kept_lines(
    lines: Iterable[PlanLine], now: datetime, *, refusal: str | None = None
) -> Iterator[PlanLine]:
    """Add up what the rules change for what is kept: what is taken over at once, what is not.

    `refusal` says why a reload refuses the files for what they would let go, None when it does not.
    """
    groups: dict[tuple[bool, str | None], dict[RecordingId, PlanLine]] = defaultdict(dict)
    for line in lines:
        if line.verb == CHANGE and line.recording is not None:
            groups[line.is_shorter, line.blocked_by][line.recording] = line
    # What keeps longer comes first, and of the same kind what nothing blocks.
    for key in sorted(groups, key=lambda key: (key[0], key[1] or "")):
        yield _sum_line(list(groups[key].values()), now, is_shorter=key[0], blocked_by=key[1])
    if refusal is not None:
        why = Why(code=ReasonCode.POLICY_CHANGED, text=refusal)
        yield replace(_line(why, FILES, now), blocked_by=MAX_DELETES)


def _sum_line(
    lines: Sequence[PlanLine], now: datetime, *, is_shorter: bool, blocked_by: str | None
) -> PlanLine:
    size = sum(line.size_bytes for line in lines)
    kept = "kept shorter" if is_shorter else "kept longer"
    what = f"{kept} at once" if blocked_by is None else f"would be {kept}"
    count = f"{len(lines):,} recording{'s' * (len(lines) > 1)}"
    text = f"{what}: {count} ({bytes_in_words(size)}), {_dates(lines)}"
    why = Why(code=ReasonCode.KEEPING_CHANGED, text=text)
    return replace(
        _line(why, KEPT, now),
        blocked_by=blocked_by,
        size_bytes=size,
        is_shorter=is_shorter,
        is_sum=True,
    )


def _dates(lines: Sequence[PlanLine]) -> str:
    """Say between which days they then go."""
    days = sorted(f"{at:%Y-%m-%d}" for line in lines if isinstance(at := line.goes_at, datetime))
    rest = {
        "forever" if isinstance(line.goes_at, Forever) else "until a moment not known yet"
        for line in lines
        if not isinstance(line.goes_at, datetime)
    }
    known = (
        [f"until {days[0]}" + (f" to {days[-1]}" if days[-1] != days[0] else "")] if days else []
    )
    return " or ".join([*known, *sorted(rest)])
