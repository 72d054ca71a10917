"""Connections to a SQLite file: pragmas, locks, and who may write.

Used by `engine` and `upgrading`. Knows nothing of tables.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from recordingd.domain.errors import LedgerFault, LedgerMissing
from recordingd.ledger.locations import refuse_network

BUSY_TIMEOUT_SECONDS = 5.0
# An acknowledged commit survives a power failure, and what is erased is overwritten with zeros.
_PRAGMAS = ("foreign_keys=ON", "synchronous=FULL", "secure_delete=ON", "trusted_schema=OFF")

# More than the ledger has, so that the driver parses each of them once.
_CACHED_STATEMENTS = 256

Mode = Literal["ro", "rw", "rwc"]


def connect(path: Path, *, mode: Mode) -> sa.Connection:
    """Open a file: `ro` to read, `rw` to write to an existing one, `rwc` to make it if need be.

    A writer locks the database when its transaction begins, so that it never meets a change in the
    middle. A reader cannot write. LedgerMissing when there is no file, LedgerFault on a network
    file system.
    """
    refuse_network(path)
    if mode == "rwc":
        path.touch(mode=0o600)
    elif not path.exists():
        msg = f"there is no ledger at {path}; 'recordingd ledger upgrade' creates it"
        raise LedgerMissing(msg)
    return _connect(lambda: _open_file(path, mode), begin=_BEGIN[mode])


def connect_memory() -> sa.Connection:
    """Make an empty database in memory, gone with its connection."""
    return _connect(lambda: _open(":memory:"), begin="BEGIN IMMEDIATE")


_BEGIN = {"ro": "BEGIN DEFERRED", "rw": "BEGIN IMMEDIATE", "rwc": "BEGIN IMMEDIATE"}


def disconnect(connection: sa.Connection) -> None:
    """Close a connection and the file behind it; what was not committed is rolled back."""
    connection.close()
    connection.engine.dispose()


def run_pragma(connection: sa.Connection, pragma: str) -> tuple[Any, ...]:
    """Run a pragma outside of any transaction; return its first row, empty when it has none."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    try:
        found = driver.execute(f"PRAGMA {pragma}").fetchone()
    except sqlite3.Error as error:
        msg = f"the ledger's database failed: {error}"
        raise LedgerFault(msg) from error
    return () if found is None else tuple(found)


def _connect(opened: Callable[[], sqlite3.Connection], *, begin: str) -> sa.Connection:
    engine = sa.create_engine(
        "sqlite://", creator=opened, poolclass=StaticPool, hide_parameters=True
    )
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine.connect()


def _open_file(path: Path, mode: Mode) -> sqlite3.Connection:
    driver = _open(f"file:{quote(str(path))}?mode={mode}")
    if mode == "ro":
        driver.execute("PRAGMA query_only=ON")
        return driver
    (journal,) = driver.execute("PRAGMA journal_mode=WAL").fetchone()
    if journal != "wal":
        msg = f"{path} cannot keep a write-ahead log (its journal mode stays '{journal}')"
        raise LedgerFault(msg)
    return driver


def _open(address: str) -> sqlite3.Connection:
    # `isolation_level=None`: transactions begin where we say so and not where the driver guesses.
    # The ledger is opened in one thread and used in another, never in two at once.
    driver = sqlite3.connect(
        address,
        uri=True,
        timeout=BUSY_TIMEOUT_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_CACHED_STATEMENTS,
    )
    for pragma in _PRAGMAS:
        driver.execute(f"PRAGMA {pragma}")
    return driver
