"""What tests of policies say of the other documents of their tree, and of their own steps.

Called by `config.cross_checks`. Reads documents as they were written, so that a fault elsewhere in
a test hides none of these. Never plays a test.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from recordingd.config.diagnostics import Findings
from recordingd.config.drafts import Draft
from recordingd.config.rule_scalars import pause_rule_in
from recordingd.config.schema_words import did_you_mean
from recordingd.config.strict_yaml import PathParts, Plain
from recordingd.domain.retention import CEILING

# No policy, and what a policy that nobody named cannot be.
_NONE = "none"
_INLINE = "#retention"
_WORDS = {
    "test/unknown-policy": "policy",
    "test/unknown-retention": "retention rule",
    "test/unknown-hold": "hold",
    "test/unknown-pause": "pause rule",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Names:
    """The names of a tree that a test can speak of."""

    policies: frozenset[str]
    retention: frozenset[str]
    pauses: frozenset[str]
    holds: frozenset[str]


def check_tests(drafts: Sequence[Draft], findings: Findings) -> None:
    """Report what tests expect after steps that they lack, and of documents that are not there."""
    tests = [d for d in drafts if d.kind == "PolicyTest"]
    if not tests:
        return
    names = _names(drafts)
    for draft in tests:
        steps = _part(_part(draft.document.data, "given"), "steps")
        count = len(steps) if isinstance(steps, list) else 0
        for n, wanted in _mappings(_part(draft.document.data, "expect")):
            _check_after(draft, ("expect", n, "after"), wanted.get("after"), count, findings)
            for path, code, name, known in _mentions(wanted, names):
                if name not in known:
                    message = f"unknown {_WORDS[code]} '{name}'"
                    hint = did_you_mean(name, known)
                    findings.error(draft.at("expect", n, *path), code, message, hint=hint)


def _check_after(
    draft: Draft, path: PathParts, after: Plain, count: int, findings: Findings
) -> None:
    if isinstance(after, int) and not isinstance(after, bool) and after > count:
        steps = {0: "no steps", 1: "one step"}.get(count, f"{count} steps")
        message = f"there is nothing after step {after}: this test has {steps}"
        findings.error(draft.at(*path), "test/beyond-steps", message)


def _names(drafts: Sequence[Draft]) -> _Names:
    def named(kind: str) -> frozenset[str]:
        return frozenset(d.name for d in drafts if d.kind == kind and d.name is not None)

    inline = {
        f"{d.name}{_INLINE}"
        for d in drafts
        if d.kind == "RecordingPolicy" and d.name is not None and d.holds("retention")
    }
    return _Names(
        policies=named("RecordingPolicy"),
        retention=named("RetentionRule") | inline | {CEILING},
        pauses=named("PauseRule"),
        holds=named("LegalHold"),
    )


def _mentions(
    wanted: dict[str, Plain], names: _Names
) -> Iterator[tuple[PathParts, str, str, frozenset[str]]]:
    """Yield every name that one expectation uses: path, code where it is unknown, what there is."""
    policy, rule = wanted.get("policy"), _part(wanted.get("retention"), "rule")
    if isinstance(policy, str) and policy != _NONE:
        yield ("policy",), "test/unknown-policy", policy, names.policies
    if isinstance(rule, str):
        yield ("retention", "rule"), "test/unknown-retention", rule, names.retention
    for n, hold in _texts(wanted.get("holds")):
        yield ("holds", n), "test/unknown-hold", hold, names.holds
    for n, reason in _texts(wanted.get("pauses")):
        if pause := pause_rule_in(reason):
            yield ("pauses", n), "test/unknown-pause", pause, names.pauses


def _part(data: Plain, key: str) -> Plain:
    return data.get(key) if isinstance(data, dict) else None


def _mappings(data: Plain) -> Iterator[tuple[int, dict[str, Plain]]]:
    for n, item in enumerate(data if isinstance(data, list) else ()):
        if isinstance(item, dict):
            yield n, item


def _texts(data: Plain) -> Iterator[tuple[int, str]]:
    for n, item in enumerate(data if isinstance(data, list) else ()):
        if isinstance(item, str):
            yield n, item
