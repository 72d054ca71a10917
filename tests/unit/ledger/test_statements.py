"""The statements and tables that SQLite runs compile for PostgreSQL as well."""

from __future__ import annotations

from types import ModuleType

import pytest
import sqlalchemy as sa

from recordingd.ledger import audit, calls, foreign, gate, inbox, instances, listing, revisions
from recordingd.ledger.calls import _ROWS
from recordingd.ledger.tables import metadata

SQLITE = sa.make_url("sqlite://").get_dialect()()
POSTGRESQL = sa.make_url("postgresql+psycopg://").get_dialect()()
MODULES = (audit, calls, foreign, gate, inbox, instances, listing, revisions)


def statements_of(module: ModuleType) -> dict[str, sa.Executable]:
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, sa.Select | sa.Update | sa.Insert | sa.Delete | sa.CompoundSelect)
    }


def text_of(statement: sa.Executable) -> str:
    assert isinstance(statement, sa.ClauseElement)
    return str(statement.compile(dialect=POSTGRESQL))


ALL = {
    f"{module.__name__.rpartition('.')[2]}.{name}": statement
    for module in MODULES
    for name, statement in statements_of(module).items()
}


@pytest.mark.parametrize("name", sorted(ALL))
def test_statement_compiles_and_names_its_instance(name: str) -> None:
    text = text_of(ALL[name])
    assert "instance" in text or "pg_advisory_xact_lock" in text


@pytest.mark.parametrize("name", sorted(_ROWS))
def test_rows_of_a_call_are_met_by_instance_call_and_key(name: str) -> None:
    for statement in (_ROWS[name].update, _ROWS[name].delete):
        text = text_of(statement)
        assert "at_instance" in text
        assert "at_call_id" in text


def test_call_is_changed_only_at_the_version_and_fence_that_were_seen() -> None:
    _, _, condition = text_of(ALL["calls._UPDATE_CALL"]).partition("WHERE")
    assert "calls.facts_version = " in condition
    assert "calls.fence = " in condition


def test_call_is_locked_for_update_and_the_gate_shared() -> None:
    assert text_of(ALL["calls._LOCK_CALL"]).endswith("FOR UPDATE")
    assert text_of(ALL["calls._LOCK_STATE"]).endswith("FOR UPDATE")
    assert text_of(ALL["gate._CLAIM"]).endswith("FOR SHARE")


@pytest.mark.parametrize("name", sorted(metadata.tables))
def test_table_can_be_declared_on_both_databases(name: str) -> None:
    table = metadata.tables[name]
    assert "STRICT" in str(sa.schema.CreateTable(table).compile(dialect=SQLITE))
    declared = str(sa.schema.CreateTable(table).compile(dialect=POSTGRESQL))
    assert 'instance TEXT COLLATE "C" NOT NULL' in declared
    assert "STRICT" not in declared
    for index in table.indexes:
        text = str(sa.schema.CreateIndex(index).compile(dialect=POSTGRESQL))
        assert "(instance" in text


@pytest.mark.parametrize("name", sorted(metadata.tables))
def test_every_key_leads_with_the_instance(name: str) -> None:
    table = metadata.tables[name]
    key = list(table.primary_key.columns.keys())
    assert key[0] == "instance" or key == ["seq"]
    for constraint in table.constraints:
        if isinstance(constraint, sa.UniqueConstraint | sa.ForeignKeyConstraint):
            assert next(iter(constraint.columns)).name == "instance"


def test_partial_indexes_are_unique_on_both_databases() -> None:
    for index in ("uq_recordings_open", "uq_attempts_unfinished"):
        found = [i for t in metadata.tables.values() for i in t.indexes if i.name == index]
        for dialect in (SQLITE, POSTGRESQL):
            text = str(sa.schema.CreateIndex(found[0]).compile(dialect=dialect))
            assert text.startswith("CREATE UNIQUE INDEX")
            assert "IS NULL" in text
