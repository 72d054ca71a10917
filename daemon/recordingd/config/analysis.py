"""What can be said of the rules of a tree without a call: what never holds, meets, or never wins.

Called by `config.cross_checks` when every document has been read. `planning` works out what
matchers mean; here it becomes findings with their places and what to do about them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from recordingd.config.diagnostics import Findings, Related
from recordingd.config.drafts import Draft, PolicyContext
from recordingd.config.duty_checks import check_duties
from recordingd.config.known_rules import KnownRules
from recordingd.config.matchers import place_of
from recordingd.config.ways_in import check_ways_in
from recordingd.domain.holds import LegalHold
from recordingd.domain.policies import Decision, RecordingPolicy
from recordingd.domain.retention import RetentionRule
from recordingd.planning.barren import find_barren
from recordingd.planning.overlap import Overlap

if TYPE_CHECKING:
    from recordingd.planning.rivals import Loser, Meeting

# Of many policies that a finding is about this many are named.
_NAMED_MAX = 5


def analyse(drafts: Sequence[Draft], context: PolicyContext, findings: Findings) -> None:
    """Report what the rules of a tree say of each other and, where known, of the settings.

    Errors only where two policies contradict each other; everything else is worth knowing.
    """
    known = KnownRules.of(drafts)
    _check_never_holds(known, findings)
    if len(known.policies) > 1:
        _check_rivals(known, findings)
    check_duties(known, context, findings)
    if context.ways_in is not None:
        check_ways_in(known, context.ways_in, findings)


# --- what never holds -----------------------------------------------------------------------------


def _check_never_holds(known: KnownRules, findings: Findings) -> None:
    at_once = Overlap(known.groups)
    # These ask of everything that was ever true of a call.
    ever = Overlap(known.groups, is_lifetime=True)
    for rule, document in known.rules:
        overlap = ever if isinstance(rule, RetentionRule | LegalHold) else at_once
        for barren in find_barren(rule.match, overlap):
            message = f"'{barren.condition.path}' can never hold"
            related: tuple[Related, ...] = ()
            if barren.against is not None:
                message += f" together with '{barren.against.path}'"
                place = place_of(document, barren.against)
                related = (place.related(f"'{barren.against.path}'"),)
            findings.warning(
                place_of(document, barren.condition),
                "policy/never-holds",
                message,
                hint="no call can be like that; correct it, or leave it out",
                related=related,
            )


# --- who meets whom -------------------------------------------------------------------------------


def _check_rivals(known: KnownRules, findings: Findings) -> None:
    from recordingd.planning.rivals import Rivals  # a policy alone has none

    rivals = Rivals(known.policies, known.groups)
    reports = _Reports(known, findings)
    for tie in rivals.ties():
        reports.tie(tie)
    for _, meetings in groupby(rivals.defeats(), key=lambda meeting: meeting.first.name):
        reports.defeat(list(meetings))
    for loser in rivals.losers():
        reports.loser(loser)


class _Reports:
    """Says of policies what others do to them."""

    def __init__(self, known: KnownRules, findings: Findings) -> None:
        self._documents = known.documents_by_policy()
        self._findings = findings

    def tie(self, tie: Meeting) -> None:
        names = f"'{tie.later.name}' and '{tie.first.name}'"
        hint = "give one of them a higher priority, or matchers that no call can meet together"
        if tie.example is None:
            message = f"{names} are too involved to prove that no call matches both"
        else:
            message = f"{names} can match the same call"
            hint = f"such as {tie.example}; {hint}"
        self._findings.error(
            self._documents[tie.later.name].at("name"),
            "policy/equal-rank",
            f"{message}, and neither outranks the other",
            hint=hint,
            related=self._related([tie.first]),
        )

    def defeat(self, meetings: Sequence[Meeting]) -> None:
        require, forbids = meetings[0].first, [meeting.later for meeting in meetings]
        example = meetings[0].example
        such = "" if example is None else f"such as {example}; "
        self._findings.warning(
            self._documents[require.name].at("name"),
            "policy/require-meets-forbid",
            f"a call can match '{require.name}' and {_listed(forbids, 'and')};"
            " it is then not recorded",
            hint=f"{such}if it must be recorded all the same, name the forbid in 'overrides'",
            related=self._related(forbids),
        )

    def loser(self, loser: Loser) -> None:
        policy, winners = loser.policy, loser.winners
        self._findings.warning(
            self._documents[policy.name].at("name"),
            "policy/never-wins",
            f"'{policy.name}' never wins: every call that matches it also matches"
            f" {_listed(winners, 'or')}",
            hint=_remedy_for(policy, winners),
            related=self._related(winners),
        )

    def _related(self, policies: Sequence[RecordingPolicy]) -> tuple[Related, ...]:
        named = policies[:_NAMED_MAX]
        return tuple(self._documents[p.name].at("name").related(f"'{p.name}'") for p in named)


def _listed(policies: Sequence[RecordingPolicy], word: str) -> str:
    names = [f"'{policy.name}'" for policy in policies[:_NAMED_MAX]]
    if len(policies) > _NAMED_MAX:
        names.append(f"{len(policies) - _NAMED_MAX} more")
    *most, last = names
    return f"{', '.join(most)} {word} {last}" if most else last


def _remedy_for(policy: RecordingPolicy, winners: Sequence[RecordingPolicy]) -> str:
    narrow = f"match fewer calls in {_listed(winners, 'or')}, or delete '{policy.name}'"
    others = {winner.decision for winner in winners}
    if policy.name in {name for winner in winners for name in winner.overrides}:
        return f"it is overridden wherever it matches; {narrow}"
    if Decision.FORBID in others and policy.decision is not Decision.FORBID:
        return f"a forbid beats every priority; {narrow}"
    if Decision.REQUIRE in others and policy.decision is not Decision.REQUIRE:
        return f"a require beats every priority; {narrow}"
    highest = max(winner.priority for winner in winners)
    return f"give it a priority above {highest}, {narrow}"
