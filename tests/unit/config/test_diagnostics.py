"""How findings are shown."""

from __future__ import annotations

import re

import pytest

from recordingd.config.diagnostics import (
    Diagnostic,
    Findings,
    Invalid,
    Place,
    Severity,
    SourceFile,
    Span,
    columns_of,
)

TEXT = "name: support\nrecord:\n    contaner: https://contoso.blob.core.windows.net/recordings\n"


def make_file(text: str = TEXT) -> SourceFile:
    return SourceFile(path="support.yaml", shown="policies/support.yaml", text=text)


def span(line: int, column: int, end_column: int, *, end_line: int | None = None) -> Span:
    return Span(line=line, column=column, end_line=end_line or line, end_column=end_column)


def found_at(where: Span, text: str = TEXT) -> Diagnostic:
    findings = Findings()
    findings.error(Place(file=make_file(text), span=where), "code", "message")
    return findings.diagnostics[0]


def test_finding_is_shown_with_its_line_and_help() -> None:
    findings = Findings()
    findings.error(
        Place(file=make_file(), span=span(3, 5, 13)),
        "schema/unknown-field",
        "unknown field 'contaner'",
        hint="did you mean 'container'?",
    )
    assert findings.diagnostics[0].as_text() == (
        "policies/support.yaml:3:5: error: unknown field 'contaner' [schema/unknown-field]\n"
        "    3 |     contaner: https://contoso.blob.core.windows.net/recordings\n"
        "      |     ^^^^^^^^\n"
        "      = help: did you mean 'container'?"
    )


def test_related_place_is_shown_below() -> None:
    file = make_file()
    other = Place(file=file, span=span(1, 7, 14)).related("the other one")
    findings = Findings()
    findings.warning(Place(file=file, span=span(3, 5, 13)), "c", "m", related=(other,))
    assert findings.diagnostics[0].as_text().splitlines()[-1] == (
        "      = see: policies/support.yaml:1:7: the other one"
    )


def test_finding_over_several_lines_marks_the_rest_of_its_first() -> None:
    text = found_at(span(2, 1, 3, end_line=3)).as_text()
    assert text.splitlines()[2] == "      | ^^^^^^^"


@pytest.mark.parametrize("column", [1, 100, 119, 120, 121, 5000, 9999])
def test_long_line_is_cut_around_the_finding(column: int) -> None:
    line = "x" * (column - 1) + "HERE" + "y" * 10_000
    _, shown, carets = found_at(span(1, column, column + 4), line).as_text().splitlines()
    assert len(shown) <= 130
    assert shown[carets.index("^") :].startswith("HERE"[: carets.count("^")])


@pytest.mark.parametrize(
    ("line", "token"),
    [
        ("a: x", "x"),
        ("\ta: x", "x"),
        ("# 録音: x", "x"),
        ("label: 録音", "録音"),
        ("e\u0301le\u0300ve: x", "x"),
        ("\U0001f3a4\ufe0f: x", "x"),
    ],
    ids=["plain", "tab", "wide-before", "wide-token", "combining", "emoji"],
)
def test_carets_stand_under_the_token(line: str, token: str) -> None:
    start = line.index(token) + 1
    _, shown, carets = found_at(span(1, start, start + len(token)), line).as_text().splitlines()
    before = shown.partition(token)[0]
    assert columns_of(carets) - carets.count("^") == columns_of(before)
    assert carets.count("^") == columns_of(token)


@pytest.mark.parametrize(
    ("text", "columns"),
    [("", 0), ("abc", 3), ("é", 1), ("e\u0301", 1), ("録音", 4), ("ｱ", 1), ("ａ", 2), ("🎤", 2)],
)
def test_columns_are_those_of_a_terminal(text: str, columns: int) -> None:
    assert columns_of(text) == columns


def test_colours_change_nothing_but_colours() -> None:
    findings = Findings()
    other = Place(file=make_file(), span=span(1, 7, 14)).related("the other one")
    findings.error(
        Place(file=make_file(), span=span(3, 5, 13)), "c", "m", hint="h", related=(other,)
    )
    [found] = findings.diagnostics
    coloured = found.as_text(colour=True)
    assert "\x1b[1;31merror\x1b[0m" in coloured
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == found.as_text()


def test_words_of_a_file_in_a_message_never_steer_a_terminal() -> None:
    findings = Findings()
    place = Place(file=make_file(), span=span(1, 1, 2))
    findings.error(place, "c", "unknown group '\x1b[31m\nx'", hint="did you mean '\x9b1m'?")
    [found] = findings.diagnostics
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", found.as_text())
    assert len(found.headline.splitlines()) == 1


def test_control_characters_of_a_file_never_reach_a_terminal() -> None:
    assert "\x1b" not in found_at(span(1, 1, 2), "a\x1b[31m").as_text().split("\n", 1)[1]


def test_json_has_the_names_of_the_interface() -> None:
    assert found_at(span(3, 5, 13)).as_json() == {
        "file": "policies/support.yaml",
        "line": 3,
        "column": 5,
        "endLine": 3,
        "endColumn": 13,
        "severity": "error",
        "code": "code",
        "message": "message",
        "help": None,
        "related": [],
    }


def test_one_place_and_code_is_one_finding() -> None:
    findings = Findings()
    place = Place(file=make_file(), span=span(1, 1, 2))
    findings.error(place, "a", "first")
    findings.error(place, "a", "second")
    findings.error(place, "b", "third")
    assert [d.message for d in findings.diagnostics] == ["first", "third"]
    assert findings.error_count == 2


def test_findings_are_ordered_by_position() -> None:
    findings = Findings()
    for line, column in ((2, 1), (1, 9), (1, 2)):
        findings.error(Place(file=make_file(), span=span(line, column, column + 1)), "c", "m")
    assert [(d.span.line, d.span.column) for d in findings.diagnostics] == [(1, 2), (1, 9), (2, 1)]


def test_warnings_alone_are_no_errors() -> None:
    findings = Findings()
    findings.warning(Place(file=make_file(), span=Span()), "c", "m")
    assert not findings.has_errors
    assert findings.diagnostics[0].severity is Severity.WARNING


def test_hidden_stretch_is_starred_on_every_line() -> None:
    file = make_file("key: |\n  secret one\n  two\nnext: 1\n")
    file.hide(Span(line=1, column=6, end_line=4, end_column=1))
    assert [file.line(n) for n in (1, 2, 3, 4)] == ["key: *", "*" * 12, "*" * 5, "next: 1"]


def test_what_is_hidden_later_is_hidden_in_earlier_findings() -> None:
    file = make_file("key: geheim\n")
    findings = Findings()
    findings.error(Place(file=file, span=span(1, 1, 4)), "c", "m")
    file.hide(span(1, 6, 12))
    assert "geheim" not in findings.diagnostics[0].as_text()


def test_invalid_carries_all_findings_and_lists_the_errors() -> None:
    findings = Findings()
    place = Place(file=make_file(), span=Span())
    findings.error(place, "a", "wrong")
    findings.warning(place, "b", "odd")
    fault = Invalid(findings.diagnostics)
    assert len(fault.diagnostics) == 2
    assert fault.faults == ("policies/support.yaml:1:1: error: wrong [a]",)
