"""What a policy set would let go earlier is counted before it is accepted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.factories import T0, after
from tests.unit.runtime.offices import Office, open_office
from tests.unit.runtime.trees import POLICY, write_tree

from recordingd.domain.approvals import Approval
from recordingd.domain.recordings import RecordingId

SHORTER = POLICY.format(name="everything").replace("1y", "30d")
LONGER = POLICY.format(name="everything").replace("1y", "2y")


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with open_office(tmp_path) as made:
        yield made


def test_set_that_would_let_too_much_go_earlier_is_refused(office: Office) -> None:
    office.begin()
    office.keep(12)
    write_tree(office.settings, {"all.yaml": SHORTER})
    (refusal,) = office.reload().judged.refusals
    assert "12 of 12 recordings would go earlier" in refusal
    assert "recordingd apply" in refusal


def test_set_that_lets_a_few_go_earlier_is_accepted(office: Office) -> None:
    office.begin()
    office.keep(3)
    write_tree(office.settings, {"all.yaml": SHORTER})
    assert office.reload().in_force.revision == 2


def test_set_that_keeps_longer_is_accepted(office: Office) -> None:
    office.begin()
    office.keep(12)
    write_tree(office.settings, {"all.yaml": LONGER})
    assert office.reload().in_force.revision == 2


def test_set_is_accepted_once_a_plan_for_it_names_what_goes_earlier(office: Office) -> None:
    office.begin()
    office.keep(12)
    write_tree(office.settings, {"all.yaml": SHORTER})
    compiled = office.reload(is_check=True).judged.compiled
    assert compiled is not None
    approval = Approval(
        id="a1",
        plan_digest="p",
        policy_digest=compiled.policies.digest,
        recordings=frozenset(RecordingId(f"r{n}") for n in range(12)),
        reason="agreed",
        approved_by="ada",
        approved_at=T0,
        expires_at=after(days=7),
    )
    with office.runner.database.transaction() as ledger:
        ledger.add_approval(approval)
    assert office.reload().in_force.revision == 2
    assert office.rules is not None
    assert len(office.rules.context().shortened) == 12


def test_set_is_refused_at_the_start_as_well(office: Office) -> None:
    office.begin()
    office.keep(12)
    write_tree(office.settings, {"all.yaml": SHORTER})
    again = office.begin()
    assert again.revision == 1
    assert "would go earlier" in (again.last_reload.error or "")
