"""Findings in the forms that other programs read: SARIF, GitHub's workflow commands, JUnit.

Called by `cli.validate`, and imported only when one of these forms is asked for. Renders the values
of `config.diagnostics` and `config.validation` as they are: what is said, and where, is the same in
every form. Never reads a file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from recordingd.cli.junit import Case, junit_text
from recordingd.config.codes import meaning_of, rule_of
from recordingd.config.diagnostics import Diagnostic, Related, Span
from recordingd.config.validation import ValidationReport

_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
# What relative addresses of a SARIF log are relative to; viewers ask where that is.
_BASE = "%SRCROOT%"
# The runner's word for a severity, where it is another one than ours.
_RUNNER_WORDS = {"note": "notice"}


# --- SARIF 2.1.0 (OASIS) --------------------------------------------------------------------------


def as_sarif(report: ValidationReport, *, folder: Path, version: str) -> dict[str, Any]:
    """Return a SARIF log with one run; addresses inside `folder` are relative to it."""
    codes = sorted({rule_of(found.code) for found in report.diagnostics})
    index = {code: n for n, code in enumerate(codes)}
    return {
        "$schema": _SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "recordingd",
                        "version": version,
                        "rules": [_rule(code) for code in codes],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {
                    _BASE: {"description": {"text": "The directory that recordingd ran in."}}
                },
                "invocations": [{"executionSuccessful": True}],
                "artifacts": [{"location": _artifact(file, folder)} for file in report.files],
                "results": [_result(found, index, folder) for found in report.diagnostics],
            }
        ],
    }


def _rule(code: str) -> dict[str, Any]:
    text = meaning_of(code)
    return {"id": code, "shortDescription": {"text": text}, "help": {"text": text}}


def _result(found: Diagnostic, index: Mapping[str, int], folder: Path) -> dict[str, Any]:
    code = rule_of(found.code)
    location = _location(found.file, found.span, folder)
    if found.source_line is not None:
        location["physicalLocation"]["contextRegion"] = {
            "startLine": found.span.line,
            "endLine": found.span.end_line,
            "snippet": {"text": found.source_line},
        }
    related = [_related(n, other, folder) for n, other in enumerate(found.related, start=1)]
    return {
        "ruleId": code,
        "ruleIndex": index[code],
        "level": found.severity.value,
        "message": {"text": _with_help(found)},
        "locations": [location],
        **({"relatedLocations": related} if related else {}),
    }


def _related(number: int, other: Related, folder: Path) -> dict[str, Any]:
    return {
        "id": number,
        **_location(other.file, other.span, folder),
        "message": {"text": other.message},
    }


def _location(file: str, span: Span, folder: Path) -> dict[str, Any]:
    region = {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }
    return {"physicalLocation": {"artifactLocation": _artifact(file, folder), "region": region}}


def _artifact(file: str, folder: Path) -> dict[str, str]:
    """Return where a file is: relative to the folder, or absolute when it lies elsewhere."""
    path = _path_from(file, folder)
    if path.is_absolute():
        return {"uri": path.as_uri()}
    return {"uri": quote(path.as_posix()), "uriBaseId": _BASE}


def _path_from(file: str, folder: Path) -> Path:
    """Return the path of a file from a folder; absolute when the file lies outside it."""
    path = Path(os.path.normpath(folder / file))
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def _with_help(found: Diagnostic) -> str:
    return found.message if found.help is None else f"{found.message}\nhelp: {found.help}"


# --- workflow commands of GitHub Actions ----------------------------------------------------------


def as_github(report: ValidationReport, *, folder: Path) -> list[str]:
    """Return one workflow command a finding, which the runner shows at the line it is about.

    Paths inside `folder` are relative to it: the runner wants them from the repository's root.
    """
    return [_command(found, folder) for found in report.diagnostics]


def _command(found: Diagnostic, folder: Path) -> str:
    span = found.span
    properties: dict[str, object] = {
        "file": _path_from(found.file, folder).as_posix(),
        "line": span.line,
        "endLine": span.end_line,
    }
    if span.line == span.end_line:
        # The runner drops columns of a stretch over several lines.
        properties |= {"col": span.column, "endColumn": span.end_column}
    properties["title"] = found.code
    said = [_with_help(found)]
    said += [f"see: {o.file}:{o.span.line}:{o.span.column}: {o.message}" for o in found.related]
    listed = ",".join(f"{key}={_of_property(str(value))}" for key, value in properties.items())
    word = _RUNNER_WORDS.get(found.severity.value, found.severity.value)
    return f"::{word} {listed}::{_of_message(chr(10).join(said))}"


def _of_message(text: str) -> str:
    """Escape a command's message (GitHub Actions, workflow commands)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _of_property(text: str) -> str:
    """Escape a command's property, where colons and commas have a meaning as well."""
    return _of_message(text).replace(":", "%3A").replace(",", "%2C")


# --- JUnit ----------------------------------------------------------------------------------------


def as_junit(report: ValidationReport) -> str:
    """Return a JUnit document: one test case a file, which fails when the file has an error."""
    by_file: dict[str, list[Diagnostic]] = {file: [] for file in report.files}
    for found in report.diagnostics:
        by_file.setdefault(found.file, []).append(found)
    return junit_text("recordingd validate", [_case(*entry) for entry in by_file.items()])


def _case(file: str, diagnostics: Sequence[Diagnostic]) -> Case:
    errors = [found for found in diagnostics if found.is_error]
    return Case(
        group="recordingd.validate",
        name=file,
        file=file,
        failure=_summary(errors) if errors else None,
        kind=errors[0].code if errors else None,
        detail=_as_texts(errors),
        output=_as_texts(found for found in diagnostics if not found.is_error),
    )


def _summary(errors: Sequence[Diagnostic]) -> str:
    first = errors[0]
    summary = f"{first.span.line}:{first.span.column}: {first.message}"
    return summary if len(errors) == 1 else f"{summary} (and {len(errors) - 1} more)"


def _as_texts(diagnostics: Iterable[Diagnostic]) -> str:
    return "\n".join(found.as_text() for found in diagnostics)
