"""Accepted policy trees, numbered from 1, each complete enough to be loaded again, and their locks.

A part of `store`. Knows nothing of what a policy says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from recordingd.domain.matchers import RuleName
from recordingd.ledger.part import Part, given, of_instance
from recordingd.ledger.prepared import Row
from recordingd.ledger.tables import locked_rules, policy_revisions
from recordingd.ports.ledger import LockedRule, PolicyRevision

_REVISIONS = sa.select(
    policy_revisions.c.revision,
    policy_revisions.c.digest,
    policy_revisions.c.texts,
    policy_revisions.c.git_commit,
    policy_revisions.c.accepted_at,
).where(of_instance(policy_revisions))
_LATEST = _REVISIONS.order_by(policy_revisions.c.revision.desc()).limit(1)
_ONE = _REVISIONS.where(given(policy_revisions.c.revision))
_UNTIL = _LATEST.where(policy_revisions.c.accepted_at <= sa.bindparam("at_moment"))
_NEWEST = _REVISIONS.order_by(policy_revisions.c.revision.desc()).limit(sa.bindparam("at_most"))
_HIGHEST = sa.select(sa.func.max(policy_revisions.c.revision).label("highest")).where(
    of_instance(policy_revisions)
)
_INSERT = sa.insert(policy_revisions)
_NAME_COMMIT = (
    sa.update(policy_revisions)
    .where(of_instance(policy_revisions), given(policy_revisions.c.revision))
    .values(git_commit=sa.bindparam("at_git_commit"))
)
_LOCKED = (
    sa.select(locked_rules.c.rule, locked_rules.c.policy_revision, locked_rules.c.locked_at)
    .where(of_instance(locked_rules))
    .order_by(locked_rules.c.rule)
)
_LOCK = sa.insert(locked_rules)


class Revisions(Part):
    """Operations on policy trees; `ports.ledger.Ledger` holds their contracts."""

    def latest_revision(self) -> PolicyRevision | None:
        """Return the newest accepted policy tree."""
        return _revision_of(self._tx.first(_LATEST))

    def revision(self, number: int) -> PolicyRevision | None:
        """Return one accepted policy tree."""
        return _revision_of(self._tx.first(_ONE, at_revision=number))

    def revision_at(self, moment: datetime) -> PolicyRevision | None:
        """Return the newest policy tree accepted until a moment."""
        return _revision_of(self._tx.first(_UNTIL, at_moment=moment))

    def revisions(self, limit: int) -> Sequence[PolicyRevision]:
        """Return accepted policy trees, newest first."""
        rows = self._tx.rows(_NEWEST, at_most=limit)
        return [revision for row in rows if (revision := _revision_of(row)) is not None]

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

    def name_commit(self, revision: int, git_commit: str) -> None:
        """Write down in which commit an accepted tree stands."""
        self._tx.change(_NAME_COMMIT, at_revision=revision, at_git_commit=git_commit)

    def locked_rules(self) -> Mapping[RuleName, LockedRule]:
        """Return every rule that was ever accepted as locked."""
        return {
            RuleName(row.rule): LockedRule(revision=row.policy_revision, locked_at=row.locked_at)
            for row in self._tx.rows(_LOCKED)
        }

    def lock_rules(self, rules: Iterable[RuleName], *, revision: int, at: datetime) -> None:
        """Remember rules as locked."""
        rows = [{"rule": r, "policy_revision": revision, "locked_at": at} for r in rules]
        if rows:
            self._tx.insert_many(_LOCK, rows)


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
