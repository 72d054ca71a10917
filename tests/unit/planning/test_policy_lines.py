"""What a plan says of the policies: rules that differ, that may not, that expire, and their sum."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from tests.factories import (
    SOURCE,
    T0,
    after,
    changed,
    keep,
    make_policy,
    make_retention_rule,
    make_rule_of_consent,
)

from recordingd.domain.durations import FOREVER
from recordingd.domain.matchers import Source
from recordingd.domain.plans import ReasonCode, Why
from recordingd.domain.policies import PolicySet
from recordingd.domain.recordings import RecordingId
from recordingd.planning.dates import Date
from recordingd.planning.forecast import UNAPPROVED, PlanLine, Section
from recordingd.planning.policy_lines import kept_lines, policy_lines

HERE = Source(file="mifid.yaml", line=2)


def rules(**parts: object) -> PolicySet:
    """Make a set with one policy, and what is named besides."""
    made = PolicySet(policies=(make_policy(),), groups={}, texts={}, digest="0" * 64)
    return changed(made, parts)


def shown(
    before: PolicySet | None, after_: PolicySet, *, revision: int = 4, days: int = 7
) -> list[PlanLine]:
    horizon = T0 + timedelta(days=days)
    return list(policy_lines(before, after_, revision=revision, now=T0, horizon=horizon))


def mifid(*lengths: str | None, **changes: object) -> tuple[object, ...]:
    return (changed(make_retention_rule(spec=keep(*lengths), source=HERE), changes),)


# --- rules that differ ----------------------------------------------------------------------------


def test_nothing_is_shown_where_nothing_differs() -> None:
    assert shown(rules(), rules()) == []


def test_changed_rule_is_shown_with_its_fields_its_effect_and_its_place() -> None:
    (line,) = shown(
        rules(retention_rules=mifid("5y", "7y")), rules(retention_rules=mifid("5y", "8y"))
    )
    assert (line.section, line.verb, line.target) == (
        Section.POLICY,
        "change",
        "RetentionRule mifid-ii",
    )
    assert line.why.source == HERE
    assert line.why.text == ("keeps recordings longer; deleteAfter 7y -> 8y; since revision 4")
    assert line.is_due


def test_field_that_came_or_went_is_shown_as_not_set_before_or_after() -> None:
    (line,) = shown(rules(retention_rules=mifid("5y")), rules(retention_rules=mifid(None, "7y")))
    assert "keepAtLeast 5y -> not set" in line.why.text
    assert "deleteAfter not set -> 7y" in line.why.text


@pytest.mark.parametrize(
    ("before", "now", "verb"),
    [((), mifid("5y"), "add"), (mifid("5y"), (), "delete")],
    ids=["new", "gone"],
)
def test_rule_that_came_or_went_is_shown(
    before: tuple[object, ...], now: tuple[object, ...], verb: str
) -> None:
    (line,) = shown(rules(retention_rules=before), rules(retention_rules=now))
    assert (line.verb, line.target) == (verb, "RetentionRule mifid-ii")


def test_every_rule_is_new_before_the_first_revision() -> None:
    (line,) = shown(None, rules(), revision=0)
    assert (line.verb, line.target) == ("add", "RecordingPolicy support-line")
    assert "no revision is in force yet" in line.why.text


def test_revision_that_cannot_be_read_any_more_is_named_as_such() -> None:
    (line,) = shown(None, rules(), revision=4)
    assert "revision 4 cannot be read by this version" in line.why.text


def test_texts_that_differ_in_no_rule_are_told() -> None:
    (line,) = shown(rules(), rules(digest="1" * 64))
    assert (line.verb, line.target) == ("change", "the policy files")
    assert line.why.text == "only the texts around the rules differ since revision 4"
    assert line.is_due


# --- what may not change --------------------------------------------------------------------------


def test_locked_rule_that_shrinks_is_shown_as_blocked_beside_the_change() -> None:
    before = rules(retention_rules=mifid("5y", "7y", is_locked=True))
    _, blocked = shown(before, rules(retention_rules=mifid("3y", "7y", is_locked=True)))
    assert (blocked.target, blocked.blocked_by) == ("RetentionRule mifid-ii", "its lock")
    assert blocked.why.source == HERE
    assert "keepAtLeast was 5y, is 3y" in blocked.why.text
    assert not blocked.is_due
    assert not blocked.needs_approval


def test_locked_rule_that_is_gone_is_shown_where_it_stood() -> None:
    before = rules(retention_rules=mifid("5y", is_locked=True))
    _, blocked = shown(before, rules())
    assert (blocked.blocked_by, blocked.why.source) == ("its lock", HERE)


# --- what expires ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ends_at", "words"),
    [
        (T0, None),
        (after(1), "expires in 0 min"),
        (after(minutes=59), "expires in 59 min"),
        (after(hours=23), "expires in 23 h"),
        (after(days=3, hours=5), "expires in 3 d"),
        (after(days=7), "expires in 7 d"),
        (after(1, days=7), None),
        (None, None),
    ],
)
def test_rule_that_expires_by_the_horizon_says_in_how_long(
    ends_at: datetime | None, words: str | None
) -> None:
    policies = rules(retention_rules=mifid("5y", valid_until=ends_at))
    lines = shown(policies, policies)
    assert [line.why.text for line in lines] == ([] if words is None else [words])
    assert all((line.verb, line.at, line.is_due) == ("expire", ends_at, False) for line in lines)


def test_rules_of_other_kinds_expire_as_well() -> None:
    policies = rules(consent_rules=(make_rule_of_consent(valid_until=after(days=1)),))
    (line,) = shown(policies, policies)
    assert (line.target, line.why.source) == ("ConsentRule all-parties", SOURCE)
    assert line.why.code is ReasonCode.POLICY_EXPIRES


# --- what follows for what is kept ----------------------------------------------------------------


def change(
    recording: str, goes_at: Date, *, size: int = 1_000, blocked_by: str | None = None
) -> PlanLine:
    """A change of one recording's dates, shorter exactly where it needs an approved plan."""
    return PlanLine(
        section=Section.SWEEPS,
        verb="change",
        target=recording,
        why=Why(code=ReasonCode.KEEPING_CHANGED, text="kept for another time"),
        at=T0,
        blocked_by=blocked_by,
        needs_approval=blocked_by == UNAPPROVED,
        recording=RecordingId(recording),
        size_bytes=size,
        goes_at=goes_at,
        is_shorter=blocked_by == UNAPPROVED,
    )


def test_nothing_is_added_up_where_no_date_changes() -> None:
    purge = PlanLine(
        section=Section.SWEEPS,
        verb="purge",
        target="f1",
        why=Why(code=ReasonCode.RETENTION_DUE, text="over"),
        at=T0,
        recording=RecordingId("r1"),
    )
    assert list(kept_lines([purge], T0)) == []


def test_longer_and_shorter_are_added_up_apart_with_counts_bytes_and_dates() -> None:
    lines = [
        change("r1", after(days=300), size=1_500),
        change("r2", after(days=400)),
        change("r3", after(days=10), size=2_000_000, blocked_by=UNAPPROVED),
    ]
    longer, shorter = kept_lines(lines, T0)
    assert longer.why.text == (
        "kept longer at once: 2 recordings (2.5 kB), until 2027-08-29 to 2027-12-07"
    )
    assert (longer.target, longer.blocked_by, longer.is_due) == ("kept recordings", None, True)
    assert shorter.why.text == "would be kept shorter: 1 recording (2.0 MB), until 2026-11-12"
    assert (shorter.blocked_by, shorter.is_due) == (UNAPPROVED, False)
    assert all(line.is_sum and line.section is Section.POLICY for line in (longer, shorter))


def test_sum_is_no_candidate_of_its_own() -> None:
    (line,) = kept_lines([change("r1", T0, blocked_by=UNAPPROVED)], T0)
    assert (line.recording, line.needs_approval) == (None, False)


def test_recording_counts_once_however_often_its_dates_change() -> None:
    (line,) = kept_lines([change("r1", after(1)), change("r1", after(days=9))], T0)
    assert line.why.text == "kept longer at once: 1 recording (1.0 kB), until 2026-11-11"


@pytest.mark.parametrize(
    ("dates", "words"),
    [
        ([FOREVER], "forever"),
        ([None], "until a moment not known yet"),
        ([after(1), None, FOREVER], "until 2026-11-02 or forever or until a moment not known yet"),
    ],
)
def test_dates_that_are_no_days_are_said_in_words(dates: list[Date], words: str) -> None:
    lines = [change(f"r{n}", at) for n, at in enumerate(dates)]
    (line,) = kept_lines(lines, T0)
    assert line.why.text.endswith(f"), {words}")


def test_what_the_mode_holds_back_would_only_be() -> None:
    (line,) = kept_lines([change("r1", after(1), blocked_by="mode observe")], T0)
    assert "would be kept longer" in line.why.text
    assert line.blocked_by == "mode observe"


def test_refusal_of_a_reload_is_a_line_of_its_own() -> None:
    lines = [change("r1", after(1), blocked_by=UNAPPROVED)]
    _, refused = kept_lines(lines, T0, refusal="12 of 12 recordings would go earlier")
    assert (refused.target, refused.blocked_by) == ("the policy files", "the guard maxDeletes")
    assert refused.why.text == "12 of 12 recordings would go earlier"
    assert not refused.is_sum
