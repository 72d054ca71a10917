"""Accepted policy trees, numbered from 1, each complete enough to be loaded again.

A part of `store`. Knows nothing of what a policy says.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from recordingd.ledger.part import Part, given, of_instance
from recordingd.ledger.prepared import Row
from recordingd.ledger.tables import policy_revisions
from recordingd.ports.ledger import PolicyRevision

_REVISIONS = sa.select(
    policy_revisions.c.revision,
    policy_revisions.c.digest,
    policy_revisions.c.texts,
    policy_revisions.c.git_commit,
    policy_revisions.c.accepted_at,
).where(of_instance(policy_revisions))
_LATEST = _REVISIONS.order_by(policy_revisions.c.revision.desc()).limit(1)
_ONE = _REVISIONS.where(given(policy_revisions.c.revision))
_HIGHEST = sa.select(sa.func.max(policy_revisions.c.revision).label("highest")).where(
    of_instance(policy_revisions)
)
_INSERT = sa.insert(policy_revisions)


class Revisions(Part):
    """Operations on policy trees; `ports.ledger.Ledger` holds their contracts."""

    def latest_revision(self) -> PolicyRevision | None:
        """Return the newest accepted policy tree."""
        return _revision_of(self._tx.first(_LATEST))

    def revision(self, number: int) -> PolicyRevision | None:
        """Return one accepted policy tree."""
        return _revision_of(self._tx.first(_ONE, at_revision=number))

    def add_revision(
        self, *, digest: str, texts: Mapping[str, str], git_commit: str | None, at: datetime
    ) -> PolicyRevision:
        """Accept a policy tree under the next number."""
        (row,) = self._tx.rows(_HIGHEST)
        added = PolicyRevision(
            revision=(row.highest or 0) + 1,
            digest=digest,
            texts=dict(texts),
            git_commit=git_commit,
            accepted_at=at,
        )
        self._tx.insert(
            _INSERT,
            revision=added.revision,
            digest=digest,
            texts=added.texts,
            git_commit=git_commit,
            accepted_at=at,
        )
        return added


def _revision_of(row: Row | None) -> PolicyRevision | None:
    if row is None:
        return None
    return PolicyRevision(
        revision=row.revision,
        digest=row.digest,
        texts=row.texts,
        git_commit=row.git_commit,
        accepted_at=row.accepted_at,
    )
