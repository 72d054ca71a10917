"""A plan as a comment on a pull request: a table of what would happen, the lines folded away.

Called by `planning.rendering`. What policies and people wrote stands in code blocks alone, where
nothing of it is a link, a mention, HTML or the end of the block; what does not fit is counted,
never silently left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

# A comment on GitHub holds 65,536 characters; a few are left for what a workflow puts around it.
LENGTH_MAX = 60_000
# One line may name every member of a group that changed.
LINE_MAX = 500
_BACKTICKS = re.compile("`+")
# In such a block GitHub colours lines by the sign that they begin with.
_LANGUAGE = "diff"


def comment(
    heading: str, summary: Mapping[str, int], sections: Iterable[tuple[str, Sequence[str]]]
) -> str:
    """Return a comment of at most `LENGTH_MAX` characters.

    `heading` is shown as Markdown. `sections` are titles with their lines, which are shown as they
    are; none of them holds a line break.
    """
    parts = ["### recordingd plan", "", heading, "", *_summary_table(summary)]
    room = LENGTH_MAX - _length(parts)
    waiting = list(sections)
    while waiting:
        # What a section leaves over is for those after it; one with nothing to show needs no share.
        shares = sum(bool(lines) for _, lines in waiting)
        title, lines = waiting.pop(0)
        section = list(_section(title, lines, room // max(shares, 1)))
        parts += section
        room -= _length(section)
    return "\n".join(parts)


def _length(parts: Sequence[str]) -> int:
    return sum(len(part) + 1 for part in parts)


def _summary_table(summary: Mapping[str, int]) -> Iterator[str]:
    shown = {name: count for name, count in summary.items() if count}
    if not shown:
        yield "No action is due."
        return
    yield f"| {' | '.join(shown)} |"
    yield f"|{' --- |' * len(shown)}"
    yield f"| {' | '.join(f'{count:,}' for count in shown.values())} |"


def _section(title: str, lines: Sequence[str], room: int) -> Iterator[str]:
    yield ""
    if not lines:
        yield f"**{title}**"
        return
    shown, fence = _that_fit(lines, room - _FRAME - len(title))
    yield f"<details><summary>{title}</summary>"
    yield ""
    yield f"{fence}{_LANGUAGE}"
    yield from shown
    yield fence
    if len(shown) < len(lines):
        more = len(lines) - len(shown)
        yield f"{more:,} more are not shown here; `recordingd plan -f json` lists them."
    yield ""
    yield "</details>"


# What a section needs beside its title, its lines and its fences: its tags, and the last sentence.
_FRAME = 160


def _that_fit(lines: Sequence[str], room: int) -> tuple[list[str], str]:
    """Return the lines that fit, each cut to its length, and a fence that none of them ends."""
    shown: list[str] = []
    used, fence = 0, "```"
    for line in lines:
        cut = line if len(line) <= LINE_MAX else f"{line[: LINE_MAX - 1]}…"
        longer = max((f"{run}`" for run in [*_BACKTICKS.findall(cut), "``"]), key=len)
        used, fence_then = used + len(cut) + 1, max(fence, longer, key=len)
        if used + 2 * len(fence_then) > room:
            break
        shown.append(cut)
        fence = fence_then
    return shown, fence
