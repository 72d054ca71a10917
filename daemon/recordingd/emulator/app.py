"""The emulator's front door: `main` for the command line, `EmulatorServer` for tests.

The names that code outside this package uses, with the options; everything else may change.
Argument parsing stays out of the import, so that tests do not pay for it.
"""

from collections.abc import Sequence

from recordingd.emulator.assembly import Emulator
from recordingd.emulator.options import (
    EmulatorOptions,
    EventSchema,
    EventsEntra,
    EventShape,
    StartStatus,
    TlsFault,
)
from recordingd.emulator.server import EmulatorServer

__all__ = [
    "Emulator",
    "EmulatorOptions",
    "EmulatorServer",
    "EventSchema",
    "EventShape",
    "EventsEntra",
    "StartStatus",
    "TlsFault",
    "main",
]


def main(argv: Sequence[str]) -> int:
    """Run the emulator as a program with the arguments after ``recordingd emulator``.

    Return the exit status: 0 after SIGTERM or SIGINT; usage errors exit with 64.
    """
    from recordingd.emulator import command  # only the program needs it

    return command.main(argv)
