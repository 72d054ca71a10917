"""Rules about when a recording falls silent for a while, as for a payment.

Built by `config`, matched by `planning.rules`. That a pause was asked for is a fact; how silence is
brought about and confirmed is `planning.capture`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from recordingd.domain.durations import Duration
from recordingd.domain.matchers import Condition, Pattern, RuleName, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseTrigger:
    """What opens a pause: the signal `pauseRequested`, or a tag with a value; any one suffices."""

    on_signal: bool = False
    tags: Mapping[str, tuple[Pattern, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseRule:
    """Silence for calls that match, while the trigger says so.

    `auto_resume` ends a pause by itself, counted from the newest request; None is never.
    `alarm_after` is how long a pause may last before somebody is told, None for however long.
    """

    name: RuleName
    source: Source
    match: Condition
    trigger: PauseTrigger
    auto_resume: Duration | None = None
    alarm_after: Duration | None = None
    description: str | None = None
    is_observed: bool = False
    valid_from: datetime | None = None
    valid_until: datetime | None = None
