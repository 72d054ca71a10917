"""The nested values that stand as JSON in one column, written and read back.

Used by `tables`, which gives each such column its pair of functions. JSON keys are the field names
of the values; what equals its default is left out where a later field may join.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from recordingd.domain.calls import Party, PartyKind, Phone, RawId
from recordingd.domain.consent import ConsentMode, ConsentSpec, Parties
from recordingd.domain.durations import FOREVER, Duration, Forever
from recordingd.domain.matchers import Source
from recordingd.domain.policies import StoreName
from recordingd.domain.retention import CountFrom, RetentionSpec


def dump_texts(value: Mapping[str, str]) -> dict[str, str]:
    """Write a mapping of texts."""
    return dict(value)


def parse_texts(value: dict[str, str]) -> Mapping[str, str]:
    """Read a mapping of texts."""
    return value


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


def dump_consent(value: ConsentSpec) -> dict[str, Any]:
    """Write a consent specification."""
    assert isinstance(value.parties, Parties)
    assert value.timeout is not None
    return {
        "mode": value.mode.value,
        "parties": value.parties.value,
        "timeout": _dump_finite(value.timeout),
    }


def parse_consent(value: dict[str, Any]) -> ConsentSpec:
    """Read a consent specification."""
    return ConsentSpec(
        mode=ConsentMode(value["mode"]),
        parties=Parties(value["parties"]),
        timeout=_parse_finite(value["timeout"]),
    )


def dump_retention(value: RetentionSpec) -> dict[str, Any]:
    """Write a retention; its three kinds of length stay apart."""
    assert isinstance(value.count_from, CountFrom)
    return {
        "keep_at_least": _dump_length(value.keep_at_least),
        "delete_after": _dump_length(value.delete_after),
        "count_from": value.count_from.value,
    }


def parse_retention(value: dict[str, Any]) -> RetentionSpec:
    """Read a retention."""
    return RetentionSpec(
        keep_at_least=_parse_length(value["keep_at_least"]),
        delete_after=_parse_length(value["delete_after"]),
        count_from=CountFrom(value["count_from"]),
    )


def dump_copies(value: tuple[tuple[StoreName, str, str], ...]) -> list[list[str]]:
    """Write the (store, uri, answer) of every copy a receipt proves."""
    return [list(copy) for copy in value]


def parse_copies(value: list[list[str]]) -> tuple[tuple[StoreName, str, str], ...]:
    """Read the (store, uri, answer) of every copy a receipt proves."""
    return tuple((StoreName(store), uri, answer) for store, uri, answer in value)


# Durations are kept by their parts and not as policies write them: the text form has limits of its
# own, and a frozen recording must read back exactly whatever a later parser accepts.


def _dump_finite(value: Duration) -> dict[str, int]:
    return {"months": value.months, "days": value.days, "seconds": value.seconds}


def _parse_finite(value: dict[str, int]) -> Duration:
    return Duration(months=value["months"], days=value["days"], seconds=value["seconds"])


def _dump_length(value: Duration | Forever | None) -> dict[str, int] | str | None:
    if value is None:
        return None
    return FOREVER.value if isinstance(value, Forever) else _dump_finite(value)


def _parse_length(value: dict[str, int] | str | None) -> Duration | Forever | None:
    if value is None:
        return None
    return FOREVER if isinstance(value, str) else _parse_finite(value)
