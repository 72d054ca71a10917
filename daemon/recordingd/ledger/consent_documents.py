"""What a policy says of consent, as JSON in one column, written and read back.

Used by `call_tables`. A recording keeps what its policy said when it was first wanted, so every
field must read back as it was, those that say nothing included.
"""

from __future__ import annotations

from typing import Any

from recordingd.domain.calls import PartyKind
from recordingd.domain.consent import (
    Ask,
    AskedBy,
    BeforeDecision,
    ConsentMode,
    ConsentSpec,
    LateJoin,
    Parties,
    Refusal,
    Satisfaction,
    WithdrawnKept,
    WithdrawnLive,
)
from recordingd.domain.matchers import GroupName, Pattern, Selector
from recordingd.ledger.documents import dump_length, parse_finite, parse_length

# The fields that hold one member of a closed set, by name.
_WORDS = {
    "before_decision": BeforeDecision,
    "denied": Refusal,
    "no_response": Refusal,
    "late_join": LateJoin,
    "withdrawn_live": WithdrawnLive,
    "withdrawn_kept": WithdrawnKept,
}
_PATTERNS = ("ids", "phones", "roles", "display_names")
_NAMES = ("in_groups", "not_in", "places")


def dump_consent(value: ConsentSpec) -> dict[str, Any]:
    """Write the body of a consent rule, without what it does not say."""
    words = {name: getattr(value, name) for name in _WORDS}
    satisfied_by = value.satisfied_by
    said = {
        **{name: None if word is None else word.value for name, word in words.items()},
        "mode": value.mode.value,
        "parties": _dump_parties(value.parties),
        "satisfied_by": None if satisfied_by is None else sorted(s.value for s in satisfied_by),
        "timeout": dump_length(value.timeout),
        "ask": None if value.ask is None else _dump_ask(value.ask),
        "evidence_keep": dump_length(value.evidence_keep),
    }
    return {name: field for name, field in said.items() if field is not None}


def parse_consent(value: dict[str, Any]) -> ConsentSpec:
    """Read the body of a consent rule."""
    words: dict[str, Any] = {
        name: kind(value[name]) for name, kind in _WORDS.items() if name in value
    }
    satisfied_by, timeout = value.get("satisfied_by"), value.get("timeout")
    return ConsentSpec(
        mode=ConsentMode(value["mode"]),
        parties=_parse_parties(value.get("parties")),
        satisfied_by=None if satisfied_by is None else frozenset(map(Satisfaction, satisfied_by)),
        timeout=None if timeout is None else parse_finite(timeout),
        ask=_parse_ask(value["ask"]) if "ask" in value else None,
        evidence_keep=parse_length(value.get("evidence_keep")),
        **words,
    )


def _dump_parties(value: Parties | tuple[Selector, ...] | None) -> str | list[Any] | None:
    if value is None:
        return None
    return value.value if isinstance(value, Parties) else [_dump_selector(s) for s in value]


def _parse_parties(value: str | list[Any] | None) -> Parties | tuple[Selector, ...] | None:
    if value is None:
        return None
    return Parties(value) if isinstance(value, str) else tuple(map(_parse_selector, value))


def _dump_selector(value: Selector) -> dict[str, list[str]]:
    fields = {
        **{name: [p.text for p in getattr(value, name)] for name in _PATTERNS},
        **{name: list(getattr(value, name)) for name in _NAMES},
        "kinds": [kind.value for kind in value.kinds],
    }
    return {name: entries for name, entries in fields.items() if entries}


def _parse_selector(value: dict[str, list[str]]) -> Selector:
    def patterns(name: str) -> tuple[Pattern, ...]:
        return tuple(map(Pattern, value.get(name, ())))

    return Selector(
        ids=patterns("ids"),
        kinds=tuple(map(PartyKind, value.get("kinds", ()))),
        phones=patterns("phones"),
        roles=patterns("roles"),
        display_names=patterns("display_names"),
        in_groups=tuple(map(GroupName, value.get("in_groups", ()))),
        not_in=tuple(map(GroupName, value.get("not_in", ()))),
        places=tuple(value.get("places", ())),
    )


def _dump_ask(value: Ask) -> dict[str, Any]:
    return {
        "by": value.by.value,
        "prompts": dict(value.prompts),
        "language_tag": value.language_tag,
        "default_language": value.default_language,
        "accept": value.accept,
        "reject": value.reject,
    }


def _parse_ask(value: dict[str, Any]) -> Ask:
    return Ask(**{**value, "by": AskedBy(value["by"])})
