"""What is said of a call beside what the service reports of it: who rings, tags, roles, moments.

Used by `planning.facts`, which folds events one by one. A value that was true once stays known:
retention and holds are asked of everything that ever was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from recordingd.domain.calls import Call, CallTagged, Direction, IncomingCall, MomentTold


def rung(call: Call, event: IncomingCall, tag_headers: Mapping[str, str]) -> Call:
    """Note a ring, and the tags that its headers become (tag -> header)."""
    headers = {name.lower(): value for name, value in event.context.items()}
    tags = {t: headers[h.lower()] for t, h in tag_headers.items() if h.lower() in headers}
    known = replace(
        call,
        direction=Direction.INCOMING,
        from_party=call.from_party or event.from_party,
        to_party=call.to_party or event.to_party,
        resource=call.resource or event.resource,
    )
    # The caller writes the headers, so what an application said already wins.
    return _with_tags(known, {**tags, **call.tags}, replaced=tags)


def tagged(call: Call, event: CallTagged) -> Call:
    """Note tags and roles; new ones replace what was said before."""
    known = _with_tags(call, {**call.tags, **event.tags}, replaced=call.tags)
    return replace(known, roles={**call.roles, **event.roles})


def _with_tags(call: Call, tags: Mapping[str, str], *, replaced: Mapping[str, str]) -> Call:
    """Set the tags of a call; values that others take the place of stay known as past ones."""
    past = dict(call.past_tags)
    for tag, value in replaced.items():
        if tags[tag] != value and value not in past.get(tag, ()):
            past[tag] = (*past.get(tag, ()), value)
    return replace(call, tags=tags, past_tags=past)


def moment_told(call: Call, event: MomentTold) -> Call:
    """Note a named moment; of several tellings the latest moment counts, so that none shortens."""
    known = call.moments.get(event.name)
    moment = event.moment if known is None else max(known, event.moment)
    return replace(call, moments={**call.moments, event.name: moment})
