"""Which fact a leaf of a matcher waits for, and which way in would tell it.

Called by `planning.explain` for leaves whose answer is not known, and for tags that nobody set.
What a leaf answers while its fact is missing is `planning.conditions`' to say.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from recordingd.domain.matchers import (
    Condition,
    DirectionIs,
    FlagField,
    FlagIs,
    ParticipantCount,
    ParticipantsFit,
    PartyField,
    PartyIs,
    TagIs,
    TextField,
    TextIs,
)


class WayIn(enum.Enum):
    """How facts come in."""

    EVENT_GRID = "eventGrid"
    INCOMING_CALL = "incomingCall"
    CALLBACKS = "callbacks"
    SIGNALS = "signals"


IN_WORDS = {
    WayIn.EVENT_GRID: "the CallStarted event of Event Grid tells it",
    WayIn.INCOMING_CALL: "the IncomingCall event of Event Grid tells it, once it is subscribed to",
    WayIn.CALLBACKS: (
        "a ParticipantsUpdated event tells it, which the application forwards to /callbacks"
    ),
    WayIn.SIGNALS: (
        "the signal recordingd.call.tagged tells it, or a header of the incoming call that the "
        "settings make a tag"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A fact that is not known, and the way in that would tell it."""

    what: str
    way_in: WayIn

    def __str__(self) -> str:
        return f"{self.what}; {IN_WORDS[self.way_in]}"


_PARTIES = {
    PartyField.FROM: Missing(what="who is calling", way_in=WayIn.INCOMING_CALL),
    PartyField.TO: Missing(what="whom the call was placed to", way_in=WayIn.INCOMING_CALL),
    PartyField.STARTED_BY: Missing(what="who started the call", way_in=WayIn.EVENT_GRID),
}
_TEXTS = {
    TextField.SERVER_CALL_ID: Missing(what="the server call id", way_in=WayIn.EVENT_GRID),
    TextField.GROUP: Missing(what="the call's group", way_in=WayIn.EVENT_GRID),
    TextField.ROOM: Missing(what="the call's room", way_in=WayIn.EVENT_GRID),
    TextField.RESOURCE: Missing(what="the call's resource", way_in=WayIn.EVENT_GRID),
}
_FLAGS = {
    FlagField.IS_TWO_PARTY: Missing(what="whether two parties call", way_in=WayIn.EVENT_GRID),
    FlagField.IS_ROOMS_CALL: Missing(what="whether it is a rooms call", way_in=WayIn.EVENT_GRID),
}
_LIST = Missing(what="the complete list of participants", way_in=WayIn.CALLBACKS)
_DIRECTION = Missing(what="which way the call was placed", way_in=WayIn.INCOMING_CALL)


def missing_of(leaf: Condition) -> Missing | None:
    """Return what a leaf waits for; None for a leaf that asks for what is known of every call."""
    match leaf:
        case PartyIs():
            return _PARTIES[leaf.field]
        case TextIs():
            return _TEXTS[leaf.field]
        case FlagIs():
            return _FLAGS[leaf.field]
        case ParticipantsFit() | ParticipantCount():
            return _LIST
        case DirectionIs():
            return _DIRECTION
        case TagIs():
            return Missing(what=f"a value of the tag '{leaf.tag}'", way_in=WayIn.SIGNALS)
        case _:
            return None
