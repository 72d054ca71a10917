"""Rules of style that no linter knows; each number may only fall."""

from __future__ import annotations

import ast
import re
import statistics
from pathlib import Path

import pytest
from tests.packaging.tree import ROOT, SOURCE, ignored_folders, modules, text_files

# How many rules of the linter and of the type checker are switched off for a line.
EXEMPTIONS_MAX = 25
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 400
# Files that are longer all the same, with the length they must not exceed.
LONG_FILES = {
    # A migration is never edited once it is released.
    "ledger/migrations/versions/r0001_first_release.py": 450,
}
TOP_LEVEL = frozenset(
    {
        ".ci",
        ".github",
        ".gitignore",
        ".pre-commit-config.yaml",
        ".pre-commit-hooks.yaml",
        "CHANGELOG.md",
        "LICENSE",
        "Makefile",
        "README.md",
        "daemon",
        "policies",
        "pyproject.toml",
        "schema",
        "systemd",
        "tests",
    }
)
# Written in pieces, so that this file does not hold what it looks for.
FORBIDDEN = {
    "a path of somebody's machine": re.compile(
        "|".join(("/wo" + "rk/", "/ro" + "ot/", "/Use" + "rs/"))
    ),
    "the host of a package registry": re.compile(
        "|".join(
            (
                r"py" + r"pi\.org",
                r"python" + r"hosted\.org",
                r"npm" + r"js\.(org|com)",
                r"docker\.io|ghcr\.io|quay\.io",
                r"crates\.io",
            )
        ),
        re.IGNORECASE,
    ),
    "a note to do something later": re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b"),
}
_EXEMPTION = re.compile(r"#\s*(noqa|type:\s*ignore)(?P<rest>[^#]*)(?P<more>#.*)?", re.IGNORECASE)
_CODES = re.compile(r"(:\s*[A-Z]+[0-9]+(\s*,\s*[A-Z]+[0-9]+)*|\[[a-z-]+(\s*,\s*[a-z-]+)*\])")


def relative(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def exemptions() -> list[tuple[str, str]]:
    """Return every line that switches a rule off, as (place, comment)."""
    found = []
    for path in modules():
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            if (match := _EXEMPTION.search(line)) is not None:
                found.append((f"{relative(path)}:{number}", match.group()))
    return found


def functions() -> list[tuple[str, int]]:
    """Return every function as (file:name, number of lines)."""
    return [
        (f"{relative(path)}:{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1)
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_every_exemption_names_its_code_and_its_reason() -> None:
    unexplained = []
    for place, comment in exemptions():
        codes = _CODES.search(comment)
        reason = comment[codes.end() :].strip(" -#") if codes is not None else ""
        if not reason:
            unexplained.append(f"{place}: {comment}")
    assert not unexplained


def test_exemptions_do_not_become_more() -> None:
    places = [place for place, _ in exemptions()]
    assert len(places) <= EXEMPTIONS_MAX, places


def test_functions_stay_below_their_ceiling() -> None:
    long = {name: lines for name, lines in functions() if lines > FUNCTION_LINES_MAX}
    assert not long


def test_functions_are_short_as_a_rule() -> None:
    lengths = [lines for _, lines in functions()]
    assert statistics.median(lengths) <= 12
    assert statistics.quantiles(lengths, n=10)[-1] <= 40


def test_files_stay_below_their_ceiling() -> None:
    lengths = {relative(path): len(path.read_text().splitlines()) for path in modules()}
    long = {
        name: lines
        for name, lines in lengths.items()
        if lines > LONG_FILES.get(name, FILE_LINES_MAX)
    }
    assert not long


def test_exceptions_of_this_file_are_still_needed() -> None:
    lengths = {relative(path): len(path.read_text().splitlines()) for path in modules()}
    needless = [name for name in LONG_FILES if lengths.get(name, 0) <= FILE_LINES_MAX]
    assert not needless


def test_every_module_says_what_it_is_responsible_for() -> None:
    silent = [
        relative(path)
        for path in modules()
        if ast.get_docstring(ast.parse(path.read_text())) is None
    ]
    assert not silent


@pytest.mark.parametrize("what", FORBIDDEN)
def test_tree_is_free_of(what: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in text_files()
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if FORBIDDEN[what].search(line)
    ]
    assert not found


def test_nothing_else_lies_at_the_top() -> None:
    ignored = ignored_folders()
    there = {path.name for path in ROOT.iterdir() if path.name not in ignored}
    assert there == TOP_LEVEL


def test_source_root_is_no_package() -> None:
    assert not (ROOT / "daemon" / "__init__.py").exists()
