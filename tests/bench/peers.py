"""The same rules in the hands of others: a walk over dictionaries, CEL, and Cedar.

Each peer is prepared once, as far as its library can prepare anything, and then asked who wins a
call: every policy that matches is found, since several may. Used by `tests.bench.decisions`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cedarpy
import cel

# A call as its values: the dialled number, the tags, the ids of the participants.
Values = Mapping[str, object]
Decide = Callable[[Values], Sequence[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleText:
    """One policy as its values: the number that was dialled, and a queue where it asks for one."""

    to: str
    queue: str | None


def walk(rules: Sequence[RuleText]) -> Decide:
    """Interpret each rule as the mapping that its YAML is, as a first version would."""
    loaded = [
        {
            "match": {
                "to": {"phone": rule.to},
                **({"tags": {"queue": rule.queue}} if rule.queue else {}),
            }
        }
        for rule in rules
    ]

    def matches(match: Mapping[str, object], call: Values) -> bool:
        for field, wanted in match.items():
            found = call.get(field)
            if isinstance(wanted, dict):
                if not isinstance(found, dict) or not matches(wanted, found):
                    return False
            elif isinstance(wanted, str) and wanted.endswith("*"):
                if not str(found).startswith(wanted[:-1]):
                    return False
            elif found != wanted:
                return False
        return True

    return lambda call: [n for n, rule in enumerate(loaded) if matches(rule["match"], call)]


def by_cel(rules: Sequence[RuleText]) -> Decide:
    """Compile each rule once; a call's values become one context."""
    programs = [cel.compile(_expression(rule)) for rule in rules]

    def decide(call: Values) -> Sequence[int]:
        context = cel.Context(dict(call))
        return [n for n, program in enumerate(programs) if program.execute(context)]

    return decide


def _expression(rule: RuleText) -> str:
    dialled = f'to.phone == "{rule.to}"'
    return dialled if rule.queue is None else f'{dialled} && tags.queue == "{rule.queue}"'


def by_cedar(rules: Sequence[RuleText]) -> Decide:
    """Parse the policies once; the ids of those that permit are the answer."""
    policies = cedarpy.PolicySet.from_str(
        "\n".join(_permit(n, rule) for n, rule in enumerate(rules))
    )
    entities = cedarpy.Entities.from_json_str("[]")

    def decide(call: Values) -> Sequence[int]:
        request = {
            "principal": 'Recorder::"recordingd"',
            "action": 'Action::"record"',
            "resource": 'Call::"call"',
            "context": dict(call),
        }
        result = cedarpy.is_authorized(request, policies, entities)
        return [int(reason.removeprefix("policy")) for reason in result.diagnostics.reasons]

    return decide


def _permit(n: int, rule: RuleText) -> str:
    queue = "" if rule.queue is None else f' && context.tags.queue == "{rule.queue}"'
    condition = f'context.to.phone == "{rule.to}"{queue}'
    return f'@id("policy{n}") permit (principal, action, resource) when {{ {condition} }};'
