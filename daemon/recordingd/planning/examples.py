"""A call that was made up to fit some conditions, for a search to weigh and a person to read.

Made by `planning.overlap`. It says nothing of what the conditions do not ask for: that is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from recordingd.domain.matchers import TextField
from recordingd.domain.parties import Direction
from recordingd.planning.aspects import NOW, PARTICIPANTS, Value
from recordingd.planning.people import Person
from recordingd.planning.texts import ANY_REST
from recordingd.planning.truth import phone_of

# People of one list that are named; a count may ask for thousands.
_NAMED_MAX = 3
# What is said of a call beyond this would fill the terminal.
_WORDS_MAX = 6


class Example(NamedTuple):
    """One call, by what leaves look at.

    `several` holds what a call has several of, like everybody who takes part; `is_complete` says
    whether their list is known to be complete.
    """

    values: Mapping[str, Value]
    several: Mapping[str, tuple[Value, ...]]
    is_complete: bool

    def texts(self) -> dict[str, frozenset[str]]:
        """Return what it has of all that can be looked up; of parties the raw ids."""
        found = {TextField.SERVER_CALL_ID.value: frozenset({ANY_REST})}
        for name, value in self.values.items():
            if (text := _text_of(value)) is not None:
                found[name] = frozenset({text})
        for name, values in self.several.items():
            found[name] = frozenset(t for v in values if (t := _text_of(v)) is not None)
        return found

    def __or__(self, other: Example) -> Example:
        """Join it with a call about which nothing is said that is said of this one."""
        return Example(
            values={**self.values, **other.values},
            several={**self.several, **other.several},
            is_complete=self.is_complete or other.is_complete,
        )

    def __str__(self) -> str:
        words = [*self._single_words(), *self._words_of_several()]
        if len(words) > _WORDS_MAX:
            words[_WORDS_MAX:] = ["and so on"]
        return ", ".join(words) or "any call"

    def _single_words(self) -> Iterator[str]:
        for name, value in sorted(self.values.items()):
            match value:
                case None | float():
                    continue
                case bool():
                    yield f"{name} {str(value).lower()}"
                case datetime() if value.year == 1:
                    continue  # Before anything began to be in force.
                case datetime():
                    yield f"{'at' if name == NOW else 'started'} {value:%Y-%m-%dT%H:%M%z}"
                case _:
                    yield f"{name} {_word(value)}"

    def _words_of_several(self) -> Iterator[str]:
        for name, values in sorted(self.several.items()):
            if values:
                rest = len(values) - _NAMED_MAX
                named = " and ".join(_word(value) for value in values[:_NAMED_MAX])
                yield f"{name} {named}" + (f" and {rest} more" if rest > 0 else "")
            elif name == PARTICIPANTS and self.is_complete:
                yield "no participants"


def _text_of(value: Value) -> str | None:
    match value:
        case Person():
            return value.party.raw_id
        case Direction():
            return value.value
        case str() | bool():
            return str(value)
        case _:
            return None


def _word(value: Value) -> str:
    match value:
        case Direction():
            return value.value
        case Person(party=party):
            who = phone_of(party) or (
                "somebody" if party.raw_id == ANY_REST else _shown(party.raw_id)
            )
            said = [party.role, party.display_name, *sorted(value.places)]
            known = ", ".join(_shown(word) for word in said if word is not None)
            return f"{who} ({known})" if known else who
        case _:
            return f"'{_shown(str(value))}'"


def _shown(text: str) -> str:
    return text.replace(ANY_REST, "…")
