"""Sets of texts as patterns give them, and one sample of every kind of text that they tell apart.

Used by what is said of matchers without a call: `planning.worlds` tries the samples, and
`planning.needs` compares the sets. Knows nothing of what the texts are about.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from recordingd.domain.matchers import Pattern

# No pattern holds it: what ends in it is a text that nobody wrote, and stands for all such texts.
ANY_REST = "\ue000\ue001\ue000"
# Of texts that no set tells apart a few are enough, and a group may have a hundred thousand.
ALIKE_MAX = 8
# Many matchers name the same sets.
_SETS_MAX = 128
_DIGITS = "0123456789"
# E.164: a plus and at most 15 digits; a made-up number has as many as most real ones.
_NUMBER_LENGTH_MAX = 16
_NUMBER_LENGTH = 12
_NUMBER_LENGTH_MIN = 3


class Texts(NamedTuple):
    """A set of texts: single ones, and all that begin in certain ways."""

    exact: frozenset[str]
    prefixes: tuple[str, ...] = ()

    @classmethod
    def of(cls, patterns: Iterable[Pattern]) -> Texts:
        """Return the texts that patterns cover."""
        texts = [p.text for p in patterns]
        return cls(
            frozenset(t for t in texts if not t.endswith("*")),
            tuple(sorted({t[:-1] for t in texts if t.endswith("*")})),
        )

    def covers(self, text: str) -> bool:
        """Say whether a text is in the set."""
        return text in self.exact or text.startswith(self.prefixes)

    def __or__(self, other: Texts) -> Texts:
        return Texts(self.exact | other.exact, (*self.prefixes, *other.prefixes))


def samples(sets: Sequence[Texts]) -> list[str]:
    """Return texts of every kind that some sets tell apart; the one that no set has comes first."""
    return [*unwritten(sets), *written(sets)]


def unwritten(sets: Iterable[Texts]) -> list[str]:
    """Return a text that nobody wrote for every prefix of some sets, and one outside of them."""
    prefixes = sorted({"", *(p for texts in sets for p in texts.prefixes)})
    return [prefix + ANY_REST for prefix in prefixes]


def written(sets: Sequence[Texts]) -> list[str]:
    """Return the single texts of some sets, of those that no set tells apart a few."""
    every = frozenset[str]().union(*(texts.exact for texts in sets))
    kept = few_of_each(every, lambda text: tuple(texts.covers(text) for texts in sets))
    return [text for text, _ in kept]


def few_of_each(
    texts: Iterable[str], kind_of: Callable[[str], Hashable]
) -> Iterator[tuple[str, bool]]:
    """Yield a few texts of each kind, sorted, with whether each stands for itself alone.

    One that does not stands for as many more as one likes.
    """
    every = sorted(texts)
    if len(every) <= ALIKE_MAX:
        yield from ((text, True) for text in every)
        return
    alike = Counter[Hashable]()
    for text in every:
        kind = kind_of(text)
        alike[kind] += 1
        if alike[kind] <= ALIKE_MAX:
            yield text, alike[kind] < ALIKE_MAX


@lru_cache(maxsize=_SETS_MAX)
def unwritten_numbers(sets: tuple[Texts, ...]) -> tuple[str, ...]:
    """Return a telephone number for every prefix of some sets, which no longer text covers too.

    A prefix whose numbers are all covered by longer texts has none.
    """
    prefixes = {"+", *(p for texts in sets for p in texts.prefixes if p.startswith("+"))}
    exact = frozenset[str]().union(*(texts.exact for texts in sets))
    taken = _Numbers(exact, frozenset(prefixes))
    return tuple(n for p in sorted(prefixes) if (n := taken.find_free(p)) is not None)


class _Numbers:
    """Telephone numbers and beginnings of such that are written somewhere."""

    def __init__(self, exact: frozenset[str], prefixes: frozenset[str]) -> None:
        self._exact = exact
        self._prefixes = prefixes
        self._sorted = sorted(exact | prefixes)

    def find_free(self, prefix: str) -> str | None:
        longer = list(_one_digit_longer(prefix))
        for one in longer:
            if not self._is_begun(one):
                return one.ljust(_NUMBER_LENGTH, "0")
        if len(prefix) >= _NUMBER_LENGTH_MIN and prefix not in self._exact:
            return prefix
        within = (one for one in longer if one not in self._prefixes)
        return next((n for one in within if (n := self.find_free(one)) is not None), None)

    def _is_begun(self, prefix: str) -> bool:
        at = bisect_left(self._sorted, prefix)
        return at < len(self._sorted) and self._sorted[at].startswith(prefix)


def _one_digit_longer(prefix: str) -> Iterator[str]:
    if len(prefix) < _NUMBER_LENGTH_MAX:
        digits = _DIGITS[1:] if prefix == "+" else _DIGITS
        yield from (prefix + digit for digit in digits)
