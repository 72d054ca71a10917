"""Secrets in a text of settings are found by the words around them, and references are not."""

from __future__ import annotations

import pytest

from recordingd.config.diagnostics import SourceFile
from recordingd.config.secret_words import hide_written_secrets, without_secrets


def shown(line: str) -> str | None:
    file = SourceFile(path="s.yaml", shown="s.yaml", text=line)
    hide_written_secrets(file)
    return file.line(1)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("  accessKey: geheim", "  accessKey: ******"),
        ("acs: {accessKey: geheim}", "acs: {accessKey: *******"),
        ("ledger: postgresql://u:p@h/d", "ledger: " + "*" * 20),
        ("connectionString: {env: ACS}", "connectionString: {env: ACS}"),
        ("secrets: [{env: A}]", "secrets: [{env: A}]"),
        ("publicUrl: https://recorder.example", "publicUrl: https://recorder.example"),
        ("# accessKey: explained", "# accessKey: explained"),
    ],
)
def test_only_what_is_no_reference_is_hidden(line: str, expected: str) -> None:
    assert shown(line) == expected


def test_long_line_of_words_is_read_at_once() -> None:
    line = "key" * 80_000
    assert shown(line) == line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://u:geheim@host/x", "https://***@host/x"),
        ("https://host/x?sig=geheim", "https://host/x"),
        ("endpoint=https://h/;accesskey=geheim==", "endpoint=https://h/;accesskey=***"),
        ("https://host:8443/x", "https://host:8443/x"),
    ],
)
def test_text_is_shown_without_its_secrets(text: str, expected: str) -> None:
    assert without_secrets(text) == expected
