"""An approval in the ledger, and its line in the audit chain."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.factories import T0
from tests.unit.runtime.offices import Office, open_office
from tests.unit.runtime.trees import HOLD

from recordingd.domain.approvals import Approval
from recordingd.domain.recordings import RecordingId
from recordingd.runtime.approving import PlanApproval, PlanIsStale, approve

DIGEST = "ab" * 32
WANTED = PlanApproval(
    plan_digest="cd" * 32,
    policy_digest=DIGEST,
    purge_generation=0,
    recordings=frozenset({RecordingId("r2"), RecordingId("r1")}),
    reason="Alice Archer agreed",
    by="ada",
)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with open_office(tmp_path) as made:
        yield made


def write(office: Office) -> Approval:
    with office.runner.database.transaction() as ledger:
        return approve(ledger, WANTED, approval_id="a1", now=T0)


@pytest.mark.parametrize(("off", "counts"), [(-1, True), (0, False), (1, False)])
def test_approval_counts_for_seven_days(office: Office, off: int, *, counts: bool) -> None:
    made = write(office)
    end = T0 + timedelta(days=7, microseconds=off)
    assert made.is_in_force(end) is counts
    with office.runner.database.transaction() as ledger:
        assert list(ledger.approvals_for(DIGEST, now=end)) == [made] * counts


def test_approval_names_who_and_what(office: Office) -> None:
    made = write(office)
    assert (made.approved_by, made.plan_digest) == ("ada", "cd" * 32)
    assert made.recordings == {"r1", "r2"}


def test_audit_names_who_approved_how_much_of_which_plan_and_not_why(office: Office) -> None:
    write(office)
    with office.runner.database.transaction() as ledger:
        (row,) = ledger.audit_rows()
    assert (row.kind, row.ref) == ("plan.approved", "a1")
    assert json.loads(row.detail) == {
        "planDigest": "cd" * 32,
        "policyDigest": DIGEST,
        "recordings": 2,
        "recordingsDigest": hashlib.sha256(b"r1\nr2\n").hexdigest(),
        "expiresAt": "2026-11-09T09:00:00+00:00",
        "by": "ada",
    }


def test_nothing_is_written_once_a_hold_was_placed(office: Office) -> None:
    office.write(HOLD)
    office.begin()
    with pytest.raises(PlanIsStale, match="holds"):
        write(office)
    assert "plan.approved" not in office.audit()
