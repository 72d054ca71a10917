"""Which recordings a rule about consent or keeping is about, asked of policies without a call.

Called by `config.analysis`. A policy's calls are those that it matches, whoever wins them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from recordingd.domain.consent import ConsentRule
from recordingd.domain.policies import RecordingPolicy
from recordingd.domain.retention import RetentionRule
from recordingd.planning.bars import Bar, what_bars
from recordingd.planning.examples import Example
from recordingd.planning.overlap import Overlap
from recordingd.planning.people import TooInvolved
from recordingd.planning.rivals import match_of
from recordingd.planning.selectors import Groups


def policies_without_consent(
    policies: Iterable[RecordingPolicy], rules: Sequence[ConsentRule], groups: Groups
) -> Iterator[RecordingPolicy]:
    """Yield every policy that may record a call of which no rule says what consent it needs.

    A policy with consent of its own is covered, and one whose every call falls under some acting
    rule for its purpose. What cannot be found out counts as not covered; a policy that matches
    nothing at all counts as covered.
    """
    overlap = Overlap(groups)
    for policy in policies:
        if policy.record is None or policy.is_observed or policy.consent is not None:
            continue
        asking = [r for r in rules if r.purpose == policy.purpose and not r.is_observed]
        if not _is_covered(policy, asking, overlap):
            yield policy


def _is_covered(policy: RecordingPolicy, rules: Sequence[ConsentRule], overlap: Overlap) -> bool:
    goals = [match_of(rule) for rule in rules]

    def bars_of(example: Example) -> Iterator[Bar]:
        for number, goal in enumerate(goals):
            if overlap.meets(goal, example):
                yield Bar(number, [goal.missed])

    goal = match_of(policy)
    try:
        return bool(what_bars(overlap, goal, bars_of)) or overlap.find([goal]) is None
    except TooInvolved:
        return False


def policies_kept_under(
    rule: RetentionRule, policies: Iterable[RecordingPolicy], groups: Groups
) -> Iterator[RecordingPolicy]:
    """Yield every policy whose recordings a rule may keep or delete.

    Rules about keeping ask of everything that was ever true of a call.
    """
    overlap = Overlap(groups, is_lifetime=True)
    goal = match_of(rule)
    for policy in policies:
        if policy.record is None or policy.is_observed:
            continue
        try:
            example = overlap.find([goal, match_of(policy)])
        except TooInvolved:
            yield policy
        else:
            if example is not None:
                yield policy
