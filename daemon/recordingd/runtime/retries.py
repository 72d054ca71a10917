"""When an effect that did not work is tried again: decided here, and nowhere else.

Called by `runtime.effects`. A pause has two seconds, a start as long as its call lives, a file as
long as the service keeps it: the table says what each can afford.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from recordingd.domain.recordings import Verb
from recordingd.planning.backoff import backed_off
from recordingd.ports.clock import Rand


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long to wait after the first failure, and at most after any."""

    first: timedelta
    longest: timedelta


def _seconds(first: float, longest: float) -> Pace:
    return Pace(first=timedelta(seconds=first), longest=timedelta(seconds=longest))


PACES: Mapping[Verb, Pace] = {
    # A call goes on while its start is tried again: every second is lost audio.
    Verb.START: _seconds(0.2, 10),
    Verb.OBSERVE: _seconds(0.5, 15),
    # Three tries have to fit into two seconds.
    Verb.PAUSE: _seconds(0.3, 0.6),
    Verb.RESUME: _seconds(0.3, 5),
    Verb.STOP: _seconds(0.5, 30),
    Verb.DOWNLOAD: _seconds(0.5, 900),
    Verb.VERIFY: _seconds(5, 300),
    Verb.REMOVE: _seconds(1, 900),
    Verb.PURGE: _seconds(5, 900),
}
# A pause must not wait as long as a busy service asks for: silence is owed now.
IMPATIENT = frozenset({Verb.PAUSE})


def next_try_at(
    verb: Verb,
    tries: int,
    *,
    now: datetime,
    asked_delay_seconds: float | None,
    deadline: datetime | None,
    rand: Rand,
) -> datetime:
    """Return when an effect is tried again after so many tries.

    Doubling with a spread of ± 20 %, not earlier than the service asked for, and never more than a
    quarter of what is left until `deadline` (None: nothing is running out).
    """
    pace = PACES[verb]
    delay = backed_off(tries, first=pace.first, longest=pace.longest) * rand.between(0.8, 1.2)
    if asked_delay_seconds is not None and verb not in IMPATIENT:
        delay = max(delay, timedelta(seconds=asked_delay_seconds))
    if deadline is not None and deadline > now:
        delay = min(delay, max((deadline - now) / 4, timedelta(seconds=1)))
    return now + delay
