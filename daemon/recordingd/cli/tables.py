"""Tables on a terminal; plain aligned text everywhere else."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from recordingd.cli.terminal import in_one_line

# Wide enough that nothing is ever cut: a narrow terminal wraps whole lines, and an id or a path
# that was shortened could not be copied.
WIDTH = 2000


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    """Print rows under their column names; colour only on a terminal, never under NO_COLOR."""
    console = Console(width=WIDTH, highlight=False)
    table = Table(*columns, box=SIMPLE_HEAD, title=title or None, title_justify="left")
    for row in rows:
        # As a text of its own no cell is read as rich's markup.
        table.add_row(*(Text("" if cell is None else in_one_line(str(cell))) for cell in row))
    console.print(table)


def to_seconds(moment: str | None) -> str | None:
    """Shorten a moment in RFC 3339 to whole seconds; words such as `never` stay."""
    return None if moment is None else re.sub(r"\.\d+Z$", "Z", moment)
