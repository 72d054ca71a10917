"""The register of rules: every rule of one tree, whether it counts at a moment, and its text.

Called by `cli.policies`. Made from the same values that decisions are made from, and from the texts
that they were read from; never learns what was recorded under a rule.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from recordingd.domain.consent import ConsentMode, ConsentRule, ConsentSpec
from recordingd.domain.durations import Forever
from recordingd.domain.holds import LegalHold
from recordingd.domain.matchers import Source
from recordingd.domain.pauses import PauseRule
from recordingd.domain.places import Places
from recordingd.domain.policies import Group, PolicySet, RecordingPolicy, RecordSpec
from recordingd.domain.retention import Basis, RetentionRule, RetentionSpec
from recordingd.planning.documents import (
    Rule,
    RuleKind,
    clock_in_words,
    consent_fields,
    fields_of,
    rules_of,
)
from recordingd.planning.placing import document_text
from recordingd.planning.wording import in_words


class Standing(enum.StrEnum):
    """Whether a rule counts at a moment."""

    IN_FORCE = "inForce"
    NOT_YET = "notYet"
    EXPIRED = "expired"
    OBSERVED = "observed"
    RELEASED = "released"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One rule of the register.

    `decision` and `priority` are None where a kind has none. `says` is one line about what the rule
    does, from its values; `text` is its document as it was written. `valid_until` is exclusive.
    """

    kind: RuleKind
    name: str
    source: Source
    standing: Standing
    says: str
    text: str
    decision: str | None = None
    priority: int | None = None
    description: str | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    is_locked: bool = False


def register_of(policies: PolicySet, at: datetime) -> tuple[Entry, ...]:
    """Return every rule by kind and then by name, each as it stands at a moment.

    What stands inside of a policy has a row of its own: recordings refer to it by its own name.
    """
    kinds = list(RuleKind)
    entries = [
        _entry(kind, name, rule, policies.texts, at)
        for rule in rules_of(policies).values()
        for kind, name in _names(rule)
    ]
    return tuple(sorted(entries, key=lambda entry: (kinds.index(entry.kind), entry.name)))


def standing_of(rule: Rule, at: datetime) -> Standing:
    """Say whether a rule counts at a moment, and if not, why."""
    if isinstance(rule, Group | Places):
        return Standing.IN_FORCE
    if isinstance(rule, LegalHold):
        is_over = rule.released is not None and rule.released.at <= at
        return Standing.RELEASED if is_over else Standing.IN_FORCE
    if rule.valid_until is not None and at >= rule.valid_until:
        return Standing.EXPIRED
    if rule.valid_from is not None and at < rule.valid_from:
        return Standing.NOT_YET
    return Standing.OBSERVED if rule.is_observed else Standing.IN_FORCE


def _names(rule: Rule) -> Iterator[tuple[RuleKind, str]]:
    match rule:
        case RecordingPolicy():
            yield RuleKind.RECORDING_POLICY, rule.name
            if rule.consent is not None:
                yield RuleKind.CONSENT_RULE, f"{rule.name}#consent"
            if rule.retention is not None:
                yield RuleKind.RETENTION_RULE, f"{rule.name}#retention"
        case ConsentRule():
            yield RuleKind.CONSENT_RULE, rule.name
        case PauseRule():
            yield RuleKind.PAUSE_RULE, rule.name
        case RetentionRule():
            yield RuleKind.RETENTION_RULE, rule.name
        case LegalHold():
            yield RuleKind.LEGAL_HOLD, rule.name
        case Group():
            yield RuleKind.GROUP, rule.name
        case Places():
            yield RuleKind.PLACES, rule.name


def _entry(kind: RuleKind, name: str, rule: Rule, texts: Mapping[str, str], at: datetime) -> Entry:
    entry = Entry(
        kind=kind,
        name=name,
        source=rule.source,
        standing=standing_of(rule, at),
        says=summary_of(kind, rule),
        text=document_text(texts.get(rule.source.file, ""), rule.source.line).strip("\n"),
        description=rule.description,
    )
    if isinstance(rule, RecordingPolicy) and kind is RuleKind.RECORDING_POLICY:
        entry = replace(entry, decision=rule.decision.value)
    if isinstance(rule, RecordingPolicy | RetentionRule) and kind is not RuleKind.CONSENT_RULE:
        entry = replace(entry, priority=rule.priority)
    if isinstance(rule, RetentionRule):
        entry = replace(entry, is_locked=rule.is_locked)
    if isinstance(rule, LegalHold | Group | Places):
        return entry
    return replace(entry, valid_from=rule.valid_from, valid_until=rule.valid_until)


# --- what a rule says, in one line ----------------------------------------------------------------


def summary_of(kind: RuleKind, rule: Rule) -> str:
    """Say in one line what a rule does and for which calls; of a policy also what stands in it.

    `kind` is that of the row: a policy has one for its consent and one for its retention too.
    """
    match rule:
        case RecordingPolicy() if kind is RuleKind.CONSENT_RULE:
            assert rule.consent is not None, "it has a row of its own"
            return f"{_consent(rule.consent, rule.purpose)}, where {rule.name} wins"
        case RecordingPolicy() if kind is RuleKind.RETENTION_RULE:
            assert rule.retention is not None, "it has a row of its own"
            return f"{_retention(rule.retention)}, where {rule.name} wins"
        case RecordingPolicy():
            return f"{_policy(rule)}: {in_words(rule.match)}"
        case ConsentRule():
            return f"{_consent(rule.spec, rule.purpose)}: {in_words(rule.match)}"
        case PauseRule():
            return f"{_pause(rule)}: {in_words(rule.match)}"
        case RetentionRule():
            return f"{_retention(rule.spec)}: {in_words(rule.match)}"
        case LegalHold():
            return f"{_hold(rule)}: {in_words(rule.match)}"
        case Group():
            whose = "internal" if rule.is_internal else "external"
            return (
                f"{len(rule.members)} {'entry' if len(rule.members) == 1 else 'entries'}, {whose}"
            )
        case Places():
            return ", ".join(sorted(rule.codes))


def _policy(policy: RecordingPolicy) -> str:
    parts = [policy.decision.value]
    if policy.record is not None:
        parts += _record(policy.record)
    if policy.captured is not None:
        parts.append(f"{policy.captured.value} what was captured")
    if policy.overrides:
        parts.append(f"overrides {', '.join(policy.overrides)}")
    return ", ".join(parts)


def _record(spec: RecordSpec) -> Iterator[str]:
    yield f"{spec.content.value} {spec.channels.value} {spec.format.value}"
    place = spec.storage or spec.container
    if place is not None:
        yield f"written by the service to {place}"
    if spec.rotate_every is not None:
        yield f"a new file every {spec.rotate_every}"


def _consent(spec: ConsentSpec, purpose: str) -> str:
    if spec.mode is ConsentMode.NONE:
        return f"no consent to {purpose}"
    whose = dict(consent_fields(spec))["parties"] or "all"
    return f"consent to {purpose} {spec.mode.value} of {whose}"


def _pause(rule: PauseRule) -> str:
    fields = fields_of(rule)
    parts = [
        f"{path.removeprefix('trigger.')} is {text}"
        for path, text in fields.items()
        if path.startswith("trigger.")
    ]
    until = "" if rule.auto_resume is None else f", for {rule.auto_resume} at most"
    return f"silence while {' or '.join(parts)}{until}"


def _retention(spec: RetentionSpec) -> str:
    parts = []
    if spec.keep_at_least is not None:
        parts.append(f"keep at least {spec.keep_at_least}")
    if spec.delete_after is not None:
        is_never = isinstance(spec.delete_after, Forever)
        parts.append("never delete" if is_never else f"delete after {spec.delete_after}")
    parts.append(f"from {clock_in_words(spec.count_from)}")
    if spec.basis is Basis.LEGAL_OBLIGATION:
        parts.append("legal obligation")
    return ", ".join(parts)


def _hold(hold: LegalHold) -> str:
    review = "" if hold.review_by is None else f", review by {hold.review_by.isoformat()}"
    return f"hold for {hold.reason} ({hold.owner}{review})"
