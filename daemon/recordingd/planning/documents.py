"""Rules as fields in the words of the language: what was written, with every default filled in.

Called by `planning.differences` and `planning.register`, which compare and print rules. A field is
a dotted path and a text, so that two rules can be laid beside each other whatever their kind.
Never learns which rule applies to a call.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from recordingd.domain.consent import Ask, ConsentRule, ConsentSpec, Parties
from recordingd.domain.holds import LegalHold
from recordingd.domain.matchers import Condition
from recordingd.domain.pauses import PauseRule
from recordingd.domain.places import Places
from recordingd.domain.policies import Group, PolicySet, RecordingPolicy, RecordSpec, WaitFor
from recordingd.domain.retention import CountFrom, EventClock, RetentionRule, RetentionSpec
from recordingd.planning.conditions import leaves_of
from recordingd.planning.leaves import expected_of, selectors_in_words
from recordingd.planning.wording import EVERY_CALL

Rule = RecordingPolicy | Group | ConsentRule | PauseRule | RetentionRule | LegalHold | Places
Fields = dict[str, str]


class RuleKind(enum.StrEnum):
    """The kinds of documents that are rules, in the order in which they are shown."""

    RECORDING_POLICY = "RecordingPolicy"
    CONSENT_RULE = "ConsentRule"
    PAUSE_RULE = "PauseRule"
    RETENTION_RULE = "RetentionRule"
    LEGAL_HOLD = "LegalHold"
    GROUP = "Group"
    PLACES = "Places"


def rules_of(policies: PolicySet) -> dict[tuple[RuleKind, str], Rule]:
    """Return every rule by kind and name, in the order of the kinds and then by name."""
    of_kind: Mapping[RuleKind, Iterable[Rule]] = {
        RuleKind.RECORDING_POLICY: policies.policies,
        RuleKind.CONSENT_RULE: policies.consent_rules,
        RuleKind.PAUSE_RULE: policies.pause_rules,
        RuleKind.RETENTION_RULE: policies.retention_rules,
        RuleKind.LEGAL_HOLD: policies.holds,
        RuleKind.GROUP: policies.groups.values(),
        RuleKind.PLACES: policies.places.values(),
    }
    return {
        (kind, str(rule.name)): rule
        for kind in RuleKind
        for rule in sorted(of_kind[kind], key=lambda rule: rule.name)
    }


def fields_of(rule: Rule) -> Fields:
    """Return what a rule says by dotted path, without its name and where it stands.

    A field that is not set is left out. The members of a group are left out too: they are compared
    one by one.
    """
    return {path: text for path, text in _fields(rule) if text is not None}


def match_fields(condition: Condition) -> Fields:
    """Return the leaves of a matcher by their paths."""
    leaves = {leaf.path: expected_of(leaf) for leaf in leaves_of(condition)}
    return leaves or {condition.path: EVERY_CALL}


def moment_in_words(moment: datetime | None) -> str | None:
    """Write a moment in RFC 3339, UTC; None stays None."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


_Pairs = Iterator[tuple[str, str | None]]


def _fields(rule: Rule) -> _Pairs:
    match rule:
        case RecordingPolicy():
            yield from _policy(rule)
        case ConsentRule():
            yield from _frame(rule)
            yield from consent_fields(rule.spec)
            yield "purpose", rule.purpose
        case PauseRule():
            yield from _frame(rule)
            yield from _pause(rule)
        case RetentionRule():
            yield from _frame(rule)
            yield "priority", str(rule.priority)
            yield from retention_fields(rule.spec)
            yield "locked", str(rule.is_locked).lower()
        case LegalHold():
            yield from match_fields(rule.match).items()
            yield from _hold(rule)
        case Group():
            yield "internal", str(rule.is_internal).lower()
        case Places():
            yield "places", _list(sorted(rule.codes))
            yield "source", rule.reference
            yield "reviewedOn", None if rule.reviewed_on is None else rule.reviewed_on.isoformat()
            yield "confidence", _value(rule.confidence)
    yield "description", rule.description


def _frame(rule: RecordingPolicy | ConsentRule | PauseRule | RetentionRule) -> _Pairs:
    yield from match_fields(rule.match).items()
    yield "observe", str(rule.is_observed).lower()
    yield "validFrom", moment_in_words(rule.valid_from)
    yield "validUntil", moment_in_words(rule.valid_until)


def _policy(policy: RecordingPolicy) -> _Pairs:
    yield "decision", policy.decision.value
    yield "priority", str(policy.priority)
    yield from _frame(policy)
    if policy.record is not None:
        yield from _record(policy.record)
    yield "captured", None if policy.captured is None else policy.captured.value
    yield "onFailure", policy.on_failure.value
    yield "purpose", policy.purpose
    yield "until", policy.until.value
    yield "overrides", _list(policy.overrides)
    for name, pairs in (
        ("consent", consent_fields(policy.consent)),
        ("retention", retention_fields(policy.retention)),
    ):
        yield from ((f"{name}.{path}", text) for path, text in pairs)


def _record(spec: RecordSpec) -> _Pairs:
    yield "record.content", spec.content.value
    yield "record.channels", spec.channels.value
    yield "record.format", spec.format.value
    for assignment in spec.assign:
        words = selectors_in_words(assignment.selectors)
        yield f"record.assign.{assignment.channel}", words
    if isinstance(spec.if_absent, WaitFor):
        yield "record.ifAbsent.wait", str(spec.if_absent.duration)
    elif spec.assign:
        yield "record.ifAbsent", spec.if_absent.value
    yield "record.archive.to", spec.archive
    yield "record.archive.copyTo", _list(spec.copy_to)
    yield "record.storage.store", spec.storage
    yield "record.storage.container", spec.container
    yield "record.rotateEvery", _text(spec.rotate_every)


def consent_fields(spec: ConsentSpec | None) -> _Pairs:
    """Yield what a body of consent says by dotted path; nothing without one."""
    if spec is None:
        return
    yield "mode", spec.mode.value
    yield "parties", _parties(spec.parties)
    satisfied = spec.satisfied_by
    yield "satisfiedBy", None if satisfied is None else _list(sorted(s.value for s in satisfied))
    yield "beforeDecision", _value(spec.before_decision)
    yield "timeout", _text(spec.timeout)
    if spec.ask is not None:
        yield from _ask(spec.ask)
    yield "outcomes.denied", _value(spec.denied)
    yield "outcomes.noResponse", _value(spec.no_response)
    yield "outcomes.lateJoin", _value(spec.late_join)
    yield "outcomes.withdrawn.live", _value(spec.withdrawn_live)
    yield "outcomes.withdrawn.kept", _value(spec.withdrawn_kept)
    yield "evidence.keep", _text(spec.evidence_keep)


def _parties(parties: object) -> str | None:
    if isinstance(parties, tuple):
        return selectors_in_words(parties)
    return parties.value if isinstance(parties, Parties) else None


def _ask(ask: Ask) -> _Pairs:
    yield "ask.by", ask.by.value
    yield from ((f"ask.prompts.{name}", ask.prompts[name]) for name in sorted(ask.prompts))
    yield "ask.language.tag", ask.language_tag
    yield "ask.language.default", ask.default_language
    yield "ask.accept.dtmf", ask.accept
    yield "ask.reject.dtmf", ask.reject


def retention_fields(spec: RetentionSpec | None) -> _Pairs:
    """Yield what a body of retention says by dotted path; nothing without one."""
    if spec is None:
        return
    yield "keepAtLeast", _text(spec.keep_at_least)
    yield "deleteAfter", _text(spec.delete_after)
    yield "countFrom", clock_in_words(spec.count_from)
    yield "basis", spec.basis.value
    yield "decideAfter", str(spec.decide_after)


def clock_in_words(clock: CountFrom | EventClock) -> str:
    """Return the moment that a retention counts from as the language writes it."""
    return clock.value if isinstance(clock, CountFrom) else str(clock)


def _pause(rule: PauseRule) -> _Pairs:
    yield "trigger.signal", "pauseRequested" if rule.trigger.on_signal else None
    for tag in sorted(rule.trigger.tags):
        yield f"trigger.tags.{tag}", " or ".join(map(str, rule.trigger.tags[tag]))
    yield "autoResume", _text(rule.auto_resume) or "never"
    yield "alarmAfter", _text(rule.alarm_after)


def _hold(hold: LegalHold) -> _Pairs:
    yield "reason", hold.reason
    yield "owner", hold.owner
    yield "reviewBy", None if hold.review_by is None else hold.review_by.isoformat()
    yield "allowEmpty", str(hold.allows_empty).lower()
    if hold.released is not None:
        yield "released.at", moment_in_words(hold.released.at)
        yield "released.by", hold.released.by
        yield "released.reason", hold.released.reason


def _list(values: Iterable[object]) -> str | None:
    return ", ".join(map(str, values)) or None


def _text(value: object | None) -> str | None:
    return None if value is None else str(value)


def _value(value: enum.Enum | None) -> str | None:
    return None if value is None else str(value.value)
