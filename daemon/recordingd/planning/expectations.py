"""Compare one moment of a rehearsed call with what a policy test expects of it.

Called by `planning.policy_tests`. Every field of an expectation has one line in a table here: what
was found, and how both are put in words. Names of fields are those of the language.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from recordingd.domain.calls import RawId
from recordingd.domain.durations import Duration, Forever, add
from recordingd.domain.plans import Action, ObserveRecording
from recordingd.domain.policy_tests import Expectation, ExpectedRetention
from recordingd.domain.recordings import Recording
from recordingd.domain.retention import CountFrom
from recordingd.planning.context import PlanningContext
from recordingd.planning.dates import Date, anchors_of
from recordingd.planning.holds import held_by
from recordingd.planning.rehearsal import Snapshot
from recordingd.planning.truth import NO, YES
from recordingd.planning.wishes import consent_of, wish

_NOTHING = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """One thing that is not as expected: its name in the language, and both values in words."""

    field: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.field}: expected {self.expected}, got {self.got}"


def mismatches_of(
    expectation: Expectation, snapshot: Snapshot, context: PlanningContext
) -> Iterator[Mismatch]:
    """Yield everything that is not as expected, in the order of the language."""
    winner, decision = snapshot.verdict.winner, snapshot.verdict.decision
    if expectation.policy is not None:
        yield from _compare("policy", expectation.policy, winner.name if winner is not None else "")
    if expectation.decision is not None:
        yield from _compare("decision", expectation.decision, decision)
    yield from _record(expectation, snapshot)
    if expectation.capture is not None:
        yield from _compare("capture", expectation.capture, snapshot.capture)
    if expectation.pauses is not None:
        yield from _compare("pauses", expectation.pauses, snapshot.pauses)
    if expectation.consent is not None:
        consent = consent_of(snapshot.facts, snapshot.recording, context, snapshot.at)
        yield from _compare("consent", expectation.consent, consent.state.value)
    if expectation.retention is not None:
        yield from _retention(expectation.retention, snapshot)
    if expectation.holds is not None:
        holds = held_by(snapshot.facts, context, snapshot.at)
        yield from _compare("holds", expectation.holds, frozenset(holds))


def _compare(field: str, expected: object, got: object) -> Iterator[Mismatch]:
    if expected != got:
        yield Mismatch(field=field, expected=_in_words(expected), got=_in_words(got))


def _in_words(value: object) -> str:
    value = getattr(value, "value", value)
    if isinstance(value, frozenset):
        return ", ".join(sorted(map(str, value))) or _NOTHING
    return _NOTHING if value in {None, ""} else str(value)


# --- how it is recorded ---------------------------------------------------------------------------


def _record(expectation: Expectation, snapshot: Snapshot) -> Iterator[Mismatch]:
    recording = snapshot.recording
    made = _made_as(recording)
    for field, expected in (expectation.record or {}).items():
        yield from _compare(f"record.{field}", expected, made.get(field))
    if expectation.assign is not None:
        yield from _assignment(expectation.assign, {} if recording is None else recording.affinity)


def _made_as(recording: Recording | None) -> Mapping[str, object]:
    if recording is None:
        return {}
    return {
        "content": recording.content.value,
        "channels": recording.channels.value,
        "format": recording.format.value,
    }


def _assignment(expected: Mapping[int, RawId], assigned: Mapping[int, RawId]) -> Iterator[Mismatch]:
    """Compare the channels that are written; none at all says that nobody is assigned."""
    for channel in sorted(expected or assigned):
        yield from _compare(
            f"record.assign.{channel}", expected.get(channel), assigned.get(channel)
        )


# --- how long it is kept --------------------------------------------------------------------------


def _retention(expected: ExpectedRetention, snapshot: Snapshot) -> Iterator[Mismatch]:
    recording, dates = snapshot.recording, snapshot.dates
    if recording is None or dates is None:
        yield Mismatch(field="retention", expected="dates", got="no recording")
        return
    anchors = _anchors(snapshot, recording)
    if expected.keep_until is not None and not _is_date(
        expected.keep_until, dates.keep_until, anchors
    ):
        got = _date(dates.keep_until, anchors) if dates.keep_rule is not None else "no floor"
        yield Mismatch(field="retention.keepUntil", expected=str(expected.keep_until), got=got)
    if expected.delete_after is not None and not _is_date(
        expected.delete_after, dates.delete_at, anchors
    ):
        got = _date(dates.delete_at, anchors)
        yield Mismatch(field="retention.deleteAfter", expected=str(expected.delete_after), got=got)
    if expected.rule is not None:
        is_floor = expected.delete_after is None and expected.keep_until is not None
        rule = dates.keep_rule if is_floor else dates.delete_rule
        yield from _compare("retention.rule", expected.rule, rule)


def _anchors(snapshot: Snapshot, recording: Recording) -> tuple[datetime, ...]:
    """Return the moments that dates of this recording count from, as far as they are known."""
    anchor_of = anchors_of(snapshot.facts, recording)
    clocks = {CountFrom.CALL_END, *(keeping.spec.count_from for keeping in recording.keeping)}
    return tuple(sorted({a for clock in clocks if (a := anchor_of(clock)) is not None}))


def _is_date(expected: Duration | Forever, got: Date, anchors: Iterable[datetime]) -> bool:
    if isinstance(expected, Forever):
        return got is expected
    return any(add(anchor, expected) == got for anchor in anchors)


def _date(date: Date, anchors: tuple[datetime, ...]) -> str:
    if date is None:
        return "not known yet"
    if isinstance(date, Forever):
        return str(date)
    after = f", {(date - anchors[0]).days} days on" if anchors else ""
    return f"{date:%Y-%m-%d %H:%M}{after}"


# --- why it is so ---------------------------------------------------------------------------------


def reasons_of(
    expectation: Expectation, snapshot: Snapshot, context: PlanningContext
) -> Iterator[str]:
    """Yield sentences about why a call is as it is, each once, for whoever expected otherwise."""
    lines = [*_of_verdict(expectation, snapshot), *_of_plan(snapshot, context)]
    yield from dict.fromkeys(lines)


def _of_verdict(expectation: Expectation, snapshot: Snapshot) -> Iterator[str]:
    winner = snapshot.verdict.winner
    yield "no policy matches" if winner is None else f"{winner.name} wins ({winner.source})"
    if expectation.policy in {None, "", winner.name if winner is not None else None}:
        return
    vote = next((v for v in snapshot.verdict.votes if v.policy.name == expectation.policy), None)
    if vote is None:
        yield f"there is no policy {expectation.policy}"
    elif vote.matched is YES:
        yield f"{expectation.policy} matches and does not win"
    else:
        for leaf in vote.leaves():
            if leaf.matched is not YES:
                said = "no" if leaf.matched is NO else "not known"
                asked = f"{leaf.path} wants {leaf.expected}, the call has {leaf.actual}"
                yield f"{expectation.policy} ({leaf.source}): {asked}: {said}"


def _of_plan(snapshot: Snapshot, context: PlanningContext) -> Iterator[str]:
    actions: list[Action] = [
        action for turn in snapshot.turns for action in (*turn.done.applied, *turn.done.effects)
    ]
    for action in actions:
        if not isinstance(action, ObserveRecording):
            yield action.why.text
    wishes = wish(snapshot.facts, context, snapshot.at)
    yield from wishes.pauses.values()
    if wishes.ending is not None:
        yield wishes.ending.text
