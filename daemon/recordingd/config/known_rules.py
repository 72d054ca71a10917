"""The rules of a tree whose meaning is known, with the documents that they stand in.

Made once per check by `config.analysis` and handed to the checks beside it. A rule with a fault,
and one that names a group that is missing or has a fault, is left out: nobody knows what it means,
and one mistake must not look like many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recordingd.config.drafts import Draft
from recordingd.config.strict_yaml import Document
from recordingd.domain.consent import ConsentRule
from recordingd.domain.holds import LegalHold
from recordingd.domain.matchers import ParticipantsFit, PartyIs
from recordingd.domain.pauses import PauseRule
from recordingd.domain.policies import Group, PolicyName, RecordingPolicy
from recordingd.domain.retention import RetentionRule
from recordingd.planning.overlap import Goal, leaves_in
from recordingd.planning.selectors import Groups

Rule = RecordingPolicy | ConsentRule | PauseRule | RetentionRule | LegalHold


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRules:
    """Every rule that is known, by file and place, and the groups that they name.

    `is_everything` says that no rule was left out.
    """

    rules: Sequence[tuple[Rule, Document]]
    groups: Groups
    is_everything: bool

    @classmethod
    def of(cls, drafts: Sequence[Draft]) -> KnownRules:
        """Pick the rules that are known from the documents of a tree."""
        whole = [draft for draft in drafts if draft.is_whole]
        groups = Groups({d.value.name: d.value for d in whole if isinstance(d.value, Group)})
        written = [draft for draft in drafts if draft.kind not in _NO_RULES]
        rules = [
            (draft.value, draft.document)
            for draft in written
            if draft.is_whole and isinstance(draft.value, Rule) and _is_known(draft.value, groups)
        ]
        return cls(rules=rules, groups=groups, is_everything=len(rules) == len(written))

    @property
    def policies(self) -> list[RecordingPolicy]:
        """The recording policies among them, of each name one: two are a fault by themselves."""
        return list({r.name: r for r, _ in self.rules if isinstance(r, RecordingPolicy)}.values())

    def documents_by_policy(self) -> dict[PolicyName, Document]:
        """Return the documents of these recording policies, by name."""
        return {r.name: document for r, document in self.rules if isinstance(r, RecordingPolicy)}


_NO_RULES = frozenset({"Group", "Places", "PolicyTest"})


def _is_known(rule: Rule, groups: Groups) -> bool:
    return all(
        groups.knows(selector)
        for leaf in leaves_in(Goal(rule.match))
        if isinstance(leaf, PartyIs | ParticipantsFit)
        for selector in leaf.selectors
    )
