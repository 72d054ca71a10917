"""Documents on their way to values, and what the settings say that they are checked against.

Made by `config.policy_files`, read by everything that checks documents together: `cross_checks`,
`settings_checks`, `policy_test_checks` and `analysis`. Never learns what is wrong with a document,
only whether something is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from recordingd.config.diagnostics import Place
from recordingd.config.strict_yaml import Document, PathParts, Plain
from recordingd.domain.durations import Duration, Forever
from recordingd.domain.policies import RecordingPolicy

if TYPE_CHECKING:
    from recordingd.domain.consent import ConsentRule
    from recordingd.domain.holds import LegalHold
    from recordingd.domain.pauses import PauseRule
    from recordingd.domain.places import Places
    from recordingd.domain.policies import Group

    # Drags in what happens in calls, which no reader of policies needs.
    from recordingd.domain.policy_tests import PolicyTest
    from recordingd.domain.retention import RetentionRule

    DocumentValue = (
        RecordingPolicy
        | Group
        | ConsentRule
        | PauseRule
        | RetentionRule
        | LegalHold
        | Places
        | PolicyTest
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WaysIn:
    """How facts about calls reach the daemon.

    `has_events` says whether Event Grid delivers; `has_reporters` whether applications send signals
    and forward callbacks. `context_tags` are the tags that an incoming call's headers become.
    """

    has_events: bool
    has_reporters: bool
    context_tags: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyContext:
    """What the settings say that policies are checked against; None where nothing is known.

    `stores` are the names of stores with their container URL (None for a directory);
    `is_container_list` says that no other container may be used. `has_callbacks` says whether the
    service's callbacks are taken, which bring what is needed to end a call. `api_version` is the
    one spoken with the service. `archive` is the store that files go to unless a policy says
    otherwise, `immutable_for` how long a store keeps what is written to it, by its name.
    `requires_consent_rule` says that no call is recorded of which no rule says what consent it
    needs. `now` is asked for what has expired.
    """

    stores: Mapping[str, str | None] | None = None
    is_container_list: bool = False
    ceiling: Duration | Forever | None = None
    has_callbacks: bool | None = None
    api_version: str | None = None
    archive: str | None = None
    immutable_for: Mapping[str, Duration | Forever] = field(default_factory=dict)
    requires_consent_rule: bool = False
    ways_in: WaysIn | None = None
    now: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Draft:
    """A document on its way to a value.

    `data` is what is left of it without its faulty fields. `value` is None where too little is
    left; `is_whole` once nothing in the document is wrong.
    """

    document: Document
    data: Plain
    value: DocumentValue | None = None
    is_whole: bool = field(default=False)

    @property
    def name(self) -> str | None:
        """The name as it stands in the file, right or wrong."""
        return self._written("name")

    @property
    def kind(self) -> str | None:
        """The kind as it stands in the file, right or wrong."""
        return self._written("kind")

    @property
    def policy(self) -> RecordingPolicy | None:
        """The value of a recording policy; None for every other kind."""
        return self.value if isinstance(self.value, RecordingPolicy) else None

    def at(self, *path: str | int) -> Place:
        """Return where a value of the document stands."""
        return self.document.at(*path)

    def key_at(self, *path: str | int) -> Place:
        """Return where a key of the document stands."""
        return self.document.key_at(*path)

    def holds(self, *path: str | int) -> bool:
        """Say whether something stands at a path of the document, right or wrong."""
        return _find(self.document.data, path) is not None

    def _written(self, key: str) -> str | None:
        found = _find(self.document.data, (key,))
        return found if isinstance(found, str) else None


def _find(data: Plain, path: PathParts) -> Plain:
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data
