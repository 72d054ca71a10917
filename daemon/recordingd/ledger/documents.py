"""The nested values that stand as JSON in one column, written and read back.

Used by `tables`, which gives each such column its pair of functions. JSON keys are the field names
of the values; what equals its default is left out where a later field may join.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from recordingd.domain.calls import Party, PartyKind, Phone, RawId
from recordingd.domain.durations import FOREVER, Duration, Forever
from recordingd.domain.matchers import RuleName, Source
from recordingd.domain.policies import StoreName
from recordingd.domain.retention import Basis, CountFrom, EventClock, Keeping, RetentionSpec


def dump_texts(value: Mapping[str, str]) -> dict[str, str]:
    """Write a mapping of texts."""
    return dict(value)


def parse_texts(value: dict[str, str]) -> Mapping[str, str]:
    """Read a mapping of texts."""
    return value


def dump_ids(value: frozenset[str]) -> list[str]:
    """Write a set of ids, sorted."""
    return sorted(value)


def parse_ids(value: list[str]) -> frozenset[str]:
    """Read a set of ids."""
    return frozenset(value)


def dump_past_tags(value: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    """Write the values that tags had before."""
    return {tag: list(values) for tag, values in value.items()}


def parse_past_tags(value: dict[str, list[str]]) -> Mapping[str, tuple[str, ...]]:
    """Read the values that tags had before."""
    return {tag: tuple(values) for tag, values in value.items()}


def dump_moments(value: Mapping[str, datetime]) -> dict[str, str]:
    """Write moments by name."""
    return {name: at.isoformat() for name, at in value.items()}


def parse_moments(value: dict[str, str]) -> Mapping[str, datetime]:
    """Read moments by name."""
    return {name: datetime.fromisoformat(at) for name, at in value.items()}


def dump_affinity(value: Mapping[int, RawId]) -> dict[str, str]:
    """Write channel -> raw id; JSON has text keys only."""
    return {str(channel): raw_id for channel, raw_id in value.items()}


def parse_affinity(value: dict[str, str]) -> Mapping[int, RawId]:
    """Read channel -> raw id."""
    return {int(channel): RawId(raw_id) for channel, raw_id in value.items()}


def dump_party(value: Party) -> dict[str, str | None]:
    """Write a party of the call itself."""
    return {
        "raw_id": value.raw_id,
        "kind": value.kind.value,
        "phone": value.phone,
        "display_name": value.display_name,
        "role": value.role,
    }


def parse_party(value: dict[str, Any]) -> Party:
    """Read a party of the call itself."""
    phone = value["phone"]
    return Party(
        raw_id=RawId(value["raw_id"]),
        kind=PartyKind(value["kind"]),
        phone=None if phone is None else Phone(phone),
        display_name=value["display_name"],
        role=value["role"],
    )


def dump_source(value: Source) -> dict[str, str | int]:
    """Write where a policy stands."""
    return {"file": value.file, "line": value.line}


def parse_source(value: dict[str, Any]) -> Source:
    """Read where a policy stands."""
    return Source(file=value["file"], line=value["line"])


def dump_keepings(value: tuple[Keeping, ...]) -> list[dict[str, Any]]:
    """Write what rules say of how long a recording is kept."""
    return [
        {
            "rule": keeping.rule,
            "source": None if keeping.source is None else dump_source(keeping.source),
            "revision": keeping.revision,
            "priority": keeping.priority,
            "is_certain": keeping.is_certain,
            **_dump_retention(keeping.spec),
        }
        for keeping in value
    ]


def parse_keepings(value: list[dict[str, Any]]) -> tuple[Keeping, ...]:
    """Read what rules say of how long a recording is kept."""
    return tuple(
        Keeping(
            rule=RuleName(keeping["rule"]),
            source=None if keeping["source"] is None else parse_source(keeping["source"]),
            revision=keeping["revision"],
            priority=keeping["priority"],
            spec=_parse_retention(keeping),
            is_certain=keeping["is_certain"],
        )
        for keeping in value
    )


def _dump_retention(value: RetentionSpec) -> dict[str, Any]:
    """Write a rule's body; its three kinds of length stay apart."""
    clock = value.count_from
    return {
        "keep_at_least": dump_length(value.keep_at_least),
        "delete_after": dump_length(value.delete_after),
        "count_from": str(clock) if isinstance(clock, EventClock) else clock.value,
        "basis": value.basis.value,
        "decide_after": dump_finite(value.decide_after),
    }


def _parse_retention(value: dict[str, Any]) -> RetentionSpec:
    kind, is_event, name = value["count_from"].partition(":")
    return RetentionSpec(
        keep_at_least=parse_length(value["keep_at_least"]),
        delete_after=parse_length(value["delete_after"]),
        count_from=EventClock(name) if is_event else CountFrom(kind),
        basis=Basis(value["basis"]),
        decide_after=parse_finite(value["decide_after"]),
    )


def dump_copies(value: tuple[tuple[StoreName, str, str], ...]) -> list[list[str]]:
    """Write the (store, uri, answer) of every copy a receipt proves."""
    return [list(copy) for copy in value]


def parse_copies(value: list[list[str]]) -> tuple[tuple[StoreName, str, str], ...]:
    """Read the (store, uri, answer) of every copy a receipt proves."""
    return tuple((StoreName(store), uri, answer) for store, uri, answer in value)


# Durations are kept by their parts and not as policies write them: the text form has limits of its
# own, and a frozen recording must read back exactly whatever a later parser accepts.


def dump_finite(value: Duration) -> dict[str, int]:
    """Write a length that ends."""
    return {"months": value.months, "days": value.days, "seconds": value.seconds}


def parse_finite(value: dict[str, int]) -> Duration:
    """Read a length that ends."""
    return Duration(months=value["months"], days=value["days"], seconds=value["seconds"])


def dump_length(value: Duration | Forever | None) -> dict[str, int] | str | None:
    """Write a length, a word where it never ends; None stays None."""
    if value is None:
        return None
    return FOREVER.value if isinstance(value, Forever) else dump_finite(value)


def parse_length(value: dict[str, int] | str | None) -> Duration | Forever | None:
    """Read a length; None stays None."""
    if value is None:
        return None
    return FOREVER if isinstance(value, str) else parse_finite(value)
