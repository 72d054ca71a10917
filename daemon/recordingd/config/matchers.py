"""The `match` of a document as a tree of conditions.

Called by the readers of every kind with data that passed the schema, or what was left of it. Keys
beside each other become one `AllOf`; every condition keeps its path and line. Never learns what is
decided about a call that matches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from recordingd.config import scalars
from recordingd.config.diagnostics import Place
from recordingd.config.strict_yaml import Document, Node, PathParts, Plain
from recordingd.domain.matchers import (
    AllOf,
    AnyOf,
    Condition,
    DirectionIs,
    FlagField,
    FlagIs,
    GroupName,
    Not,
    ParticipantCount,
    ParticipantsFit,
    PartyField,
    PartyIs,
    Pattern,
    Quantifier,
    Sampled,
    Selector,
    Source,
    StartedBetween,
    TagIs,
    TextField,
    TextIs,
    WithinHours,
)
from recordingd.domain.parties import Direction, PartyKind

_DAYS = {day: n for n, day in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))}


class MatchReader:
    """Reads the matcher of one document."""

    def __init__(self, document: Document, *, salt: str) -> None:
        self._document = document
        self._salt = salt
        self._leaves: dict[str, Callable[[Plain, PathParts], Condition]] = {
            **{f.value: self._party(f) for f in PartyField},
            **{f.value: self._text(f) for f in TextField},
            **{f.value: self._flag(f) for f in FlagField},
            "direction": self._direction,
            "hours": self._hours,
            "startedBetween": self._started_between,
            "sample": self._sample,
        }

    def read(self, data: Plain, path: PathParts = ("match",)) -> Condition:
        """Return the condition that a matcher states."""
        parts: list[Condition] = []
        for key, value in data.items():
            parts.extend(self._read_key(key, value, (*path, key)))
        if len(parts) == 1:
            return parts[0]
        return AllOf(parts=tuple(parts), path=_dotted(path), source=self._source(path))

    def _read_key(self, key: str, value: Plain, path: PathParts) -> list[Condition]:
        if key in {"all", "any"}:
            kind = AllOf if key == "all" else AnyOf
            parts = tuple(self.read(part, (*path, n)) for n, part in enumerate(value))
            return [kind(parts=parts, path=_dotted(path), source=self._source(path))]
        if key == "not":
            part = self.read(value, path)
            return [Not(part=part, path=_dotted(path), source=self._source(path))]
        if key == "participants":
            return [self._participants(k, v, (*path, k)) for k, v in value.items()]
        if key == "tags":
            return [self._tag(k, v, (*path, k)) for k, v in value.items()]
        return [self._leaves[key](value, path)]

    def _source(self, path: PathParts) -> Source:
        line = self._document.key_at(*path).span.line
        return Source(file=self._document.file.path, line=line)

    def _party(self, field: PartyField) -> Callable[[Plain, PathParts], Condition]:
        return lambda value, path: PartyIs(
            field=field,
            selectors=read_selectors(value),
            path=_dotted(path),
            source=self._source(path),
        )

    def _text(self, field: TextField) -> Callable[[Plain, PathParts], Condition]:
        return lambda value, path: TextIs(
            field=field,
            patterns=read_patterns(value),
            path=_dotted(path),
            source=self._source(path),
        )

    def _flag(self, field: FlagField) -> Callable[[Plain, PathParts], Condition]:
        return lambda value, path: FlagIs(
            field=field, value=value, path=_dotted(path), source=self._source(path)
        )

    def _participants(self, key: str, value: Plain, path: PathParts) -> Condition:
        if key == "count":
            return ParticipantCount(
                minimum=value.get("min"),
                maximum=value.get("max"),
                path=_dotted(path),
                source=self._source(path),
            )
        return ParticipantsFit(
            quantifier=Quantifier(key),
            selectors=read_selectors(value),
            path=_dotted(path),
            source=self._source(path),
        )

    def _tag(self, tag: str, value: Plain, path: PathParts) -> Condition:
        return TagIs(
            tag=tag, patterns=read_patterns(value), path=_dotted(path), source=self._source(path)
        )

    def _direction(self, value: Plain, path: PathParts) -> Condition:
        return DirectionIs(
            directions=tuple(Direction(v) for v in _listed(value)),
            path=_dotted(path),
            source=self._source(path),
        )

    def _hours(self, value: Plain, path: PathParts) -> Condition:
        between = [scalars.parse_local_time(t) for t in value.get("between", ())]
        return WithinHours(
            days=_days(value),
            between=(between[0], between[1]) if len(between) == 2 else None,
            timezone=value.get("timezone", "UTC"),
            except_dates=frozenset(scalars.parse_local_date(d) for d in value.get("except", ())),
            path=_dotted(path),
            source=self._source(path),
        )

    def _started_between(self, value: Plain, path: PathParts) -> Condition:
        # A list that lost a faulty entry says nothing about time; the fault is reported already.
        if len(value) != 2:
            return AllOf(parts=(), path=_dotted(path), source=self._source(path))
        start, end = (scalars.parse_moment(moment) for moment in value)
        return StartedBetween(start=start, end=end, path=_dotted(path), source=self._source(path))

    def _sample(self, value: Plain, path: PathParts) -> Condition:
        return Sampled(
            share=scalars.parse_percentage(value),
            salt=self._salt,
            path=_dotted(path),
            source=self._source(path),
        )


def place_of(document: Document, condition: Condition) -> Place:
    """Return where a condition is written: its key, or the item of its list."""
    for path in _paths_below(document.find(("match",)), ("match",)):
        if _dotted(path) == condition.path:
            return document.key_at(*path)
    return document.key_at("match")


def _paths_below(node: Node, path: PathParts) -> Iterator[PathParts]:
    yield path
    for key, child in node.children.items():
        yield from _paths_below(child, (*path, key))


def read_selectors(value: Plain) -> tuple[Selector, ...]:
    """Read one selector or a list of them."""
    return tuple(read_selector(v) for v in _listed(value))


def read_selector(value: Plain) -> Selector:
    """Read one selector."""
    return Selector(
        ids=read_patterns(value.get("id", ())),
        kinds=tuple(PartyKind(v) for v in _listed(value.get("kind", ()))),
        phones=tuple(scalars.parse_phone_pattern(v) for v in _listed(value.get("phone", ()))),
        roles=read_patterns(value.get("role", ())),
        display_names=read_patterns(value.get("displayName", ())),
        in_groups=tuple(GroupName(v) for v in _listed(value.get("in", ()))),
        not_in=tuple(GroupName(v) for v in _listed(value.get("notIn", ()))),
        places=tuple(_listed(value.get("place", ()))),
    )


def read_patterns(value: Plain) -> tuple[Pattern, ...]:
    """Read one pattern or a list of them."""
    return tuple(scalars.parse_pattern(v) for v in _listed(value))


def _days(value: Plain) -> frozenset[int]:
    return frozenset(_DAYS[day] for day in _listed(value.get("days", list(_DAYS))))


def _listed(value: Plain) -> Sequence[Plain]:
    return value if isinstance(value, list | tuple) else [value]


def _dotted(path: PathParts) -> str:
    """Write a path as people read it: `match.any[1].to`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
