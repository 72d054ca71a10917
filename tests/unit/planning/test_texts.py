"""Sets of texts, and samples of what they tell apart."""

from __future__ import annotations

import pytest

from recordingd.domain.matchers import Pattern
from recordingd.planning.texts import (
    ALIKE_MAX,
    ANY_REST,
    Texts,
    few_of_each,
    samples,
    unwritten_numbers,
    written,
)


def texts(*patterns: str) -> Texts:
    return Texts.of(map(Pattern, patterns))


@pytest.mark.parametrize(
    ("text", "is_covered"), [("a", True), ("b", False), ("bc", True), ("bcd", True), ("", False)]
)
def test_set_covers_single_texts_and_beginnings(text: str, *, is_covered: bool) -> None:
    assert texts("a", "bc*").covers(text) is is_covered


def test_sets_join() -> None:
    both = texts("a", "b*") | texts("c")
    assert both.covers("a")
    assert both.covers("bb")
    assert both.covers("c")


def test_samples_begin_with_a_text_that_no_set_has() -> None:
    sets = [texts("a", "b*"), texts("bc*")]
    first, *others = samples(sets)
    assert not any(some.covers(first) for some in sets)
    assert others == ["b" + ANY_REST, "bc" + ANY_REST, "a"]


def test_every_set_covers_everything_where_a_star_stands_alone() -> None:
    assert all(texts("*").covers(sample) for sample in samples([texts("*"), texts("a")]))


def test_of_many_texts_alike_a_few_are_enough() -> None:
    many = texts(*(f"a{n}" for n in range(1000)), "b1", "b2")
    kept = written([many, texts("b*")])
    assert len([text for text in kept if text.startswith("a")]) == ALIKE_MAX
    assert {"b1", "b2"} <= set(kept)


def test_text_that_stands_for_more_like_it_says_so() -> None:
    many = [f"a{n}" for n in range(ALIKE_MAX)]
    assert all(is_alone for _, is_alone in few_of_each(many, len))
    found = list(few_of_each([*many, "bbb"], len))
    assert [text for text, is_alone in found if not is_alone] == [many[-1]]


@pytest.mark.parametrize(
    ("patterns", "numbers"),
    [
        ([], ("+10000000000",)),
        (["+1*"], ("+20000000000", "+10000000000")),
        (["+1*", "+10*"], ("+20000000000", "+11000000000", "+10000000000")),
        (["+123456789012345*"], ("+20000000000", "+123456789012345")),
    ],
)
def test_number_for_every_beginning(patterns: list[str], numbers: tuple[str, ...]) -> None:
    assert sorted(unwritten_numbers((texts(*patterns),))) == sorted(numbers)


def test_no_number_begins_with_a_plus_and_none_of_nine_digits() -> None:
    every = [f"+{digit}*" for digit in range(1, 10)]
    found = unwritten_numbers((texts(*every),))
    assert sorted(number[:2] for number in found) == [f"+{digit}" for digit in range(1, 10)]


def test_number_that_is_itself_a_beginning() -> None:
    """All longer numbers are spoken for; the beginning alone is left."""
    longer = [f"+44{digit}*" for digit in range(10)]
    assert "+44" in unwritten_numbers((texts("+44*", *longer),))
    assert "+44" not in unwritten_numbers((texts("+44*", "+44", *longer),))
