"""Policies as values: who is meant, what is decided, and how it is recorded and kept.

Built by `config.policy_files` from YAML, compiled by `planning.matching`, stored by digest in the
ledger. A value here is complete and consistent: what validate refuses never becomes one.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NewType

from recordingd.domain.consent import ConsentRule, ConsentSpec
from recordingd.domain.durations import Duration
from recordingd.domain.holds import LegalHold
from recordingd.domain.matchers import Condition, GroupName, PlaceName, Selector, Source
from recordingd.domain.pauses import PauseRule
from recordingd.domain.places import Places
from recordingd.domain.retention import RetentionRule, RetentionSpec

PolicyName = NewType("PolicyName", str)
StoreName = NewType("StoreName", str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A named set of participants; members of an `internal` group are "internal" to consent."""

    name: GroupName
    source: Source
    description: str | None = None
    is_internal: bool = False
    members: tuple[Selector, ...] = ()


# --- what a policy says ---------------------------------------------------------------------------


class Decision(enum.Enum):
    """What a policy votes for."""

    RECORD = "record"
    REQUIRE = "require"
    SKIP = "skip"
    FORBID = "forbid"


class Content(enum.Enum):
    """What is captured."""

    AUDIO = "audio"
    AUDIO_VIDEO = "audioVideo"


class Channels(enum.Enum):
    """Whether all speakers share one channel or each has one."""

    MIXED = "mixed"
    UNMIXED = "unmixed"


class MediaFormat(enum.Enum):
    """The container of a file."""

    WAV = "wav"
    MP3 = "mp3"
    MP4 = "mp4"


# The only combinations that the service documents (call-recording.md, "Audio/video outputs"); the
# first one of each content and channel type is the default of the language.
COMBINATIONS: tuple[tuple[Content, Channels, MediaFormat], ...] = (
    (Content.AUDIO, Channels.MIXED, MediaFormat.WAV),
    (Content.AUDIO, Channels.MIXED, MediaFormat.MP3),
    (Content.AUDIO, Channels.UNMIXED, MediaFormat.WAV),
    (Content.AUDIO_VIDEO, Channels.MIXED, MediaFormat.MP4),
)
CHANNELS_MAX = 5


class IfAbsent(enum.Enum):
    """What to do when nobody fits an assigned channel at the start."""

    START_WITHOUT = "startWithout"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitFor:
    """Wait this long for somebody who fits an assigned channel, then start without."""

    duration: Duration


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelAssignment:
    """Who is recorded on which channel: the first participant that fits."""

    channel: int
    selectors: tuple[Selector, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSpec:
    """How a call is recorded.

    `archive` is the store its files go to, None for the settings' default; `copy_to` are stores
    that get a copy besides. `storage` is the store, or `container` the container URL, of
    bring-your-own-storage; both None when the service keeps the files. After `rotate_every` a
    recording is stopped and started again, None for never.
    """

    content: Content
    channels: Channels
    format: MediaFormat
    assign: tuple[ChannelAssignment, ...] = ()
    if_absent: IfAbsent | WaitFor = IfAbsent.START_WITHOUT
    archive: StoreName | None = None
    copy_to: tuple[StoreName, ...] = ()
    storage: StoreName | None = None
    container: str | None = None
    rotate_every: Duration | None = None


class OnFailure(enum.Enum):
    """What happens when a wanted recording cannot be made."""

    CONTINUE = "continue"
    ALERT = "alert"
    END_CALL = "endCall"


class Until(enum.Enum):
    """When a recording that this policy started ends."""

    CALL_END = "callEnd"
    WHILE_MATCHED = "whileMatched"


class Captured(enum.Enum):
    """What becomes of audio captured before a forbid came true."""

    KEEP = "keep"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingPolicy:
    """One rule about which calls are recorded, and how.

    `record` is set exactly when the decision is RECORD or REQUIRE, `captured` exactly when it is
    FORBID. A policy with `is_observed` is counted and shown and never acts. `valid_until` is
    exclusive.
    """

    name: PolicyName
    source: Source
    match: Condition
    decision: Decision
    description: str | None = None
    priority: int = 0
    record: RecordSpec | None = None
    captured: Captured | None = None
    on_failure: OnFailure = OnFailure.ALERT
    purpose: str = "recording"
    until: Until = Until.CALL_END
    consent: ConsentSpec | None = None
    retention: RetentionSpec | None = None
    overrides: tuple[PolicyName, ...] = ()
    is_observed: bool = False
    valid_from: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySet:
    """Every rule of one tree at one moment, and the texts it was read from.

    Every collection is sorted by name. `digest` is the SHA-256 of the texts by path; the order of
    files never matters. `texts` holds every policy file and members file by its path relative to
    the tree. `consent_rules` and `retention_rules` hold what stands in documents of their own, not
    what policies say inline. The tests that stand in the tree are not part of it: they change
    nothing (`config.policy_tests` reads them).
    """

    policies: tuple[RecordingPolicy, ...]
    groups: Mapping[GroupName, Group]
    texts: Mapping[str, str]
    digest: str
    consent_rules: tuple[ConsentRule, ...] = ()
    pause_rules: tuple[PauseRule, ...] = ()
    retention_rules: tuple[RetentionRule, ...] = ()
    holds: tuple[LegalHold, ...] = ()
    places: Mapping[PlaceName, Places] = field(default_factory=dict)
