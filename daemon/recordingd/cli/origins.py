"""Which policies a command looks at, the files as they are or an accepted revision, and saying so.

Used by the commands that explain, compare and list policies. Reads; accepts nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from recordingd.cli.reading import reading
from recordingd.config.policy_files import load_policies, load_texts
from recordingd.config.settings import Settings
from recordingd.config.validation import context_of
from recordingd.domain.errors import ConfigurationError, LedgerMissing, RecordingdError
from recordingd.domain.policies import PolicySet
from recordingd.ports.ledger import PolicyRevision
from recordingd.runtime.views import moment

# As much of a digest or a commit as tells one from another.
SHOWN_DIGEST = 12
NO_REVISION = "no revision is in force yet"


class NotThere(RecordingdError):
    """No call, rule or revision, or more than one, is there as asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Policies and where they come from: a path of files, or a revision of the ledger."""

    policies: PolicySet
    path: Path | None = None
    revision: PolicyRevision | None = None

    def as_json(self) -> dict[str, object]:
        """Return the JSON form; `path` is None for a revision, the rest for files."""
        return {
            "path": None if self.path is None else str(self.path),
            "digest": self.policies.digest,
            **revision_json(self.revision),
        }

    def __str__(self) -> str:
        if self.revision is not None:
            return revision_in_words(self.revision)
        return f"files in {self.path} (digest {self.policies.digest[:SHOWN_DIGEST]})"


def from_files(settings: Settings | None, path: Path | None, now: datetime) -> Origin:
    """Read the files of a path, else of the settings; Invalid with every fault in them."""
    context = None if settings is None else context_of(settings, now)
    if path is None:
        assert settings is not None, "without settings a path is named"
        path = settings.policies
    return Origin(policies=load_policies(path, context), path=path)


def from_revision(revision: PolicyRevision) -> Origin:
    """Read an accepted tree again; ConfigurationError where this version reads it no more."""
    try:
        policies = load_texts(revision.texts)
    except ConfigurationError as error:
        head = f"revision {revision.revision} cannot be read by this version of recordingd:"
        raise ConfigurationError((head, *error.faults)) from error
    return Origin(policies=policies, revision=revision)


def running_revision(settings: Settings) -> PolicyRevision | None:
    """Return the newest accepted revision; None where there is none, or no ledger yet."""
    try:
        with reading(settings) as view:
            return view.ledger.latest_revision()
    except LedgerMissing:
        return None


def revision_json(revision: PolicyRevision | None) -> dict[str, object]:
    """Return what identifies a revision; every field None where there is none."""
    return {
        "revision": None if revision is None else revision.revision,
        "gitCommit": None if revision is None else revision.git_commit,
        "acceptedAt": None if revision is None else moment(revision.accepted_at),
    }


def running_json(revision: PolicyRevision | None) -> dict[str, object] | None:
    """Return what identifies the running revision with its digest; None where there is none."""
    if revision is None:
        return None
    return {"digest": revision.digest, **revision_json(revision)}


def revision_in_words(revision: PolicyRevision | None) -> str:
    """Name a revision with its digest, its commit, and when it was accepted."""
    if revision is None:
        return NO_REVISION
    commit = "" if revision.git_commit is None else f"commit {revision.git_commit}, "
    digest = revision.digest[:SHOWN_DIGEST]
    accepted = moment(revision.accepted_at)
    return f"revision {revision.revision} (digest {digest}, {commit}accepted at {accepted})"
