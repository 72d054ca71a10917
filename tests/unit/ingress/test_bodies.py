"""Cutting bodies into elements, and reading one strictly."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordingd.ingress import bodies

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(codec="utf-8")),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), children, max_size=4)
    ),
    max_leaves=12,
)


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@given(st.lists(JSON_VALUES, max_size=6))
def test_array_is_cut_into_exactly_its_elements(values: list[object]) -> None:
    elements = bodies.cut(json.dumps(values).encode())
    assert [bodies.parse_element(element) for element in elements] == values


@given(st.lists(JSON_VALUES, max_size=6))
def test_indented_array_is_cut_into_exactly_its_elements(values: list[object]) -> None:
    elements = bodies.cut(json.dumps(values, indent=2, ensure_ascii=False).encode())
    assert [bodies.parse_element(element) for element in elements] == values


@given(JSON_VALUES)
def test_canonical_form_reads_back_to_the_same_value(value: object) -> None:
    assert bodies.parse(bodies.canonical(value)) == value


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_cut_and_read_or_malformed(body: bytes) -> None:
    try:
        for element in bodies.cut(body):
            bodies.parse_element(element)
    except bodies.Malformed:
        return


def test_object_is_its_own_only_element() -> None:
    assert [e.text for e in bodies.cut(b' {"a": [1, 2]} ')] == [b'{"a": [1, 2]}']


def test_byte_order_mark_is_ignored() -> None:
    assert [e.text for e in bodies.cut(b"\xef\xbb\xbf[1]")] == [b"1"]


def test_empty_array_has_no_elements() -> None:
    assert bodies.cut(b"[ \n ]") == []


def test_brackets_and_commas_within_strings_do_not_cut() -> None:
    assert [e.text for e in bodies.cut(rb'["],[\"", 2]')] == [rb'"],[\""', b"2"]


def test_key_order_and_blanks_do_not_change_the_canonical_form() -> None:
    assert bodies.canonical(bodies.parse(b'{"b": 1, "a": 2}')) == b'{"a":2,"b":1}'


@pytest.mark.parametrize("body", [b"[1", b"[1}}", b"[[1]", b'["a', b"[1] x", b"[1][2]"])
def test_array_that_is_no_array_is_malformed(body: bytes) -> None:
    with pytest.raises(bodies.Malformed):
        list(map(bodies.parse_element, bodies.cut(body)))


@pytest.mark.parametrize(("count", "is_read"), [(4_999, True), (5_000, True), (5_001, False)])
def test_number_of_elements_is_limited(count: int, *, is_read: bool) -> None:
    body = b"[" + b",".join([b"1"] * count) + b"]"
    if is_read:
        assert len(bodies.cut(body)) == count
        return
    with pytest.raises(bodies.Malformed, match="more than 5000 elements"):
        bodies.cut(body)


@pytest.mark.parametrize(("depth", "is_read"), [(63, True), (64, True), (65, False)])
def test_depth_is_limited(depth: int, *, is_read: bool) -> None:
    if is_read:
        assert bodies.parse(nested(depth)) is not None
        return
    with pytest.raises(bodies.Malformed, match="deep"):
        bodies.parse(nested(depth))


@pytest.mark.parametrize(("depth", "is_read"), [(64, True), (65, False)])
def test_depth_of_an_element_does_not_count_the_array_around_it(
    depth: int, *, is_read: bool
) -> None:
    first, second = bodies.cut(b"[" + nested(depth) + b",1]")
    assert bodies.parse_element(second) == 1
    if is_read:
        assert bodies.parse_element(first) is not None
        return
    with pytest.raises(bodies.Malformed, match="deep"):
        bodies.parse_element(first)


@pytest.mark.parametrize("text", [b'{"a":' * 100_000 + b"1" + b"}" * 100_000, nested(100_000)])
def test_hundred_thousand_levels_are_malformed_and_no_recursion_error(text: bytes) -> None:
    with pytest.raises(bodies.Malformed, match="deep"):
        bodies.parse(text)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b'{"a": 1, "a": 1}', "twice"),
        (b'{"x": {"a": 1, "\\u0061": 2}}', "twice"),
        (b"NaN", "NaN"),
        (b"[-Infinity]", "Infinity"),
        (b"", "not JSON"),
        (b'"\xff"', "UTF-8"),
        (b"1" * 5_000, "not JSON"),
        (b'{"a": 1,}', "not JSON"),
    ],
)
def test_text_outside_the_rules_is_malformed(text: bytes, complaint: str) -> None:
    with pytest.raises(bodies.Malformed, match=complaint):
        bodies.parse(text)


@pytest.mark.parametrize("text", [rb'"\ud800"', rb'{"\udfff": 1}', b"1e999"])
def test_value_that_cannot_be_written_back_has_no_canonical_form(text: bytes) -> None:
    with pytest.raises(bodies.Malformed, match="written back"):
        bodies.canonical(bodies.parse(text))


def test_complaint_does_not_quote_the_body() -> None:
    with pytest.raises(bodies.Malformed) as fault:
        bodies.parse(b'{"phone": "+4915112345678" oops}')
    assert "4915112345678" not in str(fault.value)
