"""Leaves of matchers whose facts have no way in under the settings.

Called by `config.analysis` where the settings are known. These are notes: an application may be
about to be set up, and a leaf whose facts never come is only never yes. Which fact comes by which
way is `planning.ways_in`'s to say.
"""

from __future__ import annotations

from collections.abc import Iterator

from recordingd.config.diagnostics import Findings
from recordingd.config.drafts import WaysIn
from recordingd.config.known_rules import KnownRules
from recordingd.config.matchers import place_of
from recordingd.domain.matchers import Condition, ParticipantsFit, PartyIs, Quantifier, TagIs
from recordingd.planning.overlap import Goal, leaves_in
from recordingd.planning.ways_in import Missing, WayIn, missing_of

_REMEDIES = {
    "policy/needs-events": "set ingress.webhook or ingress.storageQueue in the settings",
    "policy/needs-callbacks": "an application forwards them with a secret of signals.reporters",
    "policy/needs-signals": "an application sends them with a secret of signals.reporters",
}
_JOINING = Missing(what="who takes part", way_in=WayIn.EVENT_GRID)


def check_ways_in(known: KnownRules, ways: WaysIn, findings: Findings) -> None:
    """Note every leaf whose facts have no way in."""
    for rule, document in known.rules:
        for leaf in leaves_in(Goal(rule.match)):
            for code, needed in _needs_of(leaf, ways):
                message = f"'{leaf.path}' needs {needed}"
                findings.note(place_of(document, leaf), code, message, hint=_REMEDIES[code])


def _needs_of(leaf: Condition, ways: WaysIn) -> Iterator[tuple[str, str]]:
    missing = missing_of(leaf)
    if isinstance(leaf, ParticipantsFit) and leaf.quantifier is Quantifier.SOME:
        # Forwarded callbacks name those who join as well.
        missing = None if ways.has_reporters else _JOINING
    if missing is not None and (code := _code_of(missing.way_in, leaf, ways)) is not None:
        yield code, str(missing)
    selectors = leaf.selectors if isinstance(leaf, ParticipantsFit | PartyIs) else ()
    if not ways.has_reporters and any(selector.roles for selector in selectors):
        yield "policy/needs-signals", "roles, of which Event Grid knows only its own"


def _code_of(way: WayIn, leaf: Condition, ways: WaysIn) -> str | None:
    """Return the code of what is missing for a way in; None where it is there."""
    match way:
        case WayIn.EVENT_GRID | WayIn.INCOMING_CALL:
            return None if ways.has_events else "policy/needs-events"
        case WayIn.CALLBACKS:
            return None if ways.has_reporters else "policy/needs-callbacks"
        case WayIn.SIGNALS if isinstance(leaf, TagIs) and leaf.tag in ways.context_tags:
            # It comes with the event of the incoming call too.
            return None if ways.has_reporters or ways.has_events else "policy/needs-events"
        case WayIn.SIGNALS:
            return None if ways.has_reporters else "policy/needs-signals"
