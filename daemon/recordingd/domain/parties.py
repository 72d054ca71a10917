"""Who can be in a call: identifiers, kinds, and presence.

Apart from `domain.calls`, which offers these names as well: the readers of policies speak of
parties and never of what happens in a call.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

RawId = NewType("RawId", str)
Phone = NewType("Phone", str)


class PartyKind(enum.Enum):
    """Kinds of participants, in the service's words (CommunicationIdentifierModel, 2026-03-12)."""

    COMMUNICATION_USER = "communicationUser"
    PHONE_NUMBER = "phoneNumber"
    TEAMS_USER = "microsoftTeamsUser"
    TEAMS_APP = "microsoftTeamsApp"
    TEAMS_EXTENSION_USER = "teamsExtensionUser"
    UNKNOWN = "unknown"


class Direction(enum.Enum):
    """Which way a call was placed, seen from the resource."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Somebody or something that can be in a call, as an event names it.

    `raw_id` is the service's identifier (`8:acs:…`, `4:+1800…`); `phone` is E.164 where known;
    `role` is None unless an event or a signal says one.
    """

    raw_id: RawId
    kind: PartyKind = PartyKind.UNKNOWN
    phone: Phone | None = None
    display_name: str | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """One party's presence in a call; somebody who comes back has a second row.

    `left_at` is None while the party is in the call.
    """

    party: Party
    joined_at: datetime
    left_at: datetime | None = None

    @property
    def is_present(self) -> bool:
        """Whether the party is in the call as far as is known."""
        return self.left_at is None
