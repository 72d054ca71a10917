"""Members files."""

from __future__ import annotations

import pytest

from recordingd.config.diagnostics import Findings, SourceFile
from recordingd.config.members import read_members
from recordingd.domain.matchers import Pattern, Selector


def read(text: str) -> tuple[tuple[Selector, ...], list[tuple[int, int]]]:
    findings = Findings()
    members = read_members(SourceFile(path="m.csv", shown="m.csv", text=text), findings)
    return members, [(d.span.line, d.span.column) for d in findings.diagnostics]


def test_ids_and_numbers_are_told_apart() -> None:
    members, faults = read("8:acs:a\n+18005550100\n8:orgid:*\n+44*\n4:+18005550101\n")
    assert faults == []
    assert members == (
        Selector(ids=(Pattern("8:acs:a"), Pattern("8:orgid:*"), Pattern("4:+18005550101"))),
        Selector(phones=(Pattern("+18005550100"), Pattern("+44*"))),
    )


@pytest.mark.parametrize("text", ["", "\n\n", "# nobody\n", "   # nobody\n"])
def test_file_without_entries_has_no_members(text: str) -> None:
    assert read(text) == ((), [])


@pytest.mark.parametrize(
    "entry",
    ["agent-7", "a,b", "8:acs:a 8:acs:b", '"8:acs:a"', "18005550100", "+1800555*0", "8:*:x"],
)
def test_faulty_entry_is_named_with_its_place(entry: str) -> None:
    assert read(f"8:acs:a\n  {entry}\n")[1] == [(2, 3)]


def test_every_faulty_line_is_reported() -> None:
    assert read("x\n8:acs:a\ny\n")[1] == [(1, 1), (3, 1)]


def test_many_members_are_two_selectors() -> None:
    members, _ = read("".join(f"+1800555{n:04d}\n8:acs:{n}\n" for n in range(5000)))
    assert [len(m.ids) + len(m.phones) for m in members] == [5000, 5000]
