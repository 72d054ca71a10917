"""An explanation as JSON: an interface that others rely on.

Called by `cli.explain`. Names and shapes are those of `explain -f json`; the text form is
`planning.explain_text`'s.
"""

from __future__ import annotations

from datetime import datetime

from recordingd.domain.consent import ConsentNeed
from recordingd.domain.durations import Forever
from recordingd.planning.dates import Date
from recordingd.planning.documents import moment_in_words, retention_fields
from recordingd.planning.explain import Explanation, LeafAnswer, PolicyAnswer
from recordingd.planning.explain_rules import OtherRules, RuleAnswer
from recordingd.planning.explained import Expected, Explained, Made, WhyNot
from recordingd.planning.leaves import selectors_in_words

Json = dict[str, object]


def explained_json(explained: Explained) -> Json:
    """Return the JSON form of an explanation."""
    found = explained.decision
    return {
        "decision": None if found.decision is None else found.decision.value,
        "policy": found.policy,
        "runnerUp": found.runner_up,
        "votes": [_vote_json(vote) for vote in found.votes],
        "why": found.why,
        "callId": found.call_id,
        "serverCallId": found.server_call_id,
        "at": moment_in_words(found.at),
        "settlesAt": moment_in_words(found.settles_at),
        "settled": found.is_settled,
        "undecided": found.is_undecided,
        "outlook": _outlook_json(found),
        "conflicts": list(found.conflicts),
        "recordings": [_made_json(made) for made in explained.made],
        "rules": [_rule_json(rule) for rule in explained.others.rules],
        "consent": None
        if explained.others.consent is None
        else _need_json(explained.others.consent),
        "retention": _retention_json(explained.others),
        "heldBy": list(explained.others.held_by),
        "whyNot": None if explained.why_not is None else _why_not_json(explained.why_not),
        "expected": _expected_json(explained.expected),
    }


def _vote_json(vote: PolicyAnswer) -> Json:
    return {
        "policy": vote.policy,
        "vote": vote.vote.value,
        "matched": vote.matched.value,
        "leaves": [_leaf_json(leaf) for leaf in vote.leaves],
        "result": vote.result.value,
        "why": vote.why,
        "priority": vote.priority,
        "specificity": list(vote.specificity),
        "source": str(vote.source),
    }


def _leaf_json(leaf: LeafAnswer) -> Json:
    missing = leaf.missing
    return {
        "path": leaf.path,
        "expected": leaf.expected,
        "actual": leaf.actual,
        "matched": leaf.matched.value,
        "source": str(leaf.source),
        "decides": leaf.decides,
        "missing": None if missing is None else missing.what,
        "wayIn": None if missing is None else missing.way_in.value,
    }


def _outlook_json(found: Explanation) -> Json | None:
    if found.outlook is None:
        return None
    decision = found.outlook.decision
    return {
        "at": moment_in_words(found.outlook.at),
        "decision": None if decision is None else decision.value,
        "policy": found.outlook.policy,
    }


def _made_json(made: Made) -> Json:
    return {
        "id": made.id,
        "policy": made.policy,
        "policyRevision": made.revision,
        "source": str(made.source),
        "state": made.state.value,
    }


def _rule_json(rule: RuleAnswer) -> Json:
    return {
        "kind": rule.kind.value,
        "name": rule.name,
        "matched": rule.matched.value,
        "standing": rule.standing.value,
        "says": rule.says,
        "leaves": [_leaf_json(leaf) for leaf in rule.leaves],
        "source": str(rule.source),
    }


def _need_json(need: ConsentNeed) -> Json:
    return {
        "mode": need.mode.value,
        "parties": parties_in_words(need),
        "satisfiedBy": sorted(one.value for one in need.satisfied_by),
        "beforeDecision": need.before_decision.value,
        "timeout": str(need.timeout),
        "outcomes": {
            "denied": need.denied.value,
            "noResponse": need.no_response.value,
            "lateJoin": need.late_join.value,
            "withdrawn": {"live": need.withdrawn_live.value, "kept": need.withdrawn_kept.value},
        },
        "evidence": {"keep": str(need.evidence_keep)},
        "rules": list(need.rules),
    }


def _retention_json(others: OtherRules) -> Json | None:
    dates = others.dates
    if dates is None:
        return None
    floor, deletion = dates.floor, dates.deletion
    return {
        "keepUntil": None if floor is None else date_in_words(floor.at, forever="forever"),
        "keepRule": None if floor is None else floor.rule,
        "deleteAt": date_in_words(dates.delete_at, forever="never"),
        "deleteRule": None if deletion is None else deletion.rule,
        "rules": [
            {
                "rule": keeping.rule,
                "source": None if keeping.source is None else str(keeping.source),
                "priority": keeping.priority,
                "certain": keeping.is_certain,
                **dict(retention_fields(keeping.spec)),
            }
            for keeping in others.keepings
        ],
    }


def _why_not_json(one: WhyNot) -> Json:
    return {
        "name": one.name,
        "kind": one.kind.value,
        "why": one.why,
        "leaves": [_leaf_json(leaf) for leaf in one.leaves],
    }


def _expected_json(expected: Expected | None) -> Json | None:
    return None if expected is None else {"policy": expected.policy, "met": expected.is_met}


def parties_in_words(need: ConsentNeed) -> str:
    """Say whose consent is needed."""
    named = [] if need.parties is None else [need.parties.value]
    return " and ".join([*named, *([selectors_in_words(need.selectors)] if need.selectors else [])])


def date_in_words(date: Date, *, forever: str) -> str | None:
    """Write a date in RFC 3339, UTC; `forever` names the one that never comes."""
    if isinstance(date, Forever):
        return forever
    return moment_in_words(date) if isinstance(date, datetime) else None
