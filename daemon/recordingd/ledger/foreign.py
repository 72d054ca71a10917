"""Files announced for recordings that are not ours, until one of them turns out to be.

A part of `store`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from recordingd.domain.recordings import ServiceRecordingId
from recordingd.ledger.part import Part, of_instance, spelled_as, spellings
from recordingd.ledger.tables import foreign_files
from recordingd.ports.ledger import ForeignFile

_ADD: Mapping[str, sa.Executable] = {
    "sqlite": sqlite.insert(foreign_files).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(foreign_files).on_conflict_do_nothing(),
}
_OF_RECORDING = sa.and_(
    of_instance(foreign_files),
    spelled_as(foreign_files.c.recording_id),
)
_FIND = (
    sa.select(foreign_files.c.inbox_seq)
    .where(_OF_RECORDING)
    .distinct()
    .order_by(foreign_files.c.inbox_seq)
)
_TAKE = sa.delete(foreign_files).where(_OF_RECORDING)
_LIST = (
    sa.select(
        foreign_files.c.document_id,
        foreign_files.c.recording_id,
        foreign_files.c.first_seen_at,
        foreign_files.c.inbox_seq,
    )
    .where(of_instance(foreign_files))
    .order_by(foreign_files.c.first_seen_at.desc(), foreign_files.c.document_id.desc())
    .limit(sa.bindparam("at_most"))
)


class Foreign(Part):
    """Operations on foreign files; `ports.ledger.Ledger` holds their contracts."""

    def add_foreign(self, file: ForeignFile) -> None:
        """Remember a file that is not ours."""
        self._tx.insert(
            _ADD[self._tx.dialect],
            document_id=file.document_id,
            recording_id=file.recording_id,
            first_seen_at=file.first_seen_at,
            inbox_seq=file.inbox_seq,
        )

    def take_foreign(self, recording: ServiceRecordingId) -> Sequence[int]:
        """Forget the foreign files of a recording that turned out to be ours."""
        wanted = spellings(recording)
        found = [row.inbox_seq for row in self._tx.rows(_FIND, **wanted)]
        if found:
            self._tx.change(_TAKE, **wanted)
        return found

    def list_foreign(self, limit: int) -> Sequence[ForeignFile]:
        """Return foreign files, newest first."""
        return [
            ForeignFile(
                document_id=row.document_id,
                recording_id=row.recording_id,
                first_seen_at=row.first_seen_at,
                inbox_seq=row.inbox_seq,
            )
            for row in self._tx.rows(_LIST, at_most=limit)
        ]
