"""Whether what is printed is looked at by a person on a terminal, and what it then shows besides.

Asked by the commands that colour text themselves; tables ask rich, which follows the same rules.
Also what is left of texts that others wrote before they are shown.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

# So many between two looks at the count: below it nobody waits long enough to wonder.
COUNTED_BETWEEN = 1000


def shows_colour(stream: TextIO) -> bool:
    """Say whether to colour what goes to a stream: only on a terminal, never under NO_COLOR.

    An empty NO_COLOR counts as not set (no-color.org); a dumb terminal shows no colours.
    """
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def plainly(text: str) -> str:
    """Return a text of one or more lines without anything that would steer a terminal."""
    return "\n".join(map(in_one_line, text.split("\n")))


def in_one_line(text: str) -> str:
    """Return a text without line ends and whatever else would steer a terminal.

    Callers, files and colleagues write what is shown: it must not pass for words of ours.
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


@contextmanager
def counting(what: str) -> Iterator[Callable[[], None]]:
    """Return what counts one more of something; a long count shows how far it is.

    Nothing is shown where nobody looks: standard error is no terminal.
    """
    seen, is_shown = 0, sys.stderr.isatty()

    def count() -> None:
        nonlocal seen
        seen += 1
        if is_shown and seen % COUNTED_BETWEEN == 0:
            sys.stderr.write(f"\r{seen:,} {what}")
            sys.stderr.flush()

    yield count
    if is_shown and seen >= COUNTED_BETWEEN:
        sys.stderr.write("\n")
