"""The durable record of what was seen, meant and done: `ports.ledger` on SQLAlchemy Core.

`runtime` opens it (`engine`), upgrades it (`upgrading`) and runs jobs against it; `cli` checks it
(`check`). Only this package imports SQLAlchemy and Alembic, and importing the package itself loads
neither. It decides nothing: what follows from facts comes from `planning.derivation`.
"""
