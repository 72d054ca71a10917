"""Which pauses are asked for in a call at this moment, by whom, and until when.

Called by `planning.wishes` for a call that is being recorded. What is open follows from the facts
alone, asked anew every time: the tags as they are now, and the newest request of an application.
Silence for want of consent or of a decision is not looked at here, nor how silence is brought
about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from recordingd.domain.durations import timedelta_of
from recordingd.domain.pauses import PauseRule
from recordingd.domain.plans import Alarm
from recordingd.domain.recordings import CallFacts, CaptureRequest, PauseReason
from recordingd.planning.steps import earliest


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """The reasons for silence that are open, with a sentence each.

    `changes_at` is when time alone may change any of it, None for never.
    """

    reasons: Mapping[PauseReason, str]
    alarms: tuple[Alarm, ...] = ()
    changes_at: datetime | None = None


NO_SILENCE = Silence(reasons={})


def silence_of(
    facts: CallFacts, matching: Sequence[PauseRule], rules: Sequence[PauseRule], now: datetime
) -> Silence:
    """Return the pauses that are open in a call.

    `matching` are the acting rules that fit the call or may fit it, `rules` all there are. A
    request that no matching rule answers opens `operator` until it is taken back.
    """
    request = _open_request(facts.requests)
    parts = [_of_rule(rule, facts, request, now=now) for rule in matching]
    if request is not None and not _is_answered(facts, request, matching, rules, now=now):
        words = f"{request.reporter} asked for silence"
        parts.append(Silence(reasons={PauseReason.OPERATOR: words}))
    return Silence(
        reasons={reason: words for part in parts for reason, words in part.reasons.items()},
        alarms=tuple(alarm for part in parts for alarm in part.alarms),
        changes_at=earliest(*(part.changes_at for part in parts)),
    )


def _of_rule(
    rule: PauseRule, facts: CallFacts, request: CaptureRequest | None, *, now: datetime
) -> Silence:
    resumes_at: datetime | None = None
    tag = _tag_that_asks(rule, facts.call.tags)
    if tag is not None:
        words = f"{rule.name} asks for silence while the tag {tag} says so"
    elif rule.trigger.on_signal and request is not None:
        words = f"{rule.name} answers a request for silence"
        resumes_at = _resumes_at(rule, request)
        if resumes_at is not None and now >= resumes_at:
            return NO_SILENCE
    else:
        return NO_SILENCE
    alarm_at = _alarm_at(rule, facts, is_requested=tag is None, now=now)
    is_overdue = alarm_at is not None and now >= alarm_at
    alarm = Alarm.of("PauseOverdue", call=facts.call.call_id, rule=rule.name)
    return Silence(
        reasons={PauseReason.of_rule(rule.name): words},
        alarms=(alarm,) if is_overdue else (),
        changes_at=earliest(resumes_at, None if is_overdue else alarm_at),
    )


def _open_request(requests: Iterable[CaptureRequest]) -> CaptureRequest | None:
    """Return the newest request, None where it asks for the end of the silence.

    By when we received it: of two that were told in the wrong order, and at one moment, silence is
    the safe one.
    """
    newest = max(requests, key=lambda r: (r.received_at, r.at, not r.is_resume, r.id), default=None)
    return None if newest is None or newest.is_resume else newest


def _tag_that_asks(rule: PauseRule, tags: Mapping[str, str]) -> str | None:
    for tag, patterns in rule.trigger.tags.items():
        value = tags.get(tag)
        if value is not None and any(pattern.covers(value) for pattern in patterns):
            return tag
    return None


def _resumes_at(rule: PauseRule, request: CaptureRequest) -> datetime | None:
    if rule.auto_resume is None:
        return None
    return request.received_at + timedelta_of(rule.auto_resume)


def _alarm_at(
    rule: PauseRule, facts: CallFacts, *, is_requested: bool, now: datetime
) -> datetime | None:
    if rule.alarm_after is None:
        return None
    reason = PauseReason.of_rule(rule.name)
    since = [p.opened_at for p in facts.pauses if p.reason == reason and p.closed_at is None]
    if is_requested:
        since.append(_asked_since(facts.requests))
    return min(since, default=now) + timedelta_of(rule.alarm_after)


def _asked_since(requests: Iterable[CaptureRequest]) -> datetime:
    """Return when the silence that is open was first asked for, repetitions not counted."""
    run: list[datetime] = []
    for request in sorted(requests, key=lambda r: (r.received_at, r.at, not r.is_resume, r.id)):
        run = [] if request.is_resume else [*run, request.received_at]
    return run[0]


def _is_answered(
    facts: CallFacts,
    request: CaptureRequest,
    matching: Sequence[PauseRule],
    rules: Sequence[PauseRule],
    *,
    now: datetime,
) -> bool:
    """Whether a rule answers a request, or has answered it and let its time run out.

    A request whose rule stops matching before that is nobody's: silence must not end by it.
    """
    if any(rule.trigger.on_signal for rule in matching):
        return True
    return any(_has_run_out(facts, request, rule, now) for rule in rules)


def _has_run_out(facts: CallFacts, request: CaptureRequest, rule: PauseRule, now: datetime) -> bool:
    resumes_at = _resumes_at(rule, request)
    if resumes_at is None or now < resumes_at or not rule.trigger.on_signal:
        return False
    reason = PauseReason.of_rule(rule.name)
    return any(
        p.reason == reason and (p.closed_at is None or p.closed_at >= resumes_at)
        for p in facts.pauses
    )
