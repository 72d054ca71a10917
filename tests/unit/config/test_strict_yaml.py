"""What the strict loader takes, what it refuses, and where it says things are."""

from __future__ import annotations

from pathlib import Path

import pytest

from recordingd.config.diagnostics import Diagnostic, Findings, SourceFile
from recordingd.config.strict_yaml import (
    DEPTH_MAX,
    FILE_BYTES_MAX,
    Document,
    Plain,
    parse_documents,
    read_source,
)


def parsed(text: str) -> tuple[list[Document], tuple[Diagnostic, ...]]:
    findings = Findings()
    documents = parse_documents(SourceFile(path="p.yaml", shown="p.yaml", text=text), findings)
    return documents, findings.diagnostics


def value_of(text: str) -> Plain:
    [document], diagnostics = parsed(f"key: {text}\n")
    assert diagnostics == ()
    return document.data["key"]


def codes(text: str) -> list[tuple[str, int, int]]:
    return [(d.code, d.span.line, d.span.column) for d in parsed(text)[1]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("", None),
        ("0", 0),
        ("-17", -17),
        ("1.5", 1.5),
        ("'true'", "true"),
        ('"5"', "5"),
        ("|-\n  5", "5"),
    ],
)
def test_plain_word_has_its_value(text: str, value: Plain) -> None:
    assert value_of(text) == value
    assert type(value_of(text)) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        *("yes", "no", "NO", "on", "off", "True", "FALSE", "y", "n", "Null", ".nan", ".inf"),
        *("+18005550100", "007", "0x1F", "0o17", "0b1", "1_000", "12:30", "1e3", "1.0e400"),
        *("2026-01-01", "2026-01-01T00:00:00Z", "9" * 40, "1.", ".5", "10%", "90d", "=", "<<"),
    ],
)
def test_everything_else_stays_text(text: str) -> None:
    assert value_of(text) == text


def test_keys_are_always_texts() -> None:
    [document], _ = parsed("0: a\ntrue: b\n1.5: c\n")
    assert document.data == {"0": "a", "true": "b", "1.5": "c"}


def test_byte_order_mark_is_left_out() -> None:
    [document], diagnostics = parsed("\ufeffkey: 1\n")
    assert document.data == {"key": 1}
    assert diagnostics == ()


def test_several_documents_are_read_and_empty_ones_left_out() -> None:
    documents, diagnostics = parsed("# nothing\n---\n---\na: 1\n---\nb: 2\n")
    assert [d.data for d in documents] == [{"a": 1}, {"b": 2}]
    assert diagnostics == ()


@pytest.mark.parametrize("text", ["", "# a comment\n", "---\n", "\n\n"])
def test_file_without_documents_is_empty(text: str) -> None:
    assert parsed(text) == ([], ())


def test_columns_count_code_points() -> None:
    [document], _ = parsed('naïve: {"🎧🎧": here}\n')
    span = document.at("naïve", "🎧🎧").span
    assert (span.line, span.column, span.end_column) == (1, 15, 19)


def test_places_are_found_by_path() -> None:
    [document], _ = parsed("a:\n  b: [x, {c: y}]\n")
    place = document.at("a", "b", 1, "c").span
    key = document.key_at("a", "b", 1, "c").span
    assert (place.line, place.column) == (2, 14)
    assert (key.line, key.column) == (2, 11)


def test_missing_place_is_the_nearest_one_that_is_there() -> None:
    [document], _ = parsed("a: {b: 1}\n")
    assert document.at("a", "nothing").span == document.at("a").span
    assert document.key_at("a", "nothing").span == document.at("a").span


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\na: 2\n", [("yaml/duplicate-key", 2, 1)]),
        (
            "a: {b: 1, b: 2}\nc: 1\nc: 1\n",
            [("yaml/duplicate-key", 1, 11), ("yaml/duplicate-key", 3, 1)],
        ),
        ("a: &x 1\n", [("yaml/anchor", 1, 4)]),
        ("a: *x\n", [("yaml/alias", 1, 4)]),
        ("a: !!int 1\n", [("yaml/tag", 1, 4)]),
        ("a: !ruby/object 1\n", [("yaml/tag", 1, 4)]),
        ("? [a, b]\n: 1\n", [("yaml/key", 1, 3)]),
        ("'': 1\n", [("yaml/key", 1, 1)]),
        ("%YAML 1.1\n---\na: 1\n", [("yaml/directive", 1, 1)]),
        ("a:\n\tb: 1\n", [("yaml/tab", 2, 1)]),
        ("a:\n  \tb: 1\n", [("yaml/tab", 2, 3)]),
        ("a: b\x00c\n", [("yaml/control-character", 1, 5)]),
        ("é: \x07\n", [("yaml/control-character", 1, 4)]),
        ("a: \ud800\n", [("yaml/control-character", 1, 4)]),
        ("a: b: c\n", [("yaml/syntax", 1, 5)]),
        ("a: [1, 2\n", [("yaml/syntax", 2, 1)]),
        ("a: 1\nb\t", [("yaml/syntax", 2, 3)]),
        ("\u2028\x00", [("yaml/control-character", 2, 1)]),
        ("a: @x\n", [("yaml/syntax", 1, 4)]),
        ("a: 'x\n", [("yaml/syntax", 2, 1)]),
    ],
)
def test_refused_text_is_named_with_its_place(
    text: str, expected: list[tuple[str, int, int]]
) -> None:
    assert codes(text) == expected


def test_duplicate_key_names_both_places() -> None:
    [found] = parsed("a: 1\nb: 2\na: 3\n")[1]
    [first] = found.related
    assert (found.span.line, first.span.line) == (3, 1)


def test_first_of_two_equal_keys_is_kept() -> None:
    [document], _ = parsed("a: 1\na: 2\n")
    assert document.data == {"a": 1}


def test_document_before_a_syntax_error_is_still_read() -> None:
    documents, diagnostics = parsed("a: 1\n---\nb: [\n")
    assert [d.data for d in documents] == [{"a": 1}]
    assert [d.code for d in diagnostics] == ["yaml/syntax"]


@pytest.mark.parametrize(
    ("depth", "is_refused"), [(DEPTH_MAX - 1, False), (DEPTH_MAX, False), (DEPTH_MAX + 1, True)]
)
def test_depth_is_limited(depth: int, *, is_refused: bool) -> None:
    text = "[" * depth + "]" * depth
    assert ([code for code, _, _ in codes(text)] == ["yaml/too-deep"]) is is_refused


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_abysmal_depth_is_a_finding_and_not_a_crash(opening: str) -> None:
    text = opening * (FILE_BYTES_MAX // len(opening) - 1)
    assert [code for code, _, _ in codes(text)] == ["yaml/too-deep"]


@pytest.mark.parametrize(
    ("size", "is_refused"),
    [(FILE_BYTES_MAX - 1, False), (FILE_BYTES_MAX, False), (FILE_BYTES_MAX + 1, True)],
)
def test_size_of_a_file_is_limited(tmp_path: Path, size: int, *, is_refused: bool) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(b"#" * size)
    findings = Findings()
    file = read_source(path, relative="p.yaml", shown="p.yaml", findings=findings)
    assert (file is None) is is_refused
    assert [d.code for d in findings.diagnostics] == ["file/too-large"] * is_refused


@pytest.mark.parametrize(
    ("body", "line", "column"),
    [
        (b"a: \xff\n", 1, 4),
        ("é: 1\nü: ".encode() + b"\xe4\n", 2, 4),
        ("a: 1\n".encode("utf-16"), 1, 1),
    ],
)
def test_file_in_another_encoding_is_refused_at_the_byte(
    tmp_path: Path, body: bytes, line: int, column: int
) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(body)
    findings = Findings()
    assert read_source(path, relative="p.yaml", shown="p.yaml", findings=findings) is None
    [found] = findings.diagnostics
    assert (found.code, found.span.line, found.span.column) == ("yaml/encoding", line, column)


def test_missing_file_and_folder_are_findings(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing.yaml"):
        findings = Findings()
        assert read_source(path, relative="p", shown="p", findings=findings) is None
        assert findings.has_errors
