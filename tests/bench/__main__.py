"""Measure what this version promises about speed: `python -m tests.bench`, or `make bench`.

Prints one table. Ratios within one run are what counts; absolute numbers belong to the machine, so
nothing here fails a build.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.bench import appends, decisions, startup
from tests.bench.measure import Row


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="recordingd-bench-") as folder:
        directory = Path(folder)
        rows = [
            *decisions.compare(100, "500,000/s"),
            *decisions.compare(5_000, "300,000/s"),
            appends.compare(directory, "0.4 x"),
            startup.compare(directory, 1, "at most 12 x"),
            startup.compare(directory, 100, ""),
            startup.compare(directory, 1_000, "at most 3,000 ms"),
        ]
    _print_table(rows)


def _print_table(rows: list[Row]) -> None:
    heads = ("what", "ours", "baseline", "ratio", "target")
    lines = [heads, *(_cells(row) for row in rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(heads))]
    for line in lines:
        first, *others = (cell.ljust(w) for cell, w in zip(line, widths, strict=True))
        print(
            first, *(o.strip().rjust(w) for o, w in zip(others, widths[1:], strict=True)), sep="  "
        )


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    ours, baseline = (f"{value:,.0f}{row.unit}" for value in (row.ours, row.baseline))
    return row.what, ours, baseline, f"{row.ratio:.2f} x", row.target


if __name__ == "__main__":
    main()
