"""Brings a ledger to the schema of this program, after a backup, in one transaction.

Called by `cli` (`ledger upgrade`) and by `runtime` for a ledger that does not exist yet. The only
importer of Alembic, which loads slowly and is needed for nothing else.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from recordingd.domain.errors import LedgerFault
from recordingd.ledger.instances import ensure_instance
from recordingd.ledger.locations import locate
from recordingd.ledger.sqlite import connect, disconnect
from recordingd.ledger.transaction import faults_named
from recordingd.ledger.versions import (
    REVISIONS,
    SchemaState,
    read_version,
    require_current,
    state_of,
)

_SCRIPTS = Path(__file__).parent / "migrations"


def schema_state(url: str) -> SchemaState:
    """Say how a ledger's schema stands to this program's; changes nothing, not even a file."""
    path = _path_of(url)
    if not path.exists() or path.stat().st_size == 0:
        return SchemaState.MISSING
    return state_of(_version_at(path))


def upgrade(url: str, *, instance: str, backup_dir: Path) -> Path | None:
    """Create a ledger or bring it to the newest schema, and give an instance its rows.

    Returns the backup that was made of an existing ledger before it was touched, None when there
    was nothing to touch. All or nothing: a migration that fails leaves the ledger as it was.
    Idempotent. Raises LedgerOutdated for a ledger of a newer program, LedgerFault otherwise.
    """
    path = _path_of(url)
    with faults_named():
        connection = connect(path, mode="rwc")
        try:
            with connection.begin():
                backup = _migrate(connection, path, backup_dir)
                ensure_instance(connection, instance)
        finally:
            disconnect(connection)
    return backup


def _path_of(url: str) -> Path:
    path = locate(url).path
    if path is None:
        msg = "a ledger in memory is made by opening it"
        raise LedgerFault(msg)
    return path


def _version_at(path: Path) -> str | None:
    with faults_named():
        connection = connect(path, mode="ro")
        try:
            with connection.begin():
                return read_version(connection)
        finally:
            disconnect(connection)


def _migrate(connection: sa.Connection, path: Path, backup_dir: Path) -> Path | None:
    version = read_version(connection)
    state = state_of(version)
    if state is SchemaState.CURRENT:
        return None
    if state is SchemaState.NEWER:
        require_current(version)
    backup = None if version is None else _back_up(path, backup_dir, version or "empty")
    try:
        command.upgrade(_config(connection), "head")
    except CommandError as error:
        msg = f"the ledger cannot be upgraded: {error}"
        raise LedgerFault(msg) from error
    return backup


def _config(connection: sa.Connection) -> Config:
    config = Config()
    # The reader of Alembic's settings takes a percent sign for a substitution.
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _back_up(path: Path, backup_dir: Path, version: str) -> Path:
    """Copy a ledger as it was last committed; the caller's lock keeps it from changing."""
    try:
        backup_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = _free_name(backup_dir, f"{path.stem}-{version}-before-{REVISIONS[-1]}")
        part = target.with_suffix(".part")
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        with (
            closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(part)) as copy,
        ):
            source.backup(copy)
        _sync(part)
        part.replace(target)
        _sync(backup_dir)
    except (OSError, sqlite3.Error) as error:
        msg = f"no backup could be made in {backup_dir}, so nothing was upgraded: {error}"
        raise LedgerFault(msg) from error
    return target


def _free_name(directory: Path, stem: str) -> Path:
    names = (f"{stem}{f'-{n}' if n else ''}.db" for n in count())
    return next(directory / name for name in names if not (directory / name).exists())


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
