"""Cut a posted body into its elements, and read one element strictly.

Called by `envelopes`. An element is judged alone, so that one bad element of a batch never takes
the others with it. Whatever the bytes are, the only exception is Malformed: no recursion limit, no
unbounded number, no memory beyond a few times the body. Knows nothing about events.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

DEPTH_MAX = 64
# Event Grid batches at most 5,000 events into one request (event-grid, delivery-and-retry, "Output
# batching").
ELEMENTS_MAX = 5_000

_BLANK = b" \t\r\n"
# Strings are skipped as a whole; the possessive quantifiers keep a hostile body from backtracking.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[][{},]', re.DOTALL)
_OPENING = frozenset(b"[{")
_CLOSING = frozenset(b"]}")
_COMMA = ord(",")


class Malformed(Exception):
    """The bytes are no JSON that is read here; the text says why and quotes nothing of them."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element as it was sent, and how deeply it is nested (0 for a plain value)."""

    text: bytes
    depth: int


def cut(body: bytes) -> list[Element]:
    """Return the elements of a JSON array, or the body itself when it is not an array.

    The elements are not read yet: any of them may still be no JSON. Raises Malformed when the array
    as such is broken or has more than ELEMENTS_MAX elements.
    """
    text = body.removeprefix(codecs.BOM_UTF8).strip(_BLANK)
    if not text.startswith(b"["):
        return [Element(text, _depth_of(text))]
    elements = []
    for element in _elements(text):
        elements.append(element)
        if len(elements) > ELEMENTS_MAX:
            msg = f"the array has more than {ELEMENTS_MAX} elements"
            raise Malformed(msg)
    return elements


def parse(text: bytes) -> object:
    """Read one JSON text: UTF-8, no duplicate keys, no NaN, at most DEPTH_MAX deep."""
    return parse_element(Element(text, _depth_of(text)))


def parse_element(element: Element) -> object:
    """Read one element under the rules of `parse`; Malformed when it breaks them."""
    if element.depth > DEPTH_MAX:
        msg = f"nested more than {DEPTH_MAX} deep"
        raise Malformed(msg)
    try:
        value: object = json.loads(
            element.text.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
        )
    except UnicodeDecodeError as error:
        msg = "not UTF-8"
        raise Malformed(msg) from error
    except ValueError as error:
        msg = f"not JSON: {error}"
        raise Malformed(msg) from error
    return value


def canonical(value: object) -> bytes:
    """Write a JSON value in its one form: sorted keys, no blanks, UTF-8.

    Raises Malformed for what JSON text can say and UTF-8 cannot: half of a surrogate pair, and
    numbers beyond a float.
    """
    try:
        text = json.dumps(
            value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
        )
        return text.encode()
    except ValueError as error:
        msg = "a number or a character that cannot be written back"
        raise Malformed(msg) from error


def _elements(text: bytes) -> Iterator[Element]:
    depth = deepest = 0
    start = 1
    for token in _TOKEN.finditer(text):
        at = token.start()
        byte = text[at]
        if byte in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        elif byte == _COMMA and depth == 1:
            yield Element(text[start:at].strip(_BLANK), deepest - 1)
            start, deepest = at + 1, 1
        elif byte in _CLOSING:
            depth -= 1
            if depth == 0:
                yield from _last_element(text, start, at, deepest)
                return
    msg = "the array does not end"
    raise Malformed(msg)


def _last_element(text: bytes, start: int, end: int, deepest: int) -> Iterator[Element]:
    if text[end + 1 :]:
        msg = "text follows the array"
        raise Malformed(msg)
    last = text[start:end].strip(_BLANK)
    if last or start > 1:
        yield Element(last, deepest - 1)


def _depth_of(text: bytes) -> int:
    depth = deepest = 0
    for token in _TOKEN.finditer(text):
        byte = text[token.start()]
        if byte in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        elif byte in _CLOSING:
            depth -= 1
    return deepest


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        msg = "a key appears twice in one object"
        raise ValueError(msg)
    return unique


def _refuse_constant(name: str) -> NoReturn:
    msg = f"{name} is no number"
    raise ValueError(msg)
