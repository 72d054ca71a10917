"""Take a call for over whose end was never reported.

Called by `planning.planner`. An event that is lost for good would otherwise keep a call alive for
ever: its retention would never begin, and a start without an answer would never be closed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from recordingd.domain.plans import PresumeCallEnded, ReasonCode, Why
from recordingd.domain.recordings import CallFacts
from recordingd.planning.steps import NOTHING, Step, act, wait

# Longer than the service delivers an event late (24 h: delivery-and-retry, event time-to-live).
QUIET_FOR = timedelta(hours=25)


def plan_presumed_end(facts: CallFacts, now: datetime) -> Step:
    """End a live call of which nothing was heard for a day; when, is when it was last seen alive.

    A recording whose id is known is read back for as long as it runs, and that is hearing of it.
    """
    running = facts.open_recording
    is_read_back = running is not None and running.recording_id is not None
    if not facts.call.is_live or is_read_back:
        return NOTHING
    seen_at = last_seen_alive(facts)
    if now < seen_at + QUIET_FOR:
        return wait(seen_at + QUIET_FOR)
    why = Why(code=ReasonCode.NOT_HEARD_OF, text="nothing was heard of the call for a day")
    return act(PresumeCallEnded(call_id=facts.call.call_id, why=why, at=seen_at))


def last_seen_alive(facts: CallFacts) -> datetime:
    """Return the last moment at which a fact shows that the call lived."""
    moments = [facts.call.first_seen_at, facts.call.started_at, facts.call.roster_complete_at]
    for participant in facts.participants:
        moments += [participant.joined_at, participant.left_at]
    for recording in facts.recordings:
        moments += [recording.active_seen_at, recording.stopped_at, recording.accepted_at]
    moments += [consent.received_at for consent in facts.consents]
    moments += [request.received_at for request in facts.requests]
    return max(moment for moment in moments if moment is not None)
