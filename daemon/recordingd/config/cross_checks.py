"""What only shows when all documents of a tree are seen together.

Called by `config.policy_files` when every file has been read. A finding that is about two places
names both. Documents with faults of their own still count as being there, so that one mistake does
not look like many; what needs their meaning leaves them out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from recordingd.config.diagnostics import Findings
from recordingd.config.drafts import Draft, PolicyContext
from recordingd.config.place_codes import is_place_code, place_code_hint
from recordingd.config.plain_trees import is_plain
from recordingd.config.policy_support import check_effects
from recordingd.config.policy_test_checks import check_tests
from recordingd.config.schema_words import did_you_mean
from recordingd.config.settings_checks import check_against_settings
from recordingd.config.strict_yaml import PathParts, Plain
from recordingd.domain.consent import ConsentRule
from recordingd.domain.holds import LegalHold
from recordingd.domain.pauses import PauseRule
from recordingd.domain.places import UNKNOWN_PLACE
from recordingd.domain.policies import Decision, Group, RecordingPolicy
from recordingd.domain.retention import RetentionRule

# Mappings whose keys people choose: what stands under them is no selector.
_FREE_KEYS = frozenset({"tags", "prompts"})


def check_set(drafts: Sequence[Draft], context: PolicyContext, findings: Findings) -> None:
    """Report every fault between documents, and between documents and settings."""
    _check_names(drafts, findings)
    _check_groups(drafts, findings)
    _check_places(drafts, findings)
    _check_overrides(drafts, findings)
    check_tests(drafts, findings)
    for draft in drafts:
        before = findings.error_count
        check_against_settings(draft, context, findings)
        # A document that cannot be used at all has no effect to speak of.
        if draft.is_whole and findings.error_count == before:
            check_effects(draft, findings)
        if context.now is not None:
            _check_expiry(draft, context.now, findings)
            _check_hold(draft, context.now, findings)
    if not is_plain(drafts, context):
        # Loads everything that can prove something of matchers.
        from recordingd.config.analysis import analyse

        analyse(drafts, context, findings)


def _check_names(drafts: Sequence[Draft], findings: Findings) -> None:
    seen: dict[tuple[str | None, str], Draft] = {}
    for draft in drafts:
        if draft.name is None:
            continue
        first = seen.setdefault((draft.kind, draft.name), draft)
        if first is not draft:
            findings.error(
                draft.at("name"),
                "policy/duplicate-name",
                f"there is another {draft.kind} named '{draft.name}'",
                related=(first.at("name").related("the other one"),),
            )


# --- groups, places and overrides -----------------------------------------------------------------


def _check_groups(drafts: Sequence[Draft], findings: Findings) -> None:
    known = {d.name: d for d in drafts if d.kind == "Group" and d.name is not None}
    for draft, path, name in _uses(drafts, frozenset({"in", "notIn"})):
        if name not in known:
            hint = did_you_mean(name, known)
            message = f"unknown group '{name}'"
            findings.error(draft.at(*path), "policy/unknown-group", message, hint=hint)
    for draft in known.values():
        if draft.is_whole and isinstance(draft.value, Group) and not draft.value.members:
            message = f"group '{draft.name}' has no members"
            findings.warning(draft.at("name"), "group/empty", message)


def _check_places(drafts: Sequence[Draft], findings: Findings) -> None:
    known = [d.name for d in drafts if d.kind == "Places" and d.name is not None]
    known.append(UNKNOWN_PLACE)
    for draft, path, name in _uses(drafts, frozenset({"place"})):
        if name in known or is_place_code(name):
            continue
        code = place_code_hint(name)
        hint = f"did you mean '{code}'?" if code is not None else did_you_mean(name, known)
        findings.error(
            draft.at(*path),
            "policy/unknown-place",
            f"unknown place '{name}'",
            hint=hint or "write the name of a Places document, a code like DE or US-CA, or unknown",
        )


def _uses(drafts: Sequence[Draft], keys: frozenset[str]) -> Iterator[tuple[Draft, PathParts, str]]:
    """Yield every name that a selector uses under one of some keys, with its path."""
    for draft in drafts:
        # A test names people, and selects none.
        if draft.kind != "PolicyTest":
            for path, name in _names_under(draft.data, keys, ()):
                yield draft, path, name


def _names_under(
    data: Plain, keys: frozenset[str], path: PathParts
) -> Iterator[tuple[PathParts, str]]:
    for key, value in _entries(data):
        here = (*path, key)
        if key in keys and not _FREE_KEYS.intersection(path[-1:]):
            if isinstance(value, str):
                yield here, value
            elif isinstance(value, list):
                yield from (((*here, n), v) for n, v in enumerate(value) if isinstance(v, str))
        else:
            yield from _names_under(value, keys, here)


def _entries(data: Plain) -> Iterable[tuple[str | int, Plain]]:
    if isinstance(data, dict):
        return data.items()
    return enumerate(data) if isinstance(data, list) else ()


def _check_overrides(drafts: Sequence[Draft], findings: Findings) -> None:
    known = {d.name: d for d in drafts if d.kind == "RecordingPolicy" and d.name is not None}
    for draft in drafts:
        names = draft.policy.overrides if draft.policy is not None else ()
        is_list = isinstance(draft.document.data.get("overrides"), list) if names else False
        for n, name in enumerate(names):
            place = draft.at("overrides", n) if is_list else draft.at("overrides")
            target = known.get(name)
            if target is None:
                hint = did_you_mean(name, known)
                message = f"unknown policy '{name}'"
                findings.error(place, "policy/unknown-override", message, hint=hint)
            elif target.policy is not None and target.policy.decision is not Decision.FORBID:
                findings.error(
                    place,
                    "policy/override-no-forbid",
                    f"policy '{name}' does not forbid, and cannot be overridden",
                    related=(
                        target.at("name").related(f"decision {target.policy.decision.value}"),
                    ),
                )


# --- time -----------------------------------------------------------------------------------------


def _check_expiry(draft: Draft, now: datetime, findings: Findings) -> None:
    rule = draft.value
    if not isinstance(rule, RecordingPolicy | ConsentRule | PauseRule | RetentionRule):
        return
    end = rule.valid_until
    if end is not None and end <= now:
        what = "policy" if isinstance(rule, RecordingPolicy) else draft.kind
        findings.warning(
            draft.at("validUntil"),
            "policy/expired",
            f"{what} '{rule.name}' has not been in force since {end.isoformat()}",
        )


def _check_hold(draft: Draft, now: datetime, findings: Findings) -> None:
    hold = draft.value
    if not isinstance(hold, LegalHold):
        return
    if hold.released is not None and hold.released.at <= now:
        findings.warning(
            draft.key_at("released"),
            "policy/released",
            f"hold '{hold.name}' was released at {hold.released.at.isoformat()} by"
            f" {hold.released.by}, and holds nothing any more",
            hint="remove the document once a daemon has loaded it like this",
        )
    elif hold.review_by is not None and hold.review_by < now.date():
        findings.warning(
            draft.at("reviewBy"),
            "policy/review-lapsed",
            f"hold '{hold.name}' should have been reviewed by {hold.review_by.isoformat()}",
            hint="it stays in force; review it, then set a new date or release it",
        )
