"""A comment for a pull request: short enough, and nothing in it does more than stand there."""

from __future__ import annotations

import re

import pytest

from recordingd.planning.markdown import LENGTH_MAX, LINE_MAX, comment

NOTHING: dict[str, int] = {"start": 0, "purge": 0}
BLOCK = re.compile(r"^(`{3,})diff\n(.*?)\n\1$", re.DOTALL | re.MULTILINE)


def blocks(text: str) -> list[list[str]]:
    """Return the lines of every code block, as whoever reads the Markdown finds them."""
    return [found.group(2).splitlines() for found in BLOCK.finditer(text)]


def outside(text: str) -> str:
    return BLOCK.sub("", text)


def test_counts_are_a_table_of_what_there_is() -> None:
    text = comment("Heading.", {"start": 2, "stop": 0, "purgeBytes": 1_234_567}, [])
    assert "| start | purgeBytes |\n| --- | --- |\n| 2 | 1,234,567 |" in text
    assert "stop" not in text


def test_no_table_where_nothing_is_due() -> None:
    text = comment("Heading.", NOTHING, [])
    assert "No action is due." in text
    assert "|" not in text


def test_section_is_folded_away_with_its_title_and_its_lines_as_they_are() -> None:
    text = comment("Heading.", NOTHING, [("Sweeps: 2", ["- purge  f1", "! change r1"])])
    assert "<details><summary>Sweeps: 2</summary>\n\n```diff\n" in text
    assert "```\n\n</details>" in text
    assert blocks(text) == [["- purge  f1", "! change r1"]]


def test_section_without_lines_is_its_title() -> None:
    assert comment("Heading.", NOTHING, [("Drift: nothing", [])]).endswith("\n**Drift: nothing**")


@pytest.mark.parametrize(
    "hostile",
    [
        "a | b | c",
        "</details><script>alert(1)</script>",
        "<!-- -->",
        "@octocat and #1 and https://evil.example",
        "[link](https://evil.example) ![image](x)",
        "``` end",
        "````````` end",
        "`code`",
        "\\` \\| \\",
        "$x$ :smile: **bold**",
    ],
)
def test_whatever_a_line_says_stands_in_a_block_that_it_cannot_end(hostile: str) -> None:
    text = comment("Heading.", NOTHING, [("Live: 2", [hostile, "+ start c1"]), ("Drift: 0", [])])
    assert blocks(text) == [[hostile, "+ start c1"]]
    assert hostile not in outside(text)
    assert "**Drift: 0**" in outside(text)


def test_long_line_is_cut() -> None:
    ((line,),) = blocks(comment("Heading.", NOTHING, [("Live: 1", ["x" * (LINE_MAX + 1)])]))
    assert len(line) == LINE_MAX
    assert line.endswith("x…")


def test_line_that_just_fits_is_whole() -> None:
    ((line,),) = blocks(comment("Heading.", NOTHING, [("Live: 1", ["x" * LINE_MAX])]))
    assert line == "x" * LINE_MAX


@pytest.mark.parametrize("line", ["purge of a file", "`" * 40, "x" * 490])
def test_comment_is_bounded_and_counts_what_it_leaves_out(line: str) -> None:
    text = comment("Heading.", {"purge": 20_000}, [("Sweeps", [line] * 20_000)])
    assert len(text) <= LENGTH_MAX
    ((*shown,),) = blocks(text)
    left = 20_000 - len(shown)
    assert f"{left:,} more are not shown here" in text
    # Room is used: another line of this length would not have fitted, sentences apart.
    assert len(text) > LENGTH_MAX - 1_000


def test_every_section_gets_its_share() -> None:
    many = ["x" * 100] * 5_000
    text = comment("Heading.", NOTHING, [("a", many), ("b", []), ("c", many), ("d", ["y"])])
    first, second, third = blocks(text)
    assert len(text) <= LENGTH_MAX
    assert third == ["y"]
    assert min(len(first), len(second)) > 150


def test_what_a_section_leaves_over_is_for_those_after_it() -> None:
    many = ["x" * 100] * 5_000
    alone = blocks(comment("Heading.", NOTHING, [("c", many)]))[0]
    after_little = blocks(comment("Heading.", NOTHING, [("a", ["y"]), ("c", many)]))[1]
    assert len(after_little) > 0.9 * len(alone)


def test_everything_is_shown_where_it_fits() -> None:
    lines = [f"line {n}" for n in range(1_000)]
    text = comment("Heading.", NOTHING, [("Live", lines)])
    assert blocks(text) == [lines]
    assert "not shown" not in text
