"""What the database itself finds wrong with its file.

A part of `store`; `check` reads it.
"""

from __future__ import annotations

from collections.abc import Iterator

from recordingd.ledger.part import Part

_SOUND = "ok"


class Damages(Part):
    """The database's own checks; PostgreSQL keeps its references by itself and has none."""

    def damages(self) -> Iterator[str]:
        """Return one sentence per damaged page, index or reference."""
        if self._tx.dialect != "sqlite":
            return
        for (found,) in self._tx.command("PRAGMA integrity_check"):
            if found != _SOUND:
                yield f"file: {found}"
        for table, row, parent, _ in self._tx.command("PRAGMA foreign_key_check"):
            yield f"{table}: row {row} refers to nothing in {parent}"
