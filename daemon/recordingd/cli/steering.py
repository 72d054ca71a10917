"""Suspend, lift and approve: through the running daemon, or into the ledger where none runs.

Used by `suspend`, `resume` and `apply`. The ledger is written only while its state directory is
locked, as a daemon would lock it: never beside one that runs and does not answer.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

from recordingd.cli.daemon import answer_of
from recordingd.cli.exits import Exit
from recordingd.config.settings import Settings
from recordingd.runtime.control import Answer, DaemonNotRunning, tell

# An approval may name every recording there is.
ANSWERED_WITHIN_SECONDS = 60.0


class Steer(enum.Enum):
    """What is asked, by its path of the control interface."""

    SUSPEND = "/suspensions"
    LIFT = "/suspensions/lift"
    APPROVE = "/approvals"


def steer(settings: Settings, what: Steer, body: Mapping[str, object]) -> Answer | Exit:
    """Return the answer to what was asked, or the exit code once it was told why there is none.

    StateDirectoryBusy where a daemon runs that does not answer.
    """

    def question() -> Answer:
        try:
            return tell(settings.control, what.value, body, timeout=ANSWERED_WITHIN_SECONDS)
        except DaemonNotRunning:
            return _without_daemon(settings, what, body)

    return answer_of(settings, question)


def _without_daemon(settings: Settings, what: Steer, body: Mapping[str, object]) -> Answer:
    from recordingd.runtime import offline  # loads the ledger

    match what:
        case Steer.SUSPEND:
            words = {name: str(value) for name, value in body.items()}
            return offline.suspend(settings, **words)
        case Steer.LIFT:
            return offline.lift(settings, scope=str(body["scope"]))
        case Steer.APPROVE:
            return offline.approve(settings, body)
