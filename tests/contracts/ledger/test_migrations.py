from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from recordingd.domain.errors import LedgerFault, LedgerOutdated
from recordingd.ledger import migrations
from recordingd.ledger.sqlite import connect, connect_memory, disconnect
from recordingd.ledger.tables import metadata
from recordingd.ledger.upgrading import schema_state, upgrade
from recordingd.ledger.versions import REVISIONS, SchemaState

if TYPE_CHECKING:
    from tests.contracts.ledger.conftest import LedgerFile, Make

SCHEMA = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"


def schema_of(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute(SCHEMA).fetchall())


def old_ledger(path: Path, *statements: str) -> Path:
    """Make a ledger from before the first revision, with something in it."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.execute("CREATE TABLE treasure (gold INTEGER)")
        connection.execute("INSERT INTO treasure VALUES (42)")
        for statement in statements:
            connection.execute(statement)
    return path


def test_revisions_are_those_of_the_scripts() -> None:
    (package,) = migrations.__path__
    scripts = ScriptDirectory(package)
    assert tuple(s.revision for s in scripts.walk_revisions())[::-1] == REVISIONS
    assert scripts.get_current_head() == REVISIONS[-1]


def test_migrated_ledger_has_no_difference_to_the_tables(ledger_file: LedgerFile) -> None:
    connection = connect(ledger_file.path, mode="ro")
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    assert compare_metadata(context, metadata) == []
    disconnect(connection)


def test_migrated_ledger_is_declared_word_for_word_as_the_tables(ledger_file: LedgerFile) -> None:
    """Conditions of indexes and strictness are not compared by Alembic."""
    connection = connect_memory()
    with connection.begin():
        metadata.create_all(connection)
        declared = {row.name: row.sql for row in connection.exec_driver_sql(SCHEMA)}
    disconnect(connection)
    migrated = schema_of(ledger_file.path)
    del migrated["alembic_version"]
    migrated.pop("sqlite_stat1", None)
    assert migrated == declared


def test_every_table_is_strict_and_names_its_instance(ledger_file: LedgerFile) -> None:
    for name in metadata.tables:
        assert ledger_file.tamper("SELECT strict FROM pragma_table_list(?)", name) == [(1,)]
        columns = ledger_file.tamper("SELECT name FROM pragma_table_info(?)", name)
        assert columns[0] == ("instance",)


def test_state_of_a_ledger_that_does_not_exist_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    assert schema_state(f"sqlite:///{path}") is SchemaState.MISSING
    assert not path.exists()


def test_state_of_an_empty_file_is_missing(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").touch()
    assert schema_state(f"sqlite:///{tmp_path / 'ledger.db'}") is SchemaState.MISSING


def test_state_follows_the_revision(ledger_file: LedgerFile) -> None:
    assert schema_state(ledger_file.url) is SchemaState.CURRENT
    ledger_file.tamper("UPDATE alembic_version SET version_num = '9999'")
    assert schema_state(ledger_file.url) is SchemaState.NEWER
    ledger_file.tamper("DELETE FROM alembic_version")
    assert schema_state(ledger_file.url) is SchemaState.OUTDATED


def test_new_ledger_needs_no_backup_and_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    assert upgrade(f"sqlite:///{path}", instance="contoso", backup_dir=tmp_path / "b") is None
    assert path.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "b").exists()


def test_second_upgrade_changes_nothing(ledger_file: LedgerFile, tmp_path: Path) -> None:
    before = schema_of(ledger_file.path)
    assert upgrade(ledger_file.url, instance="contoso", backup_dir=tmp_path / "b") is None
    assert schema_of(ledger_file.path) == before
    assert ledger_file.tamper("SELECT instance FROM purge_gate") == [("contoso",)]


def test_older_ledger_is_backed_up_and_keeps_what_it_has(tmp_path: Path) -> None:
    path = old_ledger(tmp_path / "ledger.db")
    backup = upgrade(f"sqlite:///{path}", instance="contoso", backup_dir=tmp_path / "b")
    assert backup is not None
    assert "calls" in schema_of(path)
    assert set(schema_of(backup)) == {"alembic_version", "treasure"}
    for file in (path, backup):
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("SELECT gold FROM treasure").fetchall() == [(42,)]


def test_backup_is_readable_by_its_owner_only_and_whole(tmp_path: Path) -> None:
    path = old_ledger(tmp_path / "ledger.db")
    backup = upgrade(f"sqlite:///{path}", instance="contoso", backup_dir=tmp_path / "b")
    assert backup is not None
    assert backup.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in (tmp_path / "b").iterdir()] == [backup.name]


def test_second_backup_does_not_replace_the_first(tmp_path: Path) -> None:
    names = set()
    for n in range(2):
        (tmp_path / str(n)).mkdir()
        path = old_ledger(tmp_path / str(n) / "ledger.db")
        names.add(upgrade(f"sqlite:///{path}", instance="contoso", backup_dir=tmp_path / "b"))
    assert len(names) == 2
    assert set((tmp_path / "b").iterdir()) == names


def test_migration_that_fails_leaves_the_ledger_as_it_was(tmp_path: Path) -> None:
    path = old_ledger(tmp_path / "ledger.db", "CREATE TABLE recordings (mine TEXT)")
    before = schema_of(path)
    with pytest.raises(LedgerFault, match="recordings"):
        upgrade(f"sqlite:///{path}", instance="contoso", backup_dir=tmp_path / "b")
    assert schema_of(path) == before
    assert schema_state(f"sqlite:///{path}") is SchemaState.OUTDATED


def test_ledger_that_cannot_be_backed_up_is_not_touched(tmp_path: Path) -> None:
    path = old_ledger(tmp_path / "ledger.db")
    (tmp_path / "b").write_text("in the way")
    before = schema_of(path)
    with pytest.raises(LedgerFault, match="backup"):
        upgrade(f"sqlite:///{path}", instance="contoso", backup_dir=tmp_path / "b")
    assert schema_of(path) == before


def test_newer_ledger_is_refused_and_not_touched(ledger_file: LedgerFile, tmp_path: Path) -> None:
    ledger_file.tamper("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(LedgerOutdated):
        upgrade(ledger_file.url, instance="contoso", backup_dir=tmp_path / "b")
    assert ledger_file.tamper("SELECT version_num FROM alembic_version") == [("9999",)]


def test_ledger_in_a_path_with_odd_characters_is_upgraded_and_opened(
    ledger_file: LedgerFile, tmp_path: Path, make: Make
) -> None:
    ledger_file.path = tmp_path / "100% sure #1 é" / "led ger.db"
    ledger_file.path.parent.mkdir()
    upgrade(ledger_file.url, instance="contoso", backup_dir=tmp_path / "b")
    with ledger_file.open().transaction() as store:
        assert store.append_event(make.event())
