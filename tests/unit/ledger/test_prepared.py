from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from recordingd.ledger.columns import Moment
from recordingd.ledger.prepared import Prepared, PreparedStatements

SQLITE = sa.make_url("sqlite://").get_dialect()()
POSTGRESQL = sa.make_url("postgresql+psycopg://").get_dialect()()
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOON_TEXT = "2026-03-01T12:00:00.000000Z"

table = sa.Table(
    "t",
    sa.MetaData(),
    sa.Column("name", sa.Text()),
    sa.Column("at", Moment()),
    sa.Column("count", sa.Integer()),
)
NAME = table.c.name == sa.bindparam("at_name")


def prepare(statement: sa.Executable, *names: str, dialect: sa.Dialect = SQLITE) -> Prepared | None:
    return PreparedStatements(dialect).get(statement, names)


def prepared(statement: sa.Executable, *names: str, dialect: sa.Dialect = SQLITE) -> Prepared:
    found = prepare(statement, *names, dialect=dialect)
    assert found is not None
    return found


def test_parameters_are_converted_and_in_the_order_of_the_text() -> None:
    query = sa.select(table.c.name).where(table.c.at > sa.bindparam("at_after"), NAME)
    bound = prepared(query, "at_name", "at_after").bind({"at_name": "n", "at_after": NOON})
    assert bound == (NOON_TEXT, "n")


def test_parameter_that_stands_twice_is_bound_twice() -> None:
    limit = sa.bindparam("at_most", type_=sa.Integer())
    query = sa.select(table.c.name).where(NAME, table.c.count > limit).limit(limit)
    bound = prepared(query, "at_name", "at_most").bind({"at_name": "n", "at_most": 3})
    assert [value for value in bound if value == 3] == [3, 3]


def test_parameters_have_names_on_postgresql() -> None:
    query = sa.select(table.c.name).where(table.c.at > sa.bindparam("at_after"), NAME)
    found = prepared(query, "at_name", "at_after", dialect=POSTGRESQL)
    assert found.bind({"at_name": "n", "at_after": NOON}) == {"at_after": NOON, "at_name": "n"}
    assert "%(at_name)s" in found.text


def test_value_that_the_statement_itself_holds_is_bound() -> None:
    query = sa.select(table.c.name).where(NAME, table.c.count == 7)
    assert prepared(query, "at_name").bind({"at_name": "n"}) == ("n", 7)


def test_value_of_a_parameter_may_be_none() -> None:
    insert = prepared(sa.insert(table), "name", "at")
    assert insert.bind({"name": None, "at": None}) == (None, None)


def test_missing_value_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        prepared(sa.select(table.c.name).where(NAME), "at_name").bind({})


def test_change_sets_the_named_columns_and_no_other() -> None:
    update = prepared(sa.update(table).where(NAME), "at_name", "count")
    assert update.text.split() == ["UPDATE", "t", "SET", "count=?", "WHERE", "t.name", "=", "?"]
    assert update.bind({"at_name": "n", "count": 3}) == (3, "n")


def test_statement_is_compiled_once_for_each_set_of_names() -> None:
    statements, insert = PreparedStatements(SQLITE), sa.insert(table)
    first = statements.get(insert, ("name", "at"))
    assert statements.get(insert, ("name", "at")) is first
    assert statements.get(insert, ("name",)) is not first


def test_statement_whose_text_depends_on_its_values_is_left_to_sqlalchemy() -> None:
    names: sa.BindParameter[str] = sa.bindparam("at_names", expanding=True)
    assert prepare(sa.select(table.c.name).where(table.c.name.in_(names)), "at_names") is None


def test_rows_are_converted_and_named() -> None:
    query = sa.select(table.c.name, table.c.at, sa.func.count())
    (row,) = prepared(query).read([("n", NOON_TEXT, 3)])
    assert (row.name, row.at) == ("n", NOON)
    assert list(row) == ["n", NOON, 3]
