"""What policies may say and this version does not do.

Called by `config.cross_checks` for every document without a fault. The language is stable, so such
a document is usable; but nobody may count on a copy or on the end of a call that never comes. Never
learns what the settings say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from recordingd.config.diagnostics import Findings, Place
from recordingd.config.drafts import Draft
from recordingd.config.matchers import place_of
from recordingd.config.strict_yaml import PathParts
from recordingd.domain.consent import (
    AskedBy,
    ConsentRule,
    ConsentSpec,
    Refusal,
    Satisfaction,
    WithdrawnLive,
)
from recordingd.domain.durations import Duration
from recordingd.domain.holds import LegalHold
from recordingd.domain.matchers import AllOf, AnyOf, Condition, DirectionIs, Not
from recordingd.domain.parties import Direction
from recordingd.domain.pauses import PauseRule
from recordingd.domain.policies import OnFailure, RecordingPolicy
from recordingd.domain.retention import RetentionRule

_HANG_UP = "have the application end the call, or choose"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gap:
    """What is not done at one place, what happens instead, and what to do about it."""

    place: Place
    gap: str
    hint: str


def check_effects(draft: Draft, findings: Findings) -> None:
    """Warn of everything in a document that this version does not act on."""
    for found in _gaps(draft):
        message = f"this version does not {found.gap}"
        findings.warning(found.place, "policy/no-effect", message, hint=found.hint)


def _gaps(draft: Draft) -> Iterator[_Gap]:
    rule = draft.value
    if isinstance(rule, RecordingPolicy | ConsentRule | PauseRule | RetentionRule | LegalHold):
        yield from _in_match(draft, rule.match)
    if isinstance(rule, RecordingPolicy):
        yield from _in_policy(draft, rule)
        if rule.consent is not None:
            yield from _in_consent(draft, rule.consent, ("consent",))
    elif isinstance(rule, ConsentRule):
        yield from _in_consent(draft, rule.spec, ())


def _in_match(draft: Draft, condition: Condition) -> Iterator[_Gap]:
    match condition:
        case AllOf() | AnyOf():
            for part in condition.parts:
                yield from _in_match(draft, part)
        case Not():
            yield from _in_match(draft, condition.part)
        case DirectionIs() if Direction.OUTGOING in condition.directions:
            yield _Gap(
                place=place_of(draft.document, condition),
                gap="learn that a call is outgoing yet: 'outgoing' fits no call",
                hint="match by 'startedBy', or by a tag that the application sets",
            )


def _in_policy(draft: Draft, policy: RecordingPolicy) -> Iterator[_Gap]:
    if policy.record is not None and policy.record.copy_to:
        yield _Gap(
            place=draft.key_at("record", "archive", "copyTo"),
            gap="make copies yet: files lie in their archive alone",
            hint="copy the archive by other means, such as replication of its container",
        )
    if policy.on_failure is OnFailure.END_CALL:
        yield _Gap(
            place=draft.at("onFailure"),
            gap="end calls yet: a failed recording is alarmed, and the call goes on",
            hint=f"{_HANG_UP} 'alert', which is what happens",
        )


def _in_consent(draft: Draft, spec: ConsentSpec, path: PathParts) -> Iterator[_Gap]:
    if spec.ask is not None and spec.ask.by is AskedBy.DAEMON:
        yield _Gap(
            place=draft.at(*path, "ask", "by"),
            gap="ask participants yet: nobody has answered until an application says so",
            hint="have the application ask and send the answers: ask: {by: application}",
        )
    yield from _in_outcomes(draft, spec, (*path, "outcomes"))
    # What is to be kept for ever is kept for ever.
    if isinstance(spec.evidence_keep, Duration):
        yield _Gap(
            place=draft.at(*path, "evidence", "keep"),
            gap="end the keeping of evidence yet: answers stay in the ledger for good",
            hint="'forever' is what happens",
        )
    if spec.satisfied_by is not None and Satisfaction.PRIOR_ON_FILE in spec.satisfied_by:
        yield _Gap(
            place=_prior_place(draft, (*path, "satisfiedBy")),
            gap="keep consents on file yet: a prior one counts only where a signal tells it",
            hint="have the application send it in each call, with method: prior",
        )


def _prior_place(draft: Draft, path: PathParts) -> Place:
    written = draft.document.find(path).data
    word = Satisfaction.PRIOR_ON_FILE.value
    return draft.at(*path, written.index(word)) if isinstance(written, list) else draft.at(*path)


def _in_outcomes(draft: Draft, spec: ConsentSpec, path: PathParts) -> Iterator[_Gap]:
    refusals = (("denied", spec.denied), ("noResponse", spec.no_response))
    for field, refusal in refusals:
        if refusal is Refusal.END_CALL:
            yield _Gap(
                place=draft.at(*path, field),
                gap="end calls yet: the recording is stopped and deleted, and the call goes on",
                hint=f"{_HANG_UP} 'stopAndDelete', which is what happens",
            )
    if spec.withdrawn_live is WithdrawnLive.END_CALL:
        yield _Gap(
            place=draft.at(*path, "withdrawn", "live"),
            gap="end calls yet: the recording is stopped, and the call goes on",
            hint=f"{_HANG_UP} 'stop', which is what happens",
        )
