"""May audio flow: the strictest answer of everybody whose answer is needed.

Called by `planning.wishes` for every call that has a consent rule. Missing information counts as
no answer, and no answer means no. Knows answers and participants only; what follows for the
recording (pause, resume, stop) is the planner's.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from recordingd.domain.calls import ConsentAnswer, Participant, Party, RawId
from recordingd.domain.consent import ConsentMode, ConsentSpec, Parties
from recordingd.domain.durations import Duration, timedelta_of
from recordingd.domain.recordings import CallFacts, Consent


class ConsentState(enum.StrEnum):
    """The state of a participant, and of a call as its strictest participant."""

    NOT_REQUIRED = "notRequired"
    GRANTED = "granted"
    PENDING = "pending"
    NO_RESPONSE = "noResponse"
    DENIED = "denied"


# From the one that lets audio through to the one that ends a recording.
_STRICTNESS = tuple(ConsentState)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentView:
    """What consent says of a call now.

    `reason` is a sentence about the strictest participant. `changes_at` is when a pending answer
    turns into none, None when no such moment is ahead.
    """

    state: ConsentState
    reason: str
    changes_at: datetime | None = None

    @property
    def may_flow(self) -> bool:
        """Whether audio may flow."""
        return self.state in {ConsentState.NOT_REQUIRED, ConsentState.GRANTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentQuestion:
    """What is asked: the rule, for which purpose, and since when the question stands.

    `is_internal` says whether a party belongs to the house.
    """

    spec: ConsentSpec
    purpose: str
    asked_at: datetime
    is_internal: Callable[[Party], bool]


def assess(facts: CallFacts, question: ConsentQuestion, now: datetime) -> ConsentView:
    """Say whether audio may flow in a call, and when that may change by itself."""
    if question.spec.mode is ConsentMode.NONE:
        return ConsentView(state=ConsentState.NOT_REQUIRED, reason="the policy asks for no consent")
    answers = tuple(c for c in facts.consents if c.purpose == question.purpose)
    views = [_of_participant(p, answers, question, now=now) for p in _required(facts, question)]
    views.extend(_refusals_of_departed(facts, answers, question))
    views.append(_of_unlisted(facts, answers, question, now=now))
    strictest = max(views, key=lambda v: _STRICTNESS.index(v.state))
    changes = [v.changes_at for v in views if v.changes_at is not None]
    return replace(strictest, changes_at=min(changes, default=None))


def _required(facts: CallFacts, question: ConsentQuestion) -> list[Participant]:
    """Return everybody present whose answer is needed, each once and with the earliest joining.

    A list and an event may tell one joining with two times; whoever was there at the first of them
    was there when the call was asked.
    """
    present = [p for p in facts.participants if p.is_present and _is_asked(p, question)]
    earliest: dict[RawId, Participant] = {}
    for participant in sorted(present, key=lambda p: p.joined_at):
        earliest.setdefault(participant.party.raw_id, participant)
    return list(earliest.values())


def _is_asked(participant: Participant, question: ConsentQuestion) -> bool:
    is_external_only = question.spec.parties is Parties.EXTERNAL
    return not (is_external_only and question.is_internal(participant.party))


def _refusals_of_departed(
    facts: CallFacts, answers: tuple[Consent, ...], question: ConsentQuestion
) -> list[ConsentView]:
    """Count a refusal of somebody who has left since the question was asked.

    Otherwise it would depend on how soon we hear of the refusal and of the leaving whether the
    refusal counts.
    """
    departed = [
        p
        for p in facts.participants
        if p.left_at is not None and p.left_at >= question.asked_at and _is_asked(p, question)
    ]
    latest = [(p, _latest(a for a in answers if _counts_for(a, p))) for p in departed]
    return [
        _answered(answer, _name(p))
        for p, answer in latest
        if answer is not None and answer.answer is ConsentAnswer.DENIED
    ]


def _name(participant: Participant) -> str:
    """Name somebody by the time of joining: reasons go to the audit chain, which names nobody."""
    return f"the participant who joined at {participant.joined_at:%H:%M:%S}"


def _of_participant(
    participant: Participant,
    answers: tuple[Consent, ...],
    question: ConsentQuestion,
    *,
    now: datetime,
) -> ConsentView:
    answer = _latest(a for a in answers if _counts_for(a, participant))
    who = _name(participant)
    if answer is not None:
        return _answered(answer, who)
    since = max(question.asked_at, participant.joined_at)
    return _pending(question, since=since, now=now, reason=f"{who} has not answered")


def _of_unlisted(
    facts: CallFacts,
    answers: tuple[Consent, ...],
    question: ConsentQuestion,
    *,
    now: datetime,
) -> ConsentView:
    """Judge those whom events do not list: telephone callers, bots and Teams users.

    Source: communication-services-voice-video-events.md, Limitations. Only an answer for the whole
    call covers them, or a list that is known to be complete, or a rule that trusts the list.
    """
    answer = _latest(a for a in answers if a.participant is None)
    if answer is not None:
        return _answered(answer, "the call")
    is_listed = facts.call.roster_complete_at is not None
    if question.spec.parties is Parties.KNOWN:
        # A list that has become empty is still a list: everybody has left.
        is_listed = bool(facts.participants)
    if is_listed:
        return ConsentView(
            state=ConsentState.GRANTED, reason="everybody in the call is listed and has consented"
        )
    if facts.call.participants_seq is not None:
        # The list was complete until the connection that brought it ended, as one does before its
        # call: silence from then on, and no time limit that would undo what everybody agreed to.
        return ConsentView(
            state=ConsentState.PENDING,
            reason="the list of participants is no longer kept up to date",
        )
    reason = "nobody answered for the call, and its list of participants may be incomplete"
    return _pending(question, since=question.asked_at, now=now, reason=reason)


def _latest(answers: Iterable[Consent]) -> Consent | None:
    return max(answers, key=lambda c: (c.received_at, c.answered_at), default=None)


def _counts_for(answer: Consent, participant: Participant) -> bool:
    """Whether an answer is this participant's, or was given for a call that it was in."""
    if answer.participant is None:
        return participant.joined_at <= answer.received_at
    return answer.participant in {participant.party.raw_id, participant.party.phone}


def _answered(answer: Consent, who: str) -> ConsentView:
    match answer.answer:
        case ConsentAnswer.GRANTED:
            return ConsentView(state=ConsentState.GRANTED, reason=f"{who} has consented")
        case ConsentAnswer.DENIED:
            return ConsentView(state=ConsentState.DENIED, reason=f"{who} has refused")


def _pending(
    question: ConsentQuestion, *, since: datetime, now: datetime, reason: str
) -> ConsentView:
    timeout = question.spec.timeout or Duration(seconds=30)
    expires_at = since + timedelta_of(timeout)
    if now >= expires_at:
        waited = f"{reason} within {timeout}"
        return ConsentView(state=ConsentState.NO_RESPONSE, reason=waited)
    return ConsentView(state=ConsentState.PENDING, reason=reason, changes_at=expires_at)
