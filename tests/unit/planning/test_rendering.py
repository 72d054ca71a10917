"""One plan in three forms that say the same."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from tests.factories import SOURCE, T0, after, changed

from recordingd.config.saved_plans import faults_of
from recordingd.domain.durations import FOREVER
from recordingd.domain.plans import ReasonCode, Why
from recordingd.domain.policies import PolicyName
from recordingd.domain.recordings import RecordingId
from recordingd.planning.forecast import UNAPPROVED, PlanLine, Section
from recordingd.planning.rendering import PrintedPlan, plan_digest

WHY = Why(
    code=ReasonCode.POLICY_WANTS,
    text="the policy wants it",
    policy=PolicyName("support-line"),
    source=SOURCE,
)
CHANGED = Why(code=ReasonCode.POLICY_CHANGED, text="keeps recordings shorter")


def line(verb: str = "start", target: str = "c1", **changes: object) -> PlanLine:
    made = PlanLine(section=Section.LIVE, verb=verb, target=target, why=WHY, at=T0)
    return changed(made, changes)


def purge(target: str = "f1", at: datetime = T0, **changes: object) -> PlanLine:
    fields: dict[str, object] = {
        "section": Section.SWEEPS,
        "at": at,
        "is_forecast": at > T0,
        "recording": RecordingId(f"recording-of-{target}"),
        "size_bytes": 1_000,
        "goes_at": at,
    }
    return line("purge", target, **(fields | changes))


def shortening(recording: str, **changes: object) -> PlanLine:
    fields: dict[str, object] = {
        "section": Section.SWEEPS,
        "blocked_by": UNAPPROVED,
        "needs_approval": True,
        "recording": RecordingId(recording),
        "is_shorter": True,
    }
    return line("change", recording, **(fields | changes))


def plan(*lines: PlanLine, unread: int = 0) -> PrintedPlan:
    return PrintedPlan(
        instance="uk",
        at=T0,
        horizon=after(days=7),
        policy_digest="ab" * 32,
        purge_generation=3,
        lines=lines,
        unread=unread,
    )


EVERY_KIND = (
    line(section=Section.POLICY, why=CHANGED, verb="change", target="RetentionRule mifid-ii"),
    line("change", "kept recordings", section=Section.POLICY, is_sum=True, blocked_by=UNAPPROVED),
    line(),
    line("unknown", "c2", why=Why(code=ReasonCode.UNDECIDED, text="not known yet")),
    line("stop", "r1", section=Section.DRIFT),
    purge(),
    purge("r7", after(days=3), blocked_by="hold case-4711"),
    shortening("r3", goes_at=after(days=2)),
    shortening("r4", goes_at=FOREVER),
    line("keep", "r5", section=Section.SWEEPS, recording=RecordingId("r5"), goes_at=None),
)


# --- JSON -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("lines", [(), EVERY_KIND], ids=["empty", "every kind"])
def test_json_form_follows_the_schema(lines: tuple[PlanLine, ...]) -> None:
    form = json.loads(json.dumps(plan(*lines).as_json()))
    assert list(faults_of(form)) == []


def test_json_form_says_what_it_was_made_of() -> None:
    form = plan(unread=9).as_json()
    assert (form["instance"], form["policyDigest"], form["ledgerGeneration"]) == (
        "uk",
        "ab" * 32,
        3,
    )
    assert (form["at"], form["horizon"]) == ("2026-11-02T09:00:00Z", "2026-11-09T09:00:00Z")
    assert (form["formatVersion"], form["keptUnread"]) == ("1", 9)


def test_lines_stand_in_their_section_by_time() -> None:
    form = plan(purge("b"), purge("a", after(days=1)), purge("a"), line()).as_json()
    sections = form["sections"]
    assert isinstance(sections, dict)
    assert list(sections) == ["policy", "live", "drift", "sweeps"]
    assert [(o["target"], o["at"][:10]) for o in sections["sweeps"]] == [
        ("a", "2026-11-02"),
        ("b", "2026-11-02"),
        ("a", "2026-11-03"),
    ]


@pytest.mark.parametrize(
    ("goes_at", "said"),
    [(after(days=1), "2026-11-03T09:00:00Z"), (FOREVER, "never"), (None, None)],
)
def test_date_of_what_goes_is_a_moment_or_never(goes_at: object, said: str | None) -> None:
    form = plan(shortening("r1", goes_at=goes_at)).as_json()
    sections = form["sections"]
    assert isinstance(sections, dict)
    assert sections["sweeps"][0]["deleteAt"] == said


def test_candidates_are_what_an_approval_would_let_go_each_once_and_sorted() -> None:
    held_back: dict[str, Any] = {
        "blocked_by": "the guard maxDeletes: 9 of 10",
        "needs_approval": True,
    }
    lines = (
        shortening("r2"),
        shortening("r1"),
        purge("f1", recording=RecordingId("r2"), **held_back),
        purge("f2"),
        purge("f3", blocked_by="hold case-4711"),
    )
    assert plan(*lines).candidates == ("r1", "r2")
    assert plan(*lines).as_json()["candidates"] == ["r1", "r2"]


def test_summary_counts_what_is_due_and_what_is_not() -> None:
    summary = plan(*EVERY_KIND).summary()
    assert {name: count for name, count in summary.items() if count} == {
        "start": 1,
        "stop": 1,
        "purge": 1,
        "purgeBytes": 1_000,
        # The sum of the two shortenings is none of its own.
        "blocked": 3,
        "unknown": 1,
    }


# --- the digest -----------------------------------------------------------------------------------


def test_digest_is_over_everything_but_itself() -> None:
    form = plan(line()).as_json()
    assert plan_digest(form) == form["planDigest"]
    assert plan_digest({**form, "planDigest": "other"}) == form["planDigest"]
    for name in set(form) - {"planDigest"}:
        assert plan_digest({**form, name: "other"}) != form["planDigest"], name


def test_digest_does_not_depend_on_how_the_json_is_written() -> None:
    form = plan(line(target="ä")).as_json()
    again = json.loads(json.dumps(form, indent=7, sort_keys=True, ensure_ascii=True))
    assert plan_digest(again) == form["planDigest"]


# --- text -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "symbol"),
    [
        (line("start"), "+ start"),
        (line("pause"), "~ pause"),
        (line("stop"), "- stop"),
        (line("download"), "v download"),
        (line("purge"), "- purge"),
        (line("keep"), "= keep"),
        (line("unknown"), "? unknown"),
        (line("start", blocked_by="mode observe"), "! start"),
        (line("change"), "~ change"),
    ],
)
def test_every_kind_of_line_has_its_symbol(shown: PlanLine, symbol: str) -> None:
    assert f"\n  {symbol}" in plan(shown).as_text()


def test_line_names_target_policy_place_and_reason() -> None:
    text = plan(line()).as_text()
    assert "  + start  c1  support-line policies/support.yaml:7  the policy wants it\n" in text


def test_line_of_what_is_blocked_says_by_what() -> None:
    text = plan(line(blocked_by="mode observe")).as_text()
    assert "the policy wants it (blocked by mode observe)" in text


def test_line_of_what_comes_says_when() -> None:
    assert "f1 at 2026-11-05 09:00 UTC" in plan(purge(at=after(days=3))).as_text()


def test_nothing_that_a_text_says_steers_a_terminal_or_ends_a_line() -> None:
    why = Why(code=ReasonCode.POLICY_WANTS, text="a\x1b[31mb\nc\u202ed")
    text = plan(line(why=why)).as_text()
    assert "a [31mb c d" in text
    assert all(sign.isprintable() for sign in text.replace("\n", ""))


def test_sections_say_how_much_how_many_bytes_and_when() -> None:
    lines = [purge("f1"), *(purge(f"r{n}", after(days=n)) for n in (2, 4)), shortening("r9")]
    text = plan(*lines).as_text()
    assert (
        "Sweeps until 2026-11-09 09:00 UTC: 1 to change (1 blocked),"
        " 3 to purge (3.0 kB, 2026-11-04 to 2026-11-06)"
    ) in text
    assert "Live calls: nothing\n" in text


@pytest.mark.parametrize(("limit", "more"), [(2, 1), (3, 0), (None, 0)])
def test_text_shows_so_many_lines_a_section_and_counts_the_rest(
    limit: int | None, more: int
) -> None:
    text = plan(line(target="c1"), line(target="c2"), line(target="c3")).as_text(limit)
    assert text.count("+ start") == 3 - more
    assert ("… and 1 more; --limit shows more of them" in text) is (more > 0)


def test_verdict_counts_what_is_due_and_what_is_not() -> None:
    assert (
        "Plan: 1 policy change to take into force, 1 to start, 1 to stop, 1 to purge;"
        " 3 blocked, 1 unknown.\n"
    ) in plan(*EVERY_KIND).as_text()
    assert plan().as_text().endswith("\nPlan: nothing is due.")


def test_verdict_says_how_to_approve() -> None:
    text = plan(shortening("r1"), shortening("r2")).as_text()
    assert text.endswith(
        "2 recordings need an approved plan:"
        " recordingd plan -o plan.json, then recordingd apply plan.json"
    )


@pytest.mark.parametrize(
    ("blocked_by", "is_approvable"), [("its lock", False), ("the guard maxDeletes", True)]
)
def test_verdict_says_that_a_reload_refuses_the_files(
    blocked_by: str, *, is_approvable: bool
) -> None:
    refused = line("change", section=Section.POLICY, why=CHANGED, blocked_by=blocked_by)
    made = plan(refused, shortening("r1"))
    assert made.refusals == (refused,)
    assert bool(made.locked) is not is_approvable
    assert "A reload refuses these files" in made.as_text()
    assert ("recordingd apply" in made.as_text()) is is_approvable


def test_shortening_alone_refuses_nothing() -> None:
    waiting = line("change", section=Section.POLICY, is_sum=True, blocked_by=UNAPPROVED)
    assert plan(waiting).refusals == ()


def test_what_was_not_looked_at_is_told() -> None:
    assert "1,000,000 kept recordings were not looked at" in plan(unread=1_000_000).as_text()


# --- Markdown -------------------------------------------------------------------------------------


def test_markdown_has_every_line_of_the_text() -> None:
    made = plan(*EVERY_KIND)
    shown = made.as_markdown()
    rows = [row[2:] for row in made.as_text().splitlines() if row.startswith("  ")]
    assert len(rows) == len(EVERY_KIND)
    assert all(f"\n{row}\n" in shown for row in rows)


def test_markdown_has_the_counts_the_verdict_and_the_digest() -> None:
    shown = plan(*EVERY_KIND).as_markdown()
    assert "| start | stop | purge | blocked | unknown | purgeBytes |" in shown
    assert "Plan: 1 policy change to take into force" in shown
    assert "`abababababab`" in shown
    assert "2 recordings need an approved plan" in shown


# --- whether anything changes ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "is_change"),
    [
        (line(), True),
        (line(blocked_by="mode observe"), False),
        (purge(at=after(days=1)), False),
        (line("keep"), False),
        (line("unknown"), False),
    ],
)
def test_only_what_would_be_done_now_is_a_change(shown: PlanLine, *, is_change: bool) -> None:
    assert plan(shown).has_changes is is_change
