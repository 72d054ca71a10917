"""An explanation as text for a terminal: the decision tree, then every other rule that fits.

Called by `cli.explain`. Says what `planning.explain_json` says, in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from recordingd.domain.consent import ConsentNeed
from recordingd.domain.durations import Forever
from recordingd.planning.dates import Dated
from recordingd.planning.documents import moment_in_words, retention_fields
from recordingd.planning.explain import Explanation, LeafAnswer, PolicyAnswer, Result
from recordingd.planning.explain_json import parties_in_words
from recordingd.planning.explain_rules import OtherRules
from recordingd.planning.explained import STANDINGS, Expected, Explained, Made, WhyNot
from recordingd.planning.truth import NO, UNKNOWN

_NONE = "none"
_RESULTS = {
    Result.WINS: "wins",
    Result.WOULD_WIN: "would win",
    Result.RUNNER_UP: "runner-up",
    Result.BEATEN: "beaten",
    Result.OVERRIDDEN: "overridden",
    Result.IN_DOUBT: "in doubt",
    Result.NO_MATCH: "no match",
    Result.OBSERVED: "observed",
    Result.SUSPENDED: "suspended",
}


def explained_text(explained: Explained) -> str:
    """Return the text form of an explanation, paragraph by paragraph."""
    parts = [
        _head(explained.decision),
        _made(explained.made),
        _votes(explained.decision.votes),
        _others(explained.others),
        _asked(explained.why_not, explained.expected, explained.decision),
    ]
    texts = ("\n".join(part) for part in parts)
    return "\n\n".join(text for text in texts if text)


def _head(found: Explanation) -> Iterator[str]:
    settles = moment_in_words(found.settles_at)
    waits = f"settled since {settles}" if found.is_settled else f"settles at {settles}"
    yield f"call {found.server_call_id} ({found.call_id})"
    yield f"as of {moment_in_words(found.at)}, {waits}"
    yield ""
    decision = "not recorded" if found.decision is None else found.decision.value
    doubt = "not decided yet; as far as is known: " if found.is_undecided else ""
    by = "" if found.policy is None else f" by {found.policy}"
    yield f"{doubt}{decision}{by}"
    yield f"  {found.why}"
    if found.runner_up is not None:
        yield f"  runner-up: {found.runner_up}"
    if found.conflicts:
        yield f"  conflict: {', '.join(found.conflicts)}"
    if found.outlook is not None:
        winner = found.outlook.policy or "no policy"
        yield f"  {winner} wins at {moment_in_words(found.outlook.at)} when nothing more is told"


def _made(recordings: Sequence[Made]) -> Iterator[str]:
    for made in recordings:
        yield (
            f"recording {made.id}: {made.state}, by {made.policy} ({made.source}) of revision "
            f"{made.revision}"
        )


def _votes(votes: Sequence[PolicyAnswer]) -> Iterator[str]:
    yield f"policies: {len(votes) or _NONE}"
    for vote in votes:
        specificity = f", asks about {'; '.join(vote.specificity)}" if vote.specificity else ""
        yield (
            f"  {vote.matched.value:<8} {vote.policy}: {_RESULTS[vote.result]} "
            f"({vote.vote.value}, priority {vote.priority}{specificity}; {vote.source})"
        )
        yield f"           {vote.why}"
        yield from _leaves(vote.leaves, indent="    ")


def _leaves(leaves: Sequence[LeafAnswer], *, indent: str) -> Iterator[str]:
    for leaf in leaves:
        # Callers write this: it must not pass for a line of ours.
        actual = " ".join(leaf.actual.splitlines())
        asked = f"{leaf.path}: asks for {leaf.expected}; is {actual}"
        yield f"{indent}{leaf.matched.value:<8} {asked} ({leaf.source})"
        if leaf.missing is not None:
            yield f"{indent}         missing: {leaf.missing}"


def _others(others: OtherRules) -> Iterator[str]:
    yield f"consent: {_consent(others.consent)}"
    yield f"kept: {_kept(others)}"
    for keeping in others.keepings:
        fields = ", ".join(f"{n} {t}" for n, t in retention_fields(keeping.spec) if t is not None)
        doubt = "" if keeping.is_certain else "; whether it matches is not known yet"
        yield f"  {keeping.rule}: {fields}, priority {keeping.priority}{doubt}"
    yield f"holds: {', '.join(others.held_by) or _NONE}"
    fitting = [rule for rule in others.rules if rule.matched is not NO]
    yield f"rules that fit: {len(fitting) or _NONE} of {len(others.rules)}"
    for rule in fitting:
        standing = STANDINGS.get(rule.standing)
        suffix = "" if standing is None else f"; {standing}"
        yield f"  {rule.matched.value:<8} {rule.kind} {rule.name} ({rule.source}){suffix}"
        yield f"           {rule.says}"
        if rule.matched is UNKNOWN:
            yield from _leaves([leaf for leaf in rule.leaves if leaf.decides], indent="    ")


def _consent(need: ConsentNeed | None) -> str:
    if need is None:
        return _NONE
    return (
        f"{need.mode.value} of {parties_in_words(need)}, {need.before_decision.value} until then, "
        f"for {need.timeout} at most; denied {need.denied.value}, "
        f"no response {need.no_response.value} (by {', '.join(need.rules)})"
    )


def _kept(others: OtherRules) -> str:
    dates = others.dates
    if dates is None:
        return "nothing is recorded"
    floor = "" if dates.floor is None else f"at least {_when('until', dates.floor)}; "
    if dates.deletion is None:
        return f"{floor}no rule deletes it"
    return f"{floor}deleted {_when('at', Dated(at=dates.delete_at, rule=dates.deletion.rule))}"


def _when(word: str, dated: Dated) -> str:
    if isinstance(dated.at, Forever):
        return f"{'forever' if word == 'until' else 'never'} by {dated.rule}"
    at = "a moment not known yet" if dated.at is None else moment_in_words(dated.at)
    return f"{word} {at} by {dated.rule}"


def _asked(one: WhyNot | None, expected: Expected | None, found: Explanation) -> Iterator[str]:
    if one is not None:
        yield f"why not {one.name}: {one.why}"
        yield from _leaves(one.leaves, indent="  ")
    if expected is not None:
        verdict = "as expected" if expected.is_met else "not as expected"
        wanted = expected.policy or _NONE
        yield f"{verdict}: expected {wanted}, {found.final_policy or _NONE} wins"
