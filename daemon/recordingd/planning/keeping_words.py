"""What a policy set says of how long recordings are kept, wherever it stands in its files.

Asked by whoever would have to look at everything that is kept: while the words are the same and
nothing waits, nobody has to. Knows no recording.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime

from recordingd.domain.durations import Duration, Forever
from recordingd.domain.policies import PolicySet
from recordingd.domain.retention import KeptReading
from recordingd.planning.placing import document_text


def keeping_words(policies: PolicySet, ceiling: Duration | Forever | None) -> str:
    """Return the SHA-256 of everything that decides how long recordings are kept, in hex.

    Where it stands makes no difference, except for the comments within a rule's own document.
    """
    rules = {
        rule.name: document_text(policies.texts.get(rule.source.file, ""), rule.source.line)
        for rule in policies.retention_rules
    }
    inline = {
        p.name: repr((p.retention, p.priority, p.is_observed, p.valid_from, p.valid_until))
        for p in policies.policies
    }
    groups = {group.name: sorted(map(repr, group.members)) for group in policies.groups.values()}
    places = {place.name: sorted(place.codes) for place in policies.places.values()}
    words = json.dumps([rules, inline, groups, places, str(ceiling)], sort_keys=True)
    return hashlib.sha256(words.encode()).hexdigest()


def says_nothing_new(
    policies: PolicySet,
    ceiling: Duration | Forever | None,
    *,
    since: KeptReading,
    now: datetime,
) -> bool:
    """Say whether rules leave all that is kept as it was left when it was read.

    False where something of it waits for an approved plan, and where a rule began or ended to be
    valid between.
    """
    if since.waiting or since.words != keeping_words(policies, ceiling):
        return False
    first, last = sorted((since.read_at, now))
    return not any(first < moment <= last for moment in _turns(policies))


def _turns(policies: PolicySet) -> Iterator[datetime]:
    for policy in policies.policies:
        yield from (at for at in (policy.valid_from, policy.valid_until) if at is not None)
    for rule in policies.retention_rules:
        yield from (at for at in (rule.valid_from, rule.valid_until) if at is not None)
