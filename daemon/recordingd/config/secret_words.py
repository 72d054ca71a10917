"""Which words of a file announce a secret, so that none is ever shown.

Called by the readers of settings and by `config.schema_words`. What is shown of a file ends up in
logs and tickets. Reads text, never a secret that a file refers to.
"""

from __future__ import annotations

import re

from recordingd.config.diagnostics import SourceFile, Span, split_lines

# A field of such a name, misspelt or in the wrong place, may hold a secret; so may what is written
# where somebody is introduced who has one.
_NAME = r"key|secret|token|reporter|passw|sas|connection.?string"
_NAMES = re.compile(_NAME, re.IGNORECASE)
# A URL with credentials or a signature, and the parts of a connection string.
_VALUE = r"://.*[?@]|(?:sig|signature|accesskey|accountkey|password)="
_VALUES = re.compile(_VALUE, re.IGNORECASE)
# A text under such a name, which is no reference: references begin with a brace.
_NAMED = re.compile(
    rf"[^#]*?(?:{_NAME})[\w.-]{{0,64}}[\"']?\s{{0,8}}:\s+(?P<text>[^\s{{\[#])", re.IGNORECASE
)
_FIRST_TEXT = re.compile(r"[^#:]*:\s+(?P<text>[^\s{\[#])")
# How far into a line is looked; the search takes the square of it.
_COLUMNS_MAX = 1024
_PASSWORD_IN_URL = re.compile(r"//[^/@]*@")
_SECRET_PART = re.compile(rf"({_NAME})([\w.-]*=).*", re.IGNORECASE | re.DOTALL)


def announces_secret(name: str) -> bool:
    """Say whether a field of this name may hold a secret."""
    return _NAMES.search(name) is not None


def looks_secret(value: str) -> bool:
    """Say whether a text may carry a secret, whatever it is called."""
    return _VALUES.search(value) is not None


def without_secrets(text: str) -> str:
    """Return a text without its password, its query, and what follows a word like `accesskey=`."""
    plain = _PASSWORD_IN_URL.sub("//***@", text.partition("?")[0])
    return _SECRET_PART.sub(r"\1\2***", plain)


def hide_written_secrets(file: SourceFile) -> None:
    """Hide every secret that stands in a file of settings, line by line.

    Works on text alone, so that a file which is no YAML, or has a key twice, shows none either.
    """
    for number, line in enumerate(split_lines(file.text.removeprefix("\ufeff")), start=1):
        start = _start_of_secret(line[:_COLUMNS_MAX])
        if start is not None:
            end = len(line) + 1
            file.hide(Span(line=number, column=start + 1, end_line=number, end_column=end))


def _start_of_secret(line: str) -> int | None:
    named = _NAMED.match(line)
    if named is not None:
        return named.start("text")
    first = _FIRST_TEXT.match(line)
    if first is None or not looks_secret(line[first.start("text") :]):
        return None
    return first.start("text")
