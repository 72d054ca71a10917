"""One open transaction of the ledger: the only place where statements are run.

Made by `engine` for each transaction or batch, used by every part of the store. Turns the errors of
the database into LedgerFault, refuses to go on after one, and keeps what must be undone when a job
of a batch fails. Knows no table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from recordingd.domain.errors import InvariantBroken, LedgerFault, RecordingdError
from recordingd.ledger.prepared import Bound, PreparedStatements, Row

Values = Mapping[str, object]


class ConstraintBroken(InvariantBroken):
    """A row breaks a key, a uniqueness or a reference of the schema."""


@contextmanager
def faults_named() -> Iterator[None]:
    """Raise what the database reports as LedgerFault, and a broken constraint as ConstraintBroken.

    Only the driver's own words are passed on: SQLAlchemy's message would quote the parameters.
    """
    try:
        yield
    except exc.IntegrityError as error:
        msg = f"the ledger refused a row: {error.orig}"
        raise ConstraintBroken(msg) from error
    except exc.DBAPIError as error:
        msg = f"the ledger's database failed: {error.orig}"
        raise LedgerFault(msg) from error
    except exc.SQLAlchemyError as error:
        msg = f"the ledger's database failed: {error}"
        raise LedgerFault(msg) from error


class Transaction:
    """Runs statements; `instance` goes into every one of them.

    Statements name the instance they look for `at_instance`, as they name all parameters of their
    conditions `at_…`: SQLAlchemy takes bare column names for values to set.
    """

    def __init__(
        self,
        connection: sa.Connection,
        prepared: PreparedStatements,
        *,
        instance: str,
        now: Callable[[], datetime],
        is_read_only: bool = False,
    ) -> None:
        self._connection = connection
        self._prepared = prepared
        self._cursor = connection.connection.cursor()
        self._driver = connection.dialect.loaded_dbapi
        self.instance = instance
        self.now = now
        self.is_read_only = is_read_only
        self.has_changed = False
        self._is_broken = False

    @property
    def dialect(self) -> str:
        """The name of the database's dialect: `sqlite` or `postgresql`."""
        return self._connection.dialect.name

    @property
    def has_other_writers(self) -> bool:
        """Whether rows can appear during this transaction that it did not write."""
        return self.dialect != "sqlite"

    def rows(self, statement: sa.Executable, **conditions: object) -> Sequence[Row]:
        """Run a query; return all its rows."""
        values = {"at_instance": self.instance, **conditions}
        prepared = self._prepared.get(statement, tuple(values))
        if prepared is None:
            return self._rows_by_sqlalchemy(statement, values)
        self._execute(prepared.text, prepared.bind(values))
        try:
            return prepared.read(self._cursor.fetchall())
        except self._driver.Error as error:
            raise self._fault(error) from error
        except ValueError as error:
            raise _unreadable(error) from error

    def first(self, statement: sa.Executable, **conditions: object) -> Row | None:
        """Run a query; return its first row, None when it has none."""
        found = self.rows(statement, **conditions)
        return found[0] if found else None

    def change(self, statement: sa.Executable, **parameters: object) -> int:
        """Run an UPDATE or DELETE; return how many rows it met."""
        return self._write(statement, [{"at_instance": self.instance, **parameters}])

    def change_many(self, statement: sa.Executable, rows: Sequence[Values]) -> None:
        """Run an UPDATE or DELETE once per row of parameters; all have the same names."""
        self._write(statement, [{"at_instance": self.instance, **row} for row in rows])

    def insert(self, statement: sa.Executable, **values: object) -> int:
        """Run an INSERT; return how many rows it added."""
        return self._write(statement, [{"instance": self.instance, **values}])

    def insert_many(self, statement: sa.Executable, rows: Sequence[Values]) -> None:
        """Run an INSERT for several rows with the same columns."""
        self._write(statement, [{"instance": self.instance, **row} for row in rows])

    def command(self, text: str) -> Sequence[Sequence[Any]]:
        """Run one statement in the database's own words; return its rows, none for a change."""
        self._execute(text)
        return self._cursor.fetchall() if self._cursor.description else []

    def _write(self, statement: sa.Executable, rows: Sequence[Values]) -> int:
        if self.is_read_only:
            msg = "this ledger was opened for reading only"
            raise LedgerFault(msg)
        prepared = self._prepared.get(statement, tuple(rows[0]))
        assert prepared is not None, "a change names each of its values"
        count = 0
        for row in rows:
            self._execute(prepared.text, prepared.bind(row))
            count += self._cursor.rowcount
        self.has_changed = True
        return count

    def _execute(self, text: str, parameters: Bound = ()) -> None:
        # A full disk or a failed write makes SQLite roll back behind our back, and the next
        # statement would commit by itself: after a fault nothing more runs before `recover`.
        self.require_sound()
        try:
            self._cursor.execute(text, parameters)
        except self._driver.Error as error:
            raise self._fault(error) from error
        except (ValueError, OverflowError) as error:
            # A text that is not Unicode or too large a number: found before the database saw it.
            raise _unreadable(error) from error

    def _rows_by_sqlalchemy(self, statement: sa.Executable, values: Values) -> Sequence[Row]:
        self.require_sound()
        try:
            with faults_named():
                return self._connection.execute(statement, values).all()
        except LedgerFault:
            self._is_broken = True
            raise
        except ValueError as error:
            raise _unreadable(error) from error

    def _fault(self, error: Exception) -> RecordingdError:
        self._is_broken = True
        if isinstance(error, self._driver.IntegrityError):
            return ConstraintBroken(f"the ledger refused a row: {error}")
        return LedgerFault(f"the ledger's database failed: {error}")

    def recover(self) -> None:
        """Go on after a failed statement: the caller has rolled back to before it."""
        self._is_broken = False

    def require_sound(self) -> None:
        """Raise LedgerFault after a statement that failed and was not recovered from."""
        if self._is_broken:
            msg = "an earlier statement of this transaction failed"
            raise LedgerFault(msg)


def _unreadable(error: Exception) -> LedgerFault:
    """Name a text or a number that cannot be kept, or a word or a date that is none."""
    return LedgerFault(f"the ledger cannot hold or read a value: {error}")
