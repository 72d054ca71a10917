"""May audio flow: the strictest answer of everybody whose answer is needed.

Called by `planning.wishes` for every call that consent rules ask something of. Missing information
counts as no answer, and no answer means no. Knows answers and participants only: which rules count
is a matter of `planning.consent_needs`, and what follows for the recording (pause, resume, stop) of
the planner.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from recordingd.domain.calls import ConsentAnswer, Participant, Party, RawId
from recordingd.domain.consent import (
    ConsentMode,
    ConsentNeed,
    LateJoin,
    Parties,
    Refusal,
    Satisfaction,
    WithdrawnKept,
)
from recordingd.domain.durations import timedelta_of
from recordingd.domain.recordings import CallFacts, Consent
from recordingd.planning.truth import phone_of

# The method of an answer that was given before the call and kept on file.
PRIOR = "prior"


class ConsentState(enum.StrEnum):
    """The state of a participant, and of a call as its strictest participant."""

    NOT_REQUIRED = "notRequired"
    GRANTED = "granted"
    NOTIFIED = "notified"
    PENDING = "pending"
    EXPIRED = "expired"
    NO_RESPONSE = "noResponse"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"


# From the one that lets audio through to the one that ends a recording.
_STRICTNESS = tuple(ConsentState)
_FLOWING = frozenset({ConsentState.NOT_REQUIRED, ConsentState.GRANTED, ConsentState.NOTIFIED})
_WAITING = frozenset({ConsentState.PENDING, ConsentState.EXPIRED})
_REFUSING = frozenset({ConsentAnswer.DENIED, ConsentAnswer.WITHDRAWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentView:
    """What consent says of a call now.

    `reason` is a sentence about the strictest participant. `changes_at` is when time alone may
    change it, None when no such moment is ahead. `erases` says that what was captured must go with
    a refusal, or with an answer that never came.
    """

    state: ConsentState
    reason: str
    changes_at: datetime | None = None
    erases: bool = False

    @property
    def may_flow(self) -> bool:
        """Whether audio may flow."""
        return self.state in _FLOWING

    @property
    def is_pending(self) -> bool:
        """Whether audio must wait for an answer that may still come."""
        return self.state in _WAITING


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentQuestion:
    """What is asked: the need, for which purpose, and since when the question stands.

    `is_internal` says whether a party belongs to the house, `is_meant` whether it fits a selector
    of the need. `captured_since` is when audio first flowed, None before it did.
    """

    need: ConsentNeed
    purpose: str
    asked_at: datetime
    is_internal: Callable[[Party], bool]
    is_meant: Callable[[Party], bool] = lambda _: False
    captured_since: datetime | None = None


def assess(facts: CallFacts, question: ConsentQuestion, now: datetime) -> ConsentView:
    """Say whether audio may flow in a call, and when that may change by itself."""
    if question.need.mode is ConsentMode.NONE:
        return ConsentView(state=ConsentState.NOT_REQUIRED, reason="no rule asks for consent")
    answers = tuple(c for c in facts.consents if _is_accepted(c, question))
    views = [_of_participant(p, answers, question, now=now) for p in _required(facts, question)]
    views.extend(_refusals_of_departed(facts, answers, question))
    views.append(_of_unlisted(facts, answers, question, now=now))
    strictest = max(views, key=lambda v: _STRICTNESS.index(v.state))
    changes = [v.changes_at for v in views if v.changes_at is not None]
    return replace(
        strictest,
        changes_at=min(changes, default=None),
        erases=any(v.erases for v in views),
    )


def refusal_of(
    facts: CallFacts, question: ConsentQuestion, *, until: datetime | None
) -> ConsentView | None:
    """Return what a refusal comes to that reached us when a recording was over; None without one.

    Of everybody who ever took part. A consent may be taken back at any time; any other refusal
    counts when it was given before `until`, which None leaves open. Where there are several, one
    that erases is returned.
    """
    answers = tuple(c for c in facts.consents if _is_accepted(c, question))
    asked = [p for p in facts.participants if _is_asked(p, question)]
    decided = [(_name(p), _deciding(a for a in answers if _counts_for(a, p))) for p in asked]
    decided.append(("the call", _deciding(a for a in answers if a.participant is None)))
    views = [
        _answered(answer, who, question.need)
        for who, answer in decided
        if answer is not None and _refuses(answer, until)
    ]
    return max(views, key=lambda v: v.erases, default=None)


def _refuses(answer: Consent, until: datetime | None) -> bool:
    if answer.answer is ConsentAnswer.WITHDRAWN:
        return True
    is_in_time = until is None or answer.answered_at <= until
    return answer.answer is ConsentAnswer.DENIED and is_in_time


def has_refused(facts: CallFacts, participant: Participant, purpose: str) -> bool:
    """Say whether somebody refused, or took back, what may be recorded for a purpose."""
    return any(
        c.answer in _REFUSING and c.purpose == purpose and _counts_for(c, participant)
        for c in facts.consents
    )


# --- who is asked ---------------------------------------------------------------------------------


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
    party = participant.party
    match question.need.parties:
        case Parties.ALL | Parties.KNOWN:
            return True
        case Parties.EXTERNAL if not question.is_internal(party):
            return True
        case _:
            return question.is_meant(party)


def _is_late(participant: Participant, question: ConsentQuestion) -> bool:
    """Whether somebody joined a call that was being recorded, and a notice is all that is owed."""
    since = question.captured_since
    is_notice_enough = question.need.late_join is LateJoin.NOTICE_ONLY
    return is_notice_enough and since is not None and participant.joined_at > since


# --- which answers count --------------------------------------------------------------------------


def _is_accepted(answer: Consent, question: ConsentQuestion) -> bool:
    """Whether an answer is one to the question, and of a kind that every rule accepts.

    What takes a consent back always counts, and so does a refusal in the call itself.
    """
    if answer.purpose != question.purpose:
        return False
    is_prior, need = answer.method == PRIOR, question.need
    match answer.answer:
        case ConsentAnswer.WITHDRAWN:
            return True
        case ConsentAnswer.DENIED if not is_prior:
            return True
        case ConsentAnswer.NOTIFIED if need.mode is ConsentMode.EXPLICIT:
            return False
        case _:
            kind = Satisfaction.PRIOR_ON_FILE if is_prior else Satisfaction.LIVE
            return kind in need.satisfied_by


def _counts_for(answer: Consent, participant: Participant) -> bool:
    """Whether an answer is this participant's, or was given for a call that it was in."""
    if answer.participant is None:
        return participant.joined_at <= answer.received_at
    return answer.participant in {participant.party.raw_id, phone_of(participant.party)}


def _deciding(answers: Iterable[Consent]) -> Consent | None:
    """Return the latest answer, or failing any the latest notice: a notice undoes no answer."""
    known = list(answers)
    said = [c for c in known if c.answer is not ConsentAnswer.NOTIFIED]
    return max(said or known, key=lambda c: (c.received_at, c.answered_at), default=None)


# --- what they come to ----------------------------------------------------------------------------


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
    decided = [(p, _deciding(a for a in answers if _counts_for(a, p))) for p in departed]
    return [
        _answered(answer, _name(p), question.need)
        for p, answer in decided
        if answer is not None and answer.answer in _REFUSING
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
    who = _name(participant)
    answer = _deciding(a for a in answers if _counts_for(a, participant))
    since = max(question.asked_at, participant.joined_at)
    if answer is not None:
        return _weighed(answer, who, question, since=since, now=now)
    if _is_late(participant, question):
        reason = f"{who} joined while the call was recorded"
        return ConsentView(state=ConsentState.NOTIFIED, reason=reason)
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
    call covers them, or a list that is known to be complete, or rules that all trust the list.
    """
    answer = _deciding(a for a in answers if a.participant is None)
    if answer is not None:
        return _weighed(answer, "the call", question, since=question.asked_at, now=now)
    is_listed = facts.call.roster_complete_at is not None
    if question.need.trusts_list:
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


def _weighed(
    answer: Consent, who: str, question: ConsentQuestion, *, since: datetime, now: datetime
) -> ConsentView:
    """Take an answer for what it says, until it ends: from then on there is none."""
    ends_at = answer.valid_until
    if ends_at is None or answer.answer in _REFUSING:
        return _answered(answer, who, question.need)
    if now < ends_at:
        return replace(_answered(answer, who, question.need), changes_at=ends_at)
    expired = _pending(
        question, since=max(since, ends_at), now=now, reason=f"the consent of {who} has ended"
    )
    return replace(expired, state=ConsentState.EXPIRED) if expired.is_pending else expired


def _answered(answer: Consent, who: str, need: ConsentNeed) -> ConsentView:
    match answer.answer:
        case ConsentAnswer.GRANTED:
            return ConsentView(state=ConsentState.GRANTED, reason=f"{who} has consented")
        case ConsentAnswer.NOTIFIED:
            return ConsentView(state=ConsentState.NOTIFIED, reason=f"{who} has been told")
        case ConsentAnswer.DENIED:
            erases = need.denied is not Refusal.CONTINUE_UNRECORDED
            reason = f"{who} has refused"
            return ConsentView(state=ConsentState.DENIED, reason=reason, erases=erases)
        case ConsentAnswer.WITHDRAWN:
            erases = need.withdrawn_kept is WithdrawnKept.REQUEST_ERASURE
            reason = f"{who} has taken the consent back"
            return ConsentView(state=ConsentState.WITHDRAWN, reason=reason, erases=erases)


def _pending(
    question: ConsentQuestion, *, since: datetime, now: datetime, reason: str
) -> ConsentView:
    need = question.need
    expires_at = since + timedelta_of(need.timeout)
    if now >= expires_at:
        waited = f"{reason} within {need.timeout}"
        erases = need.no_response is not Refusal.CONTINUE_UNRECORDED
        return ConsentView(state=ConsentState.NO_RESPONSE, reason=waited, erases=erases)
    return ConsentView(state=ConsentState.PENDING, reason=reason, changes_at=expires_at)
