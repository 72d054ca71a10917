"""What only shows when all documents of a tree are seen together.

Called by `config.policy_files` when every file has been read. A finding that is about two places
names both. Documents with faults of their own still count as being there, so that one mistake does
not look like many; what needs their meaning leaves them out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from recordingd.config.analysis import check_meetings, check_never_holds
from recordingd.config.api_versions import lacking
from recordingd.config.diagnostics import Findings, Place
from recordingd.config.policy_values import length_of
from recordingd.config.schema_words import did_you_mean
from recordingd.config.strict_yaml import Document, PathParts, Plain
from recordingd.domain.durations import Duration, Forever
from recordingd.domain.policies import Decision, Group, RecordingPolicy, RecordSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyContext:
    """What the settings say that policies are checked against; None where nothing is known.

    `stores` are the names of stores with their container URL (None for a directory);
    `is_container_list` says that no other container may be used. `api_version` is the one spoken
    with the service. `now` is asked for what has expired.
    """

    stores: Mapping[str, str | None] | None = None
    is_container_list: bool = False
    ceiling: Duration | Forever | None = None
    api_version: str | None = None
    now: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Draft:
    """A document on its way to a value; `is_whole` once nothing in it is wrong."""

    document: Document
    data: Plain
    policy: RecordingPolicy | None = None
    group: Group | None = None
    is_whole: bool = field(default=False)

    @property
    def name(self) -> str | None:
        """The name as it stands in the file, right or wrong."""
        raw = self.document.data
        name = raw.get("name") if isinstance(raw, dict) else None
        return name if isinstance(name, str) else None

    @property
    def kind(self) -> str | None:
        """The kind as it stands in the file, right or wrong."""
        raw = self.document.data
        kind = raw.get("kind") if isinstance(raw, dict) else None
        return kind if isinstance(kind, str) else None

    def at(self, *path: str | int) -> Place:
        """Return where a value of the document stands."""
        return self.document.at(*path)


def check_set(drafts: Sequence[Draft], context: PolicyContext, findings: Findings) -> None:
    """Report every fault between documents, and between documents and settings."""
    _check_names(drafts, findings)
    _check_groups(drafts, findings)
    _check_overrides(drafts, findings)
    for draft in drafts:
        _check_against_settings(draft, context, findings)
        _check_expiry(draft, context.now, findings)
    whole = [(d.policy, d.document) for d in drafts if d.policy is not None and d.is_whole]
    for policy, document in whole:
        check_never_holds(policy, document, findings)
    check_meetings(whole, findings)


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


# --- groups and overrides -------------------------------------------------------------------------


def _check_groups(drafts: Sequence[Draft], findings: Findings) -> None:
    known = {d.name: d for d in drafts if d.kind == "Group" and d.name is not None}
    for draft in drafts:
        for path, name in _group_names(draft.data, ()):
            if name not in known:
                hint = did_you_mean(name, known)
                findings.error(
                    draft.at(*path), "policy/unknown-group", f"unknown group '{name}'", hint=hint
                )
    for draft in known.values():
        if draft.is_whole and draft.group is not None and not draft.group.members:
            message = f"group '{draft.name}' has no members"
            findings.warning(draft.at("name"), "group/empty", message)


def _group_names(data: Plain, path: PathParts) -> Iterator[tuple[PathParts, str]]:
    """Yield every group name that a document uses, with its path."""
    for key, value in _entries(data):
        here = (*path, key)
        # A tag may be called `in`; what stands under `tags` names no groups.
        if key in {"in", "notIn"} and path[-1:] != ("tags",):
            if isinstance(value, str):
                yield here, value
            elif isinstance(value, list):
                yield from (((*here, n), v) for n, v in enumerate(value) if isinstance(v, str))
        else:
            yield from _group_names(value, here)


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


# --- settings and time ----------------------------------------------------------------------------


def _check_against_settings(draft: Draft, context: PolicyContext, findings: Findings) -> None:
    policy = draft.policy
    if policy is None:
        return
    if policy.record is not None and context.stores is not None:
        _check_archive(draft, context.stores, findings)
        _check_storage(draft, context.stores, findings)
        if context.is_container_list:
            _check_container(draft, context.stores, findings)
    if context.api_version is not None:
        _check_api_version(draft, policy, context.api_version, findings)
    floor = None if policy.retention is None else policy.retention.keep_at_least
    ceiling = context.ceiling
    if floor is not None and ceiling is not None and length_of(ceiling) < length_of(floor):
        findings.error(
            draft.at("retention", "keepAtLeast"),
            "policy/floor-above-ceiling",
            f"keepAtLeast {floor} is longer than the settings' ceiling {ceiling}",
        )


def _check_api_version(
    draft: Draft, policy: RecordingPolicy, version: str, findings: Findings
) -> None:
    for path, what, remedy in lacking(policy, version):
        message = f"the settings' acs.apiVersion {version} cannot {what}"
        findings.error(draft.at(*path), "policy/api-version", message, hint=remedy)


def _check_archive(draft: Draft, stores: Mapping[str, str | None], findings: Findings) -> None:
    archive = _record_of(draft).archive
    if archive is None:
        return
    if archive not in stores:
        place = draft.at("record", "archive", "to")
        _refuse_store(archive, place, stores, findings)


def _check_storage(draft: Draft, stores: Mapping[str, str | None], findings: Findings) -> None:
    storage = _record_of(draft).storage
    if storage is None:
        return
    place = draft.at("record", "storage", "store")
    if storage not in stores:
        _refuse_store(storage, place, stores, findings)
    elif stores[storage] is None:
        message = f"store '{storage}' is a directory; the service writes to containers only"
        findings.error(place, "policy/store-not-a-container", message)


def _refuse_store(
    name: str, place: Place, stores: Mapping[str, str | None], findings: Findings
) -> None:
    hint = did_you_mean(name, stores) or f"stores are {', '.join(stores)}"
    findings.error(place, "policy/unknown-store", f"unknown store '{name}'", hint=hint)


def _check_container(draft: Draft, stores: Mapping[str, str | None], findings: Findings) -> None:
    container = _record_of(draft).container
    if container is not None and container not in stores.values():
        named = ", ".join(url for url in stores.values() if url is not None)
        findings.error(
            draft.at("record", "storage", "container"),
            "policy/container-not-a-store",
            "this container is no store of the settings",
            hint=f"containers of the settings are {named or 'none'}",
        )


def _record_of(draft: Draft) -> RecordSpec:
    assert draft.policy is not None
    assert draft.policy.record is not None
    return draft.policy.record


def _check_expiry(draft: Draft, now: datetime | None, findings: Findings) -> None:
    policy = draft.policy
    if policy is None or policy.valid_until is None or now is None or policy.valid_until > now:
        return
    findings.warning(
        draft.at("validUntil"),
        "policy/expired",
        f"policy '{policy.name}' has not been in force since {policy.valid_until.isoformat()}",
    )
