"""Ask the running daemon something, and say in one way why it cannot be asked.

Used by the commands that go through the control socket.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from recordingd.cli.exits import Exit
from recordingd.config.settings import Settings
from recordingd.runtime.control import Answer, DaemonNotRunning, NoAnswer


def answer_of(settings: Settings, question: Callable[[], Answer]) -> Answer | Exit:
    """Return the daemon's answer, or the exit code once it was told why there is none."""
    try:
        return question()
    except DaemonNotRunning as error:
        why = f"{error}; start it with 'recordingd run'"
    except NoAnswer as error:
        why = f"{error}; look at 'recordingd status' for what became of it"
    except PermissionError:
        why = f"you may not open {settings.control}; ask as its owner"
    sys.stderr.write(f"recordingd: {why}\n")
    return Exit.FAILED


def complain(answer: Answer) -> Exit:
    """Print why the daemon did nothing; return the exit code that it answered."""
    for error in answer["errors"]:
        sys.stderr.write(f"recordingd: {error}\n")
    return Exit(answer["exitCode"])
