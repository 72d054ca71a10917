"""Which consent a recording needs at this moment, from which rules, and since when.

Called by `planning.wishes`, and by `planning.transitions` when a recording follows another one.
What the policy said when the recording was first wanted goes on counting; rules of the policies in
force now count beside it, so that a new one acts on calls that live. Who has answered what is
`planning.consent`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from recordingd.domain.calls import Participant, Party
from recordingd.domain.consent import ConsentNeed, ConsentSpec
from recordingd.domain.matchers import RuleName
from recordingd.domain.recordings import CallFacts, Recording, StopReason
from recordingd.planning.consent import ConsentQuestion, has_refused
from recordingd.planning.consent_rules import combine, question_of
from recordingd.planning.context import PlanningContext

Specs = list[tuple[RuleName, ConsentSpec]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is asked for a recording now.

    `need` is None when no rule counts for it. `asked_at` is since when the question stands as it
    does now. `new` names the questions that the recording has not noted yet.
    """

    need: ConsentNeed | None
    asked_at: datetime
    new: tuple[str, ...] = ()


def inline_rule(recording: Recording) -> RuleName:
    """Name the consent rule that stands inside the policy of a recording."""
    return RuleName(f"{recording.policy}#consent")


def standing_of(
    facts: CallFacts, recording: Recording, context: PlanningContext, now: datetime
) -> Standing:
    """Return what every rule that counts for a recording asks together."""
    specs = _specs_of(facts, recording, context, now)
    known = _known(recording)
    questions = [q for name, spec in specs if (q := question_of(name, spec)) is not None]
    # Whoever answered an earlier question may still owe an answer to the newest one, and has as
    # long for it as anybody: so the time limit begins with the newest.
    asked = [known.get(question, now) for question in questions]
    return Standing(
        need=combine(specs),
        asked_at=max(asked, default=recording.expected_at),
        new=tuple(sorted({question for question in questions if question not in known})),
    )


def _specs_of(
    facts: CallFacts, recording: Recording, context: PlanningContext, now: datetime
) -> Specs:
    inline = inline_rule(recording)
    specs: Specs = [] if recording.consent is None else [(inline, recording.consent)]
    policy = context.policies.by_name(recording.policy)
    if policy is not None and not policy.is_observed:
        now_said = policy.consent
        if now_said is not None and now_said != recording.consent:
            specs.append((inline, now_said))
    hits = context.policies.consent_rules_for(
        facts.call,
        [_as_counted(p, facts, recording) for p in facts.participants],
        now=now,
        settled=now >= context.settles_at(facts.call),
    )
    # A rule that may fit counts as one that does: what is not known is taken for the strictest.
    specs += [(h.rule.name, h.rule.spec) for h in hits if h.rule.purpose == recording.purpose]
    return specs


def _as_counted(participant: Participant, facts: CallFacts, recording: Recording) -> Participant:
    """Take somebody who refused and left for present: a rule about them must not go with them."""
    left_at = participant.left_at
    if left_at is None or left_at < recording.expected_at or not facts.consents:
        return participant
    if not has_refused(facts, participant, recording.purpose):
        return participant
    return replace(participant, left_at=None)


def _known(recording: Recording) -> Mapping[str, datetime]:
    """Return since when each question stands; that of its own policy, from the beginning."""
    if recording.consent is None:
        return recording.asked
    own = question_of(inline_rule(recording), recording.consent)
    return recording.asked if own is None else {own: recording.expected_at, **recording.asked}


def predecessor_of(facts: CallFacts, recording: Recording | None) -> Recording | None:
    """Return the recording that one follows after a planned seam, or would follow; None for none.

    None as `recording` asks for the one that the next recording of the call would follow.
    """
    if recording is None:
        earlier = facts.recordings
    else:
        earlier = facts.recordings[: facts.recordings.index(recording)]
    last = earlier[-1] if earlier else None
    return last if last is not None and last.stop_reason is StopReason.ROTATED else None


def questions_to_carry(facts: CallFacts) -> Mapping[str, datetime]:
    """Return the questions that stand already for the recording which a call is to get next."""
    predecessor = predecessor_of(facts, None)
    return {} if predecessor is None else dict(_known(predecessor))


def captured_since(facts: CallFacts, recording: Recording) -> datetime | None:
    """Return when audio first flowed, seams not counted; None before it did."""
    since = recording.active_seen_at
    before = predecessor_of(facts, recording)
    while before is not None:
        since = before.active_seen_at or since
        before = predecessor_of(facts, before)
    return since


def question_about(
    facts: CallFacts,
    recording: Recording,
    need: ConsentNeed,
    context: PlanningContext,
    *,
    asked_at: datetime,
) -> ConsentQuestion:
    """Put a need as a question about the people in a call."""
    policies, roles = context.policies, facts.call.roles

    def is_internal(party: Party) -> bool:
        return policies.is_internal(party, roles)

    def is_meant(party: Party) -> bool:
        return policies.may_fit(need.selectors, party, roles)

    return ConsentQuestion(
        need=need,
        purpose=recording.purpose,
        asked_at=asked_at,
        is_internal=is_internal,
        is_meant=is_meant,
        captured_since=captured_since(facts, recording),
    )
