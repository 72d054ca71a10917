"""`recordingd apply PLANFILE`: approve what a saved plan would let go earlier than was promised.

Writes one approval, through the running daemon or, where none runs, into the ledger; only the
daemon acts on it. A plan that does not hold any more is refused.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from recordingd.cli.exits import Exit
from recordingd.cli.options import add_config, add_format, counted, print_json, settings_path
from recordingd.cli.reading import reading
from recordingd.cli.steering import Steer, steer
from recordingd.cli.tables import to_seconds
from recordingd.cli.terminal import counting
from recordingd.config.policy_files import load_policies
from recordingd.config.saved_plans import read_saved_plan
from recordingd.config.settings import Settings, load_settings
from recordingd.config.validation import context_of
from recordingd.domain.errors import ConfigurationError
from recordingd.planning.rendering import PrintedPlan
from recordingd.planning.saved_plans import SavedPlan, staleness
from recordingd.runtime.control import Answer
from recordingd.runtime.foresight import Foresight

RELOAD = "recordingd reload"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("plan", type=Path, metavar="PLANFILE", help="what 'plan -o' wrote")
    parser.add_argument(
        "--reason", default="", metavar="TEXT", help="why, for others to read beside the approval"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask whether this is meant")
    add_config(parser)
    add_format(parser)


class _Refused(Exception):
    """Nothing was approved; the errors say why."""

    def __init__(self, code: Exit, *errors: str) -> None:
        super().__init__(*errors)
        self.code = code
        self.errors = errors


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """A saved plan beside what would happen now; `running` is the digest in force, if any is."""

    saved: SavedPlan
    current: PrintedPlan
    running: str | None

    @property
    def gone(self) -> int:
        """How many recordings of the plan need no approval any more."""
        return len(self.saved.candidates) - len(self.current.candidates)

    @property
    def next_step(self) -> str | None:
        """What takes the approved policies into force; None when they are."""
        return None if self.running == self.saved.policy_digest else RELOAD


def run(arguments: argparse.Namespace) -> Exit:
    """Hold the plan against what would happen now, and approve what is left of it."""
    settings = load_settings(settings_path(arguments))
    try:
        look = _look(settings, arguments.plan)
        if not look.current.candidates:
            return _show(look, {"ok": True, "exitCode": Exit.OK, "approval": None}, arguments)
        if not arguments.yes:
            _ask(look)
        answer = _approve(settings, look, arguments.reason)
        return answer if isinstance(answer, Exit) else _show(look, answer, arguments)
    except _Refused as refused:
        return _tell(refused, arguments.format)


def _look(settings: Settings, path: Path) -> _Look:
    """Read the plan and make it anew; _Refused where it must not be approved."""
    try:
        saved = read_saved_plan(path)
    except ConfigurationError as fault:
        raise _Refused(Exit.INVALID, *fault.faults) from None
    with reading(settings) as view, counting("calls looked at") as count:
        foresight = Foresight(
            ledger=view.ledger,
            settings=settings,
            policies=load_policies(settings.policies, context_of(settings, view.now)),
            now=view.now,
            horizon=view.now,
            seen=lambda _: count(),
        )
        running = view.ledger.latest_revision()
        current = foresight.plan()
    reasons = [f"{path} is stale: {reason}" for reason in staleness(saved, current)]
    if reasons:
        again = "look at it again with 'recordingd plan -o'"
        raise _Refused(Exit.PLAN_STALE, *reasons, again)
    if current.locked:
        taken_back = (line.why.text for line in current.locked)
        so = "no approval lifts a lock, and a reload refuses these files"
        raise _Refused(Exit.GUARD_REFUSED, *taken_back, so)
    return _Look(saved=saved, current=current, running=None if running is None else running.digest)


def _approve(settings: Settings, look: _Look, reason: str) -> Answer | Exit:
    """Return the good answer, or the exit code once it was told why there is none."""
    body = {
        "planDigest": look.saved.plan_digest,
        "policyDigest": look.saved.policy_digest,
        "ledgerGeneration": look.saved.purge_generation,
        "recordings": list(look.current.candidates),
        "reason": reason,
    }
    answer = steer(settings, Steer.APPROVE, body)
    if not isinstance(answer, Exit) and not answer["ok"]:
        raise _Refused(Exit(answer["exitCode"]), *answer["errors"])
    return answer


def _ask(look: _Look) -> None:
    """Ask on a terminal; elsewhere nobody can answer, so that it takes --yes."""
    what = f"{counted(len(look.current.candidates), 'recording')} may then go earlier{_gone(look)}"
    if not sys.stdin.isatty():
        error = f"{what}; confirm it with --yes, since nobody can be asked here"
        raise _Refused(Exit.USAGE, error)
    sys.stderr.write(f"{what}. Type 'yes' to approve it: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip() != "yes":
        raise _Refused(Exit.FAILED, "nothing was approved")


# --- in text and JSON -----------------------------------------------------------------------------


def _show(look: _Look, answer: Answer, arguments: argparse.Namespace) -> Exit:
    made = answer["approval"]
    next_step = look.next_step if made is not None else None
    if arguments.format == "json":
        print_json({**answer, "gone": look.gone, "next": next_step})
        return Exit.OK
    if made is None:
        is_left = "is left of it" if look.saved.candidates else "is in it"
        sys.stdout.write(f"{arguments.plan}: nothing {is_left} that needs an approval\n")
        return Exit.OK
    sys.stdout.write(
        f"{counted(len(made['recordings']), 'recording')} may go earlier under policies"
        f" {look.saved.policy_digest[:12]}, if that is done by {to_seconds(made['expiresAt'])}"
        f"{_gone(look)}\n"
    )
    if next_step is not None:
        sys.stdout.write(f"next: {next_step}, which takes these policies into force\n")
    return Exit.OK


def _gone(look: _Look) -> str:
    return f"; {look.gone} more of the plan need it no longer" if look.gone else ""


def _tell(refused: _Refused, form: str) -> Exit:
    if form == "json":
        print_json({"ok": False, "exitCode": refused.code, "errors": list(refused.errors)})
        return refused.code
    for error in refused.errors:
        sys.stderr.write(f"recordingd: {error}\n")
    return refused.code
