from __future__ import annotations

import pytest

from recordingd.domain.errors import LedgerOutdated
from recordingd.ledger.versions import REVISIONS, SchemaState, require_current, state_of

STATES = {
    None: SchemaState.MISSING,
    "": SchemaState.OUTDATED,
    REVISIONS[-1]: SchemaState.CURRENT,
    "9999": SchemaState.NEWER,
}


@pytest.mark.parametrize("version", STATES)
def test_state_follows_from_the_revision(version: str | None) -> None:
    assert state_of(version) is STATES[version]


@pytest.mark.parametrize("version", [None, "", "9999"])
def test_other_revision_is_refused_with_the_command_to_run(version: str | None) -> None:
    with pytest.raises(LedgerOutdated, match="recordingd ledger upgrade"):
        require_current(version)


def test_present_revision_is_accepted() -> None:
    require_current(REVISIONS[-1])
