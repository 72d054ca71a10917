"""Read the command line, run one command, and turn its end into an exit code.

Called by the console script. Imports a command only when it is asked for, so that every command
starts as fast as what it needs. The only place where errors become messages.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import NoReturn, Protocol

from recordingd.cli.exits import Exit
from recordingd.cli.terminal import in_one_line, plainly
from recordingd.domain.errors import (
    ConfigurationError,
    RecordingdError,
    UnsafePlan,
)

# In the order in which a person meets them.
COMMANDS: Mapping[str, str] = {
    "init": "make a small tree that works",
    "demo": "record calls on the embedded emulator, and show what was kept",
    "validate": "check settings and policies, and show every fault where it stands",
    "test": "play the tests that stand beside the policies, and say what they cover",
    "schema": "explain what policies and settings can say",
    "doctor": "check every link of the chain, and say how to mend a broken one",
    "diff": "compare the policy files with the running revision, rule by rule",
    "policies": "list the rules in force at any date, or show their texts",
    "plan": "show what the daemon would do now, and what time will bring",
    "apply": "approve what a saved plan would let go earlier than was promised",
    "explain": "tell why a call is recorded or not, policy by policy",
    "backtest": "try policies on the calls of the past, and show what they would change",
    "run": "run the daemon",
    "status": "show how the running daemon is doing",
    "reload": "have the running daemon take the policy files into force",
    "suspend": "stop a policy, or all deletions, until a time",
    "resume": "end a suspension before its time",
    "recordings": "list recordings, or show one",
    "why": "tell one recording's whole life",
    "ledger": "upgrade or check the ledger",
    "emulator": "run a stand-in for the service",
}
NEXT_STEP = """\
recordingd records calls of Azure Communication Services by policy.

  recordingd demo           see it work, in a minute and without an account
  recordingd init DIR       start a tree of your own

All commands: recordingd --help
"""


class Command(Protocol):
    """What a command's module offers."""

    @staticmethod
    def add_arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the command's arguments."""
        ...

    @staticmethod
    def run(arguments: argparse.Namespace) -> Exit:
        """Carry out the command."""
        ...


class _Formatter(argparse.HelpFormatter):
    """A formatter that measures the terminal when it prints; argparse makes one per argument."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=80)

    def format_help(self) -> str:
        """Return the text, as wide as the terminal is."""
        import shutil  # see above

        self._width = shutil.get_terminal_size().columns - 2
        return super().format_help()


class Parser(argparse.ArgumentParser):
    """A parser whose usage errors exit with 64: argparse's own 2 would mean "changes pending"."""

    def _get_formatter(self) -> argparse.HelpFormatter:
        return _Formatter(self.prog)

    def error(self, message: str) -> NoReturn:
        """Print the usage and the fault, and exit."""
        self.print_usage(sys.stderr)
        self.exit(Exit.USAGE, f"{self.prog}: {in_one_line(message)}\n")


class _ShowVersion(argparse.Action):
    """Look the version up when it is asked for: reading the package's metadata takes its time."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # see above

        sys.stdout.write(f"recordingd {version('recordingd')}\n")
        parser.exit(Exit.OK)


def run(argv: Sequence[str]) -> int:
    """Run one command; return its exit code."""
    if not argv:
        return _guarded(_show_next_step)
    if argv[0] == "emulator":
        # It shares nothing with the rest, not even the reading of its arguments.
        from recordingd.emulator.app import main  # see above

        return main(argv[1:])
    parser = parser_for(argv)
    if not argv[0].startswith("-") and argv[0] not in COMMANDS:
        from recordingd.config.schema_words import did_you_mean  # only a typing error needs it

        hint = did_you_mean(argv[0], COMMANDS) or "'recordingd --help' lists those there are"
        parser.error(f"there is no command '{argv[0]}'; {hint}")
    arguments, others = parser.parse_known_args(argv)
    if others:
        hint = f"'recordingd {arguments.command} --help' lists what there is"
        parser.error(f"unrecognized arguments: {' '.join(others)}; {hint}")
    return _guarded(lambda: _module(arguments.command).run(arguments))


def _show_next_step() -> Exit:
    sys.stdout.write(NEXT_STEP)
    return Exit.OK


def parser_for(argv: Sequence[str]) -> Parser:
    """Declare every command, and the arguments of the one that is wanted.

    Declaring takes its time, and a command that comes first is the only one that can be meant.
    """
    wanted = next((a for a in argv if a in COMMANDS), None)
    offered = [wanted] if wanted is not None and wanted == argv[0] else COMMANDS
    parser = Parser(prog="recordingd", description="Record calls by policy.")
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show the version")
    # Without a name argparse makes one by formatting a usage, which takes longer than the rest.
    commands = parser.add_subparsers(
        prog=parser.prog, dest="command", required=True, metavar="COMMAND"
    )
    for name in offered:
        help_text = COMMANDS[name]
        command = commands.add_parser(
            name, help=help_text, description=help_text.capitalize() + "."
        )
        if name == wanted and name != "emulator":
            _module(name).add_arguments(command)
    return parser


def _module(name: str) -> Command:
    module: Command = import_module(f"recordingd.cli.{name}")  # type: ignore[assignment]  # checked by a test for every name
    return module


def _guarded(command: Callable[[], Exit]) -> Exit:
    """Turn the errors that a person can do something about into one message each."""
    try:
        code = command()
        # What is still buffered may fail as well, and must do so here.
        sys.stdout.flush()
    except ConfigurationError as error:
        return _complain(Exit.INVALID, "\n".join(error.faults))
    except UnsafePlan as error:
        return _complain(Exit.GUARD_REFUSED, str(error))
    except BrokenPipeError:
        # Whoever read our output has gone, as `head` does: nothing to complain about, and what is
        # left in the buffer must not fail again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    except OSError as error:
        return _complain(Exit.FAILED, _in_words(error))
    except RecordingdError as error:
        return _complain(Exit.FAILED, str(error))
    except KeyboardInterrupt:
        return _complain(Exit.FAILED, "interrupted")
    return code


def _in_words(error: OSError) -> str:
    """Say what the system said, and of which file, without its number."""
    said = error.strerror or str(error)
    return said if error.filename is None else f"'{error.filename}': {said}"


def _complain(code: Exit, message: str) -> Exit:
    message = plainly(message)
    sys.stderr.write(f"recordingd: {message}\n" if code is not Exit.INVALID else f"{message}\n")
    return code
