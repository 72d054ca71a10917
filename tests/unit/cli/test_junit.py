"""JUnit documents, whatever a case says."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from recordingd.cli.junit import Case, junit_text


def make_case(**values: str) -> Case:
    return Case(**{"group": "g", "name": "n", "file": "f.yaml", **values})


def parsed(*cases: Case) -> ET.Element:
    text = junit_text("suite", cases)
    return ET.XML(text.encode())


def test_suite_counts_its_cases() -> None:
    [suite] = parsed(make_case(), make_case(failure="no"))
    assert suite.attrib == {
        "name": "suite",
        "tests": "2",
        "failures": "1",
        "errors": "0",
        "skipped": "0",
    }


def test_case_keeps_what_it_says() -> None:
    [[case]] = parsed(make_case(failure='<"&>', kind="k", detail="two\nlines & <more>", output="o"))
    failure = case.find("failure")
    assert failure is not None
    assert (failure.get("message"), failure.get("type")) == ('<"&>', "k")
    assert failure.text == "two\nlines & <more>"
    assert case.findtext("system-out") == "o"


def test_characters_that_xml_cannot_hold_are_replaced() -> None:
    [[case]] = parsed(make_case(name="a\x00b\x1bc\ufffe", failure="x\ud800y"))
    failure = case.find("failure")
    assert case.get("name") == "a\ufffdb\ufffdc\ufffd"
    assert failure is not None
    assert failure.get("message") == "x\ufffdy"
