"""JUnit documents, which build servers read as the outcome of tests.

Written by the commands that check something case by case. Never learns what a case is about.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, indent, tostring

# What a document of XML 1.0 cannot hold, not even escaped.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case; it passed when `failure` is None.

    `group` and `name` say which it is, `file` where it stands. `failure` is one line, `kind` its
    code, `detail` all there is to say about it; `output` is said of a case that may have passed.
    """

    group: str
    name: str
    file: str
    failure: str | None = None
    kind: str | None = None
    detail: str = ""
    output: str = ""


def junit_text(suite: str, cases: Sequence[Case]) -> str:
    """Return a document with one suite; its cases keep their order."""
    counts = {
        "name": suite,
        "tests": str(len(cases)),
        "failures": str(sum(case.failure is not None for case in cases)),
        "errors": "0",
        "skipped": "0",
    }
    root = Element("testsuites", counts)
    inside = SubElement(root, "testsuite", counts)
    for case in cases:
        _add(inside, case)
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _add(suite: Element, case: Case) -> None:
    names = {"classname": case.group, "name": case.name, "file": case.file}
    element = SubElement(suite, "testcase", {key: _clean(text) for key, text in names.items()})
    if case.failure is not None:
        said = {"message": _clean(case.failure), "type": _clean(case.kind or "failure")}
        SubElement(element, "failure", said).text = _clean(case.detail)
    if case.output:
        SubElement(element, "system-out").text = _clean(case.output)


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
