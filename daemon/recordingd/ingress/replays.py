"""Remember which events a token came with, so that it lets in no others.

Used by `receiver` for callbacks, whose tokens are new for each event and live for 5 minutes
(secure-webhook-endpoint.md). Whoever sees such a request on its way can send it again, which is
harmless, because its events are known; this keeps the token from vouching for a body of somebody
else's. Tokens of Event Grid vouch for many requests and are not remembered.

In memory only: after a restart a token of the last minutes is bound anew by its next use.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from recordingd.ingress.tokens import Token
from recordingd.ports.ledger import InboxEvent

# Above 200 new callbacks a second for the life of a token; about 16 MB. Only bearers of tokens that
# verified get in here, so a stranger cannot push others out.
TOKENS_MAX = 65_536


@dataclass(slots=True)
class TokenUses:
    """The tokens of the last minutes, the oldest first, each with what it was used for."""

    _uses: OrderedDict[bytes, tuple[bytes, float]] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._uses)

    def admits(self, token: Token, events: Sequence[InboxEvent], *, now: float) -> bool:
        """Say whether a token may bring these events, and bind it to them if it is new.

        `now` is in seconds since 1970. The same events may come again in any number of requests: a
        sender that got no answer repeats itself.
        """
        self._forget(now)
        key = hashlib.sha256(token.text.encode()).digest()
        use = _digest_of(events)
        known = self._uses.get(key)
        if known is not None:
            return known[0] == use
        self._uses[key] = (use, token.expires_at)
        return True

    def _forget(self, now: float) -> None:
        """Drop tokens that are not valid any more, in the order of arrival, and what is too much.

        Tokens live equally long, so those that arrived first expire first, or nearly so.
        """
        while self._uses:
            oldest = next(iter(self._uses))
            if self._uses[oldest][1] > now and len(self._uses) < TOKENS_MAX:
                return
            del self._uses[oldest]


def _digest_of(events: Sequence[InboxEvent]) -> bytes:
    # The whole of each event, not its id alone: the id is the sender's word, and a token that was
    # overtaken by its thief must not vouch for another content under the same id. The context is
    # the address it came to.
    parts = sorted(f"{e.context}\0{hashlib.sha256(e.body).hexdigest()}" for e in events)
    return hashlib.sha256("\n".join(parts).encode()).digest()
