"""Any text gives findings with positions inside it, and never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordingd.config.diagnostics import Diagnostic, Invalid, split_lines
from recordingd.config.policy_files import load_texts
from recordingd.config.settings import check_settings

ROOT = Path(__file__).parents[3]
TEXTS = [path.read_text() for path in sorted((ROOT / "policies").glob("*.yaml"))]
# Every field of every kind of document, as one file.
TEXTS.append(
    "\n---\n".join(
        path.read_text()
        for path in sorted((ROOT / "tests" / "policies" / "every-kind").glob("*.yaml"))
    )
)
SETTINGS = """\
apiVersion: recordingd/v1
kind: Settings
mode: enforce
acs: {connectionString: {env: ACS}, storageHosts: [.asm.skype.com], startWindow: 15s}
policies: policies
stores: {main: {path: archive}, vault: {container: "https://a.blob.core.windows.net/b"}}
archive: main
listen: 127.0.0.1:8080
signals: {reporters: [{name: ivr, secret: {env: IVR}}]}
ceiling: 10y
guards: {maxDeletes: {count: 1, bytes: 50GB}}
"""
# What people, editors and merge conflicts put into files, besides everything else.
SCRAPS = st.sampled_from(
    [
        *("\t", "\n", " ", ":", ": ", "- ", "[", "]", "{", "}", ",", "#", "&a ", "*a", "!!x ", "|"),
        *(
            "'",
            '"',
            "%",
            "@",
            "\x00",
            "\ufeff",
            "\u2028",
            "\x85",
            "\r",
            "é",
            "🎧",
            "---\n",
            "...\n",
        ),
        *("null", "true", "yes", "0", "-1", "1.5", "+1800*", "forever", "name: p\n", "{}", "[]"),
        *("<<<<<<< HEAD\n", "in: [x]", "kind: Group\n", "match: {}\n", "~", "not: {}", "any: []"),
    ]
)


@st.composite
def mutated(draw: st.DrawFn, originals: list[str]) -> str:
    """Draw a text with some stretches replaced."""
    text = draw(st.sampled_from(originals))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        text = text[:start] + draw(SCRAPS | st.text(max_size=5)) + text[end:]
    return text


@st.composite
def rewired(draw: st.DrawFn, originals: list[str]) -> str:
    """Draw a text where one value stands in the place of another."""
    lines = draw(st.sampled_from(originals)).split("\n")
    keyed = [n for n, line in enumerate(lines) if ": " in line and not line.startswith("#")]
    here, there = draw(st.sampled_from(keyed)), draw(st.sampled_from(keyed))
    key, _, _ = lines[here].partition(": ")
    _, _, value = lines[there].partition(": ")
    lines[here] = f"{key}: {value}"
    return "\n".join(lines)


def assert_positions(diagnostics: tuple[Diagnostic, ...], text: str) -> None:
    lines = split_lines(text.removeprefix("\ufeff"))
    for found in diagnostics:
        assert 1 <= found.span.line <= len(lines)
        assert 1 <= found.span.column <= len(lines[found.span.line - 1]) + 1
        assert (found.span.line, found.span.column) <= (found.span.end_line, found.span.end_column)
        assert found.as_text().startswith(found.headline)
        assert "\n" not in found.message


def check_text(text: str) -> None:
    texts = {"p.yaml": text, "agents.csv": "8:acs:a\n"}
    try:
        policies = load_texts(texts)
    except Invalid as fault:
        diagnostics = fault.diagnostics
    else:
        assert load_texts(policies.texts) == policies
        return
    assert any(found.is_error for found in diagnostics)
    assert_positions(diagnostics, text)


@given(mutated(TEXTS))
def test_damaged_policies_are_refused_with_positions(text: str) -> None:
    check_text(text)


@given(rewired(TEXTS))
def test_exchanged_values_are_refused_with_positions(text: str) -> None:
    check_text(text)


@given(mutated([SETTINGS]) | rewired([SETTINGS]))
def test_damaged_settings_are_refused_with_positions(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "recordingd.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    diagnostics, settings = check_settings(path, {})
    assert (settings is None) is any(d.is_error for d in diagnostics)
    assert_positions(diagnostics, text)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    check_text(body.decode("utf-8", "surrogateescape"))
