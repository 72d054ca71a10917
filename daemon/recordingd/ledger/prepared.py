"""Statements compiled once, so that running one costs little more than the driver takes.

Used by `transaction`. SQLAlchemy's own execution of a statement takes several times as long as
SQLite needs for it; what is kept of it here is what it compiled: the text for the dialect, the
order of the parameters, and how values are converted on their way in and out.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

import sqlalchemy as sa
from sqlalchemy.sql.compiler import SQLCompiler

Convert = Callable[[Any], object]
Values = Mapping[str, object]
# Parameters as a driver takes them, by place or by name.
Bound = tuple[object, ...] | dict[str, object]
_REQUIRED = object()


class Row(Protocol):
    """A row of a result: its columns by name and in order."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the column holds
        """Return a column by its name."""

    def __iter__(self) -> Iterator[Any]:
        """Return the columns in order."""


class Prepared:
    """One statement for one dialect, with one set of parameters."""

    def __init__(self, compiled: SQLCompiler, dialect: sa.Dialect) -> None:
        self.text = str(compiled)
        self._is_positional = compiled.positional
        names = compiled.positiontup if compiled.positional else compiled.binds
        self._parameters = [_parameter(name, compiled.binds[name], dialect) for name in names or ()]
        self._row, self._conversions = _reading(compiled.statement, dialect)

    def bind(self, values: Values) -> Bound:
        """Return the parameters as the driver takes them; a missing one is a KeyError."""
        bound: list[object] = []
        for name, convert, fixed in self._parameters:
            value = values[name] if fixed is _REQUIRED else fixed
            bound.append(value if convert is None else convert(value))
        if self._is_positional:
            return tuple(bound)
        names = (name for name, _, _ in self._parameters)
        return dict(zip(names, bound, strict=True))

    def read(self, rows: Iterable[Sequence[object]]) -> list[Row]:
        """Return rows as the driver gave them, with their columns converted and named."""
        make, conversions = self._row, self._conversions
        return [
            make(
                *[
                    value if convert is None else convert(value)
                    for value, convert in zip(row, conversions, strict=True)
                ]
            )
            for row in rows
        ]


class PreparedStatements:
    """The statements of one connection that were compiled so far."""

    def __init__(self, dialect: sa.Dialect) -> None:
        self._dialect = dialect
        self._known: dict[tuple[sa.Executable, tuple[str, ...]], Prepared | None] = {}

    def get(self, statement: sa.Executable, names: tuple[str, ...]) -> Prepared | None:
        """Return a statement prepared for parameters of these names.

        None for one whose text depends on how many values a parameter has: only SQLAlchemy can run
        that.
        """
        key = (statement, names)
        if key not in self._known:
            self._known[key] = self._prepare(statement, names)
        return self._known[key]

    def _prepare(self, statement: sa.Executable, names: tuple[str, ...]) -> Prepared | None:
        assert isinstance(statement, sa.ClauseElement)
        columns = [name for name in names if not name.startswith("at_")]
        is_change = isinstance(statement, sa.Insert | sa.Update)
        compiled = statement.compile(
            dialect=self._dialect, column_keys=columns if is_change else None
        )
        assert isinstance(compiled, SQLCompiler)
        return None if compiled.post_compile_params else Prepared(compiled, self._dialect)


def _parameter(
    name: str, bind: sa.BindParameter[Any], dialect: sa.Dialect
) -> tuple[str, Convert | None, object]:
    convert = bind.type.dialect_impl(dialect).bind_processor(dialect)
    return name, convert, _REQUIRED if bind.required else bind.effective_value


def _reading(
    statement: object, dialect: sa.Dialect
) -> tuple[Callable[..., Any], list[Convert | None]]:
    if not isinstance(statement, sa.Select | sa.CompoundSelect):
        return tuple, []
    columns = list(statement.selected_columns)
    names = [str(getattr(column, "name", "column")) for column in columns]
    conversions: list[Convert | None] = [
        column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns
    ]
    # Cast, because types are checked before the names are known.
    row = cast("Any", namedtuple)("Row", names, rename=True)  # noqa: PYI024 - see above
    return row, conversions
