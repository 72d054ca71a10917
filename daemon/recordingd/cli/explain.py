"""`recordingd explain`: why a call is recorded or not, policy by policy and leaf by leaf.

Looks at a call of the ledger, read without a way to write, or at events in a file, for which no
ledger and no secret is needed. Decides by the policy files, as `plan` does, or by a revision.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from recordingd.cli.exits import Exit
from recordingd.cli.options import (
    add_config,
    add_format,
    moment,
    positive_number,
    print_json,
    settings_path,
)
from recordingd.cli.origins import (
    NotThere,
    Origin,
    from_files,
    from_revision,
    revision_in_words,
    running_json,
)
from recordingd.cli.reading import reading
from recordingd.cli.terminal import plainly
from recordingd.config.schema_words import did_you_mean
from recordingd.config.settings import Settings, load_settings
from recordingd.domain.errors import ConfigurationError, LedgerFault, LedgerMissing
from recordingd.domain.plans import Mode
from recordingd.domain.policies import StoreName
from recordingd.domain.recordings import CallFacts
from recordingd.planning.context import PlanningContext
from recordingd.planning.explain import explain
from recordingd.planning.explain_json import explained_json
from recordingd.planning.explain_rules import explain_rules
from recordingd.planning.explain_text import explained_text
from recordingd.planning.explained import Expected, Explained, made_of, why_not
from recordingd.planning.matching import compile_policies
from recordingd.ports.ledger import Ledger, PolicyRevision
from recordingd.runtime.circumstances import (
    Circumstances,
    planning_context,
    read_circumstances,
)
from recordingd.runtime.first_sight import Ears, call_of_events
from recordingd.runtime.system import SystemClock

NO_POLICY = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """A call, and what it is decided under.

    `running` is the revision in force; `unread` says why it is not known, where it is not.
    """

    facts: CallFacts
    at: datetime
    origin: Origin
    context: PlanningContext
    running: PolicyRevision | None
    unread: str | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--call", metavar="ID", help="a call of the ledger: its server call id, ours, or a prefix"
    )
    what.add_argument(
        "--event", metavar="FILE", help="an event or an array of them in JSON; - for the input"
    )
    parser.add_argument(
        "--why-not", metavar="NAME", help="say why this policy does not win, or this rule not fit"
    )
    parser.add_argument(
        "--expect",
        metavar="POLICY",
        help=f"exit with 4 unless this policy wins; '{NO_POLICY}' for no policy",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--policies", type=Path, metavar="DIR", help="decide by these instead of the settings'"
    )
    which.add_argument(
        "--revision",
        type=positive_number,
        metavar="N",
        help="decide by an accepted revision instead of the files",
    )
    parser.add_argument(
        "--at", type=moment, metavar="TIME", help="as of a time (RFC 3339) instead of now"
    )
    add_config(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> Exit:
    """Explain; exit with 4 when another policy wins than was expected."""
    scene = _scene(arguments)
    decision = explain(scene.facts, scene.context, scene.at)
    policies = scene.context.policies
    winner = None if decision.policy is None else policies.by_name(decision.policy)
    others = explain_rules(scene.facts, winner, scene.context, scene.at)
    told = Explained(decision=decision, others=others, made=made_of(scene.facts))
    names = [*(vote.policy for vote in decision.votes), *(rule.name for rule in others.rules)]
    asked = arguments.why_not
    reason = None if asked is None else why_not(decision, others, asked)
    if asked is not None and reason is None:
        return _complain(f"no policy or rule is named '{asked}'", did_you_mean(asked, names))
    expected = _expected(arguments.expect, told)
    told = replace(told, why_not=reason, expected=expected)
    _print(scene, told, as_json=arguments.format == "json")
    if expected is None or expected.is_met:
        return Exit.OK
    if expected.policy is not None and expected.policy not in names:
        hint = did_you_mean(expected.policy, names)
        _complain(f"no policy is named '{expected.policy}'", hint)
    return Exit.TEST_FAILED


def _expected(wanted: str | None, told: Explained) -> Expected | None:
    """Compare with what holds when nothing more is told: while in doubt, nothing has won yet."""
    if wanted is None:
        return None
    policy = None if wanted == NO_POLICY else wanted
    return Expected(policy=policy, is_met=told.decision.final_policy == policy)


def _complain(message: str, hint: str | None) -> Exit:
    sys.stderr.write(f"recordingd: {message}{'' if hint is None else f'; {hint}'}\n")
    return Exit.USAGE


def _print(scene: _Scene, told: Explained, *, as_json: bool) -> None:
    if as_json:
        origin = {"policies": scene.origin.as_json(), "running": running_json(scene.running)}
        print_json({**explained_json(told), **origin})
        return
    running = revision_in_words(scene.running) if scene.unread is None else scene.unread
    sys.stdout.write(f"policies: {scene.origin}\nrunning:  {running}\n\n")
    sys.stdout.write(plainly(explained_text(told)) + "\n")


# --- what is looked at ----------------------------------------------------------------------------


def _scene(arguments: argparse.Namespace) -> _Scene:
    if arguments.call is not None:
        return _scene_of_call(arguments, load_settings(settings_path(arguments)))
    return _scene_of_events(arguments, _settings_if_any(arguments))


def _settings_if_any(arguments: argparse.Namespace) -> Settings | None:
    """Load the settings; a tree of policies that is named can do without any."""
    try:
        path = settings_path(arguments)
    except ConfigurationError:
        if arguments.policies is None:
            raise
        return None
    return load_settings(path)


def _scene_of_call(arguments: argparse.Namespace, settings: Settings) -> _Scene:
    with reading(settings) as view:
        at = arguments.at or view.now
        facts = _find_call(view.ledger, arguments.call)
        origin = _origin(arguments, settings, view.ledger, at)
        return _Scene(
            facts=facts,
            at=at,
            origin=origin,
            context=_context(settings, origin, view.ledger, at),
            running=view.ledger.latest_revision(),
        )


def _find_call(ledger: Ledger, prefix: str) -> CallFacts:
    found = ledger.find_calls(prefix)
    if len(found) != 1:
        known = f"several calls' ids start with '{prefix}': {', '.join(found)}"
        msg = known if found else f"no call's id starts with '{prefix}'"
        raise NotThere(msg)
    facts = ledger.load(found[0])
    assert facts is not None, "a call is found by its id"
    return facts


def _scene_of_events(arguments: argparse.Namespace, settings: Settings | None) -> _Scene:
    ears = Ears()
    if settings is not None:
        ears = Ears(
            tag_headers=settings.tags_from_context, service_retention=settings.service_retention
        )
    now = SystemClock().now_utc()
    seen = call_of_events(_read(arguments.event), ears, at=arguments.at, now=now)
    for name in seen.ignored:
        sys.stderr.write(f"recordingd: {name} tells nothing about recordings\n")
    with _ledger_if_any(settings, is_needed=arguments.revision is not None) as (ledger, unread):
        origin = _origin(arguments, settings, ledger, seen.at)
        return _Scene(
            facts=seen.facts,
            at=seen.at,
            origin=origin,
            context=_context(settings, origin, ledger, seen.at),
            running=None if ledger is None else ledger.latest_revision(),
            unread=unread,
        )


@contextmanager
def _ledger_if_any(
    settings: Settings | None, *, is_needed: bool
) -> Iterator[tuple[Ledger | None, str | None]]:
    """Open the ledger, or say why it cannot be read; None twice where there is none."""
    unread = None
    with ExitStack() as stack:
        view = None
        try:
            view = None if settings is None else stack.enter_context(reading(settings))
        except LedgerFault as fault:
            if is_needed:
                raise
            unread = None if isinstance(fault, LedgerMissing) else f"not known: {fault}"
        yield None if view is None else view.ledger, unread


def _read(name: str) -> bytes:
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def _origin(
    arguments: argparse.Namespace, settings: Settings | None, ledger: Ledger | None, at: datetime
) -> Origin:
    if arguments.revision is None:
        return from_files(settings, arguments.policies, at)
    revision = None if ledger is None else ledger.revision(arguments.revision)
    if revision is None:
        msg = f"there is no revision {arguments.revision}"
        raise NotThere(msg)
    return from_revision(revision)


def _context(
    settings: Settings | None, origin: Origin, ledger: Ledger | None, at: datetime
) -> PlanningContext:
    compiled = compile_policies(origin.policies)
    number = 0 if origin.revision is None else origin.revision.revision
    if settings is None:
        archive = StoreName("main")
        return PlanningContext(
            policies=compiled, revision=number, mode=Mode.OBSERVE, archive=archive
        )
    circumstances = Circumstances()
    if ledger is not None:
        circumstances = read_circumstances(ledger, origin.policies, settings, now=at)
    return planning_context(settings, compiled, number, circumstances=circumstances, now=at)
