"""Documents of a tree against the settings beside it: stores, ceiling, callbacks, version.

Called by `config.cross_checks` for every document. What the settings do not say is not checked.
Never learns what other documents say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from recordingd.config.api_versions import lacking
from recordingd.config.diagnostics import Findings, Place
from recordingd.config.drafts import Draft, PolicyContext
from recordingd.config.retention_values import length_of
from recordingd.config.schema_words import did_you_mean
from recordingd.config.strict_yaml import PathParts
from recordingd.domain.consent import ConsentRule, ConsentSpec, Refusal, WithdrawnLive
from recordingd.domain.durations import Duration, Forever
from recordingd.domain.policies import OnFailure, RecordingPolicy, RecordSpec
from recordingd.domain.retention import RetentionRule, RetentionSpec

Stores = Mapping[str, str | None]


def check_against_settings(draft: Draft, context: PolicyContext, findings: Findings) -> None:
    """Report what a document asks for and the settings do not have."""
    policy = draft.policy
    if policy is not None and policy.record is not None and context.stores is not None:
        _check_stores(draft, policy.record, context.stores, findings)
        _check_copies(draft, policy.record, context, findings)
        if context.is_container_list:
            _check_container(draft, policy.record, context.stores, findings)
    if context.ceiling is not None:
        _check_ceiling(draft, context.ceiling, findings)
    if context.has_callbacks is False:
        _check_ends_of_calls(draft, findings)
    if context.api_version is not None and isinstance(draft.value, RecordingPolicy | ConsentRule):
        _check_api_version(draft, draft.value, context.api_version, findings)


def _check_api_version(
    draft: Draft, rule: RecordingPolicy | ConsentRule, version: str, findings: Findings
) -> None:
    for path, what, remedy in lacking(rule, version):
        message = f"the settings' acs.apiVersion {version} cannot {what}"
        findings.error(draft.at(*path), "policy/api-version", message, hint=remedy)


# --- stores ---------------------------------------------------------------------------------------


def _check_stores(draft: Draft, record: RecordSpec, stores: Stores, findings: Findings) -> None:
    if record.archive is not None and record.archive not in stores:
        place = draft.at("record", "archive", "to")
        _refuse_store(record.archive, place, stores, findings)
    if record.storage is None:
        return
    place = draft.at("record", "storage", "store")
    if record.storage not in stores:
        _refuse_store(record.storage, place, stores, findings)
    elif stores[record.storage] is None:
        message = f"store '{record.storage}' is a directory; the service writes to containers only"
        findings.error(place, "policy/store-not-a-container", message)


def _check_copies(
    draft: Draft, record: RecordSpec, context: PolicyContext, findings: Findings
) -> None:
    stores = context.stores or {}
    is_list = isinstance(draft.document.find(("record", "archive", "copyTo")).data, list)
    has_own = record.archive or record.storage or record.container
    for n, name in enumerate(record.copy_to):
        place = draft.at("record", "archive", "copyTo", *((n,) if is_list else ()))
        if name not in stores:
            _refuse_store(name, place, stores, findings)
        elif not has_own and name == context.archive:
            message = f"store '{name}' is the archive itself, by the settings"
            findings.error(place, "policy/second-copy", message)


def _refuse_store(name: str, place: Place, stores: Stores, findings: Findings) -> None:
    hint = did_you_mean(name, stores) or f"stores are {', '.join(stores)}"
    findings.error(place, "policy/unknown-store", f"unknown store '{name}'", hint=hint)


def _check_container(draft: Draft, record: RecordSpec, stores: Stores, findings: Findings) -> None:
    if record.container is not None and record.container not in stores.values():
        named = ", ".join(url for url in stores.values() if url is not None)
        findings.error(
            draft.at("record", "storage", "container"),
            "policy/container-not-a-store",
            "this container is no store of the settings",
            hint=f"containers of the settings are {named or 'none'}",
        )


# --- retention ------------------------------------------------------------------------------------


def _check_ceiling(draft: Draft, ceiling: Duration | Forever, findings: Findings) -> None:
    found = _retention_of(draft)
    if found is None:
        return
    path, spec = found
    floor = spec.keep_at_least
    if floor is not None and length_of(ceiling) < length_of(floor):
        findings.error(
            draft.at(*path, "keepAtLeast"),
            "policy/floor-above-ceiling",
            f"keepAtLeast {floor} is longer than the settings' ceiling {ceiling}",
        )


def _retention_of(draft: Draft) -> tuple[PathParts, RetentionSpec] | None:
    value = draft.value
    if isinstance(value, RetentionRule):
        return (), value.spec
    if isinstance(value, RecordingPolicy) and value.retention is not None:
        return ("retention",), value.retention
    return None


# --- ending calls ---------------------------------------------------------------------------------


def _check_ends_of_calls(draft: Draft, findings: Findings) -> None:
    for path in _ends_of_calls(draft):
        findings.error(
            draft.at(*path),
            "policy/end-call-needs-callbacks",
            "a call can be ended only where the service's callbacks tell its connection",
            hint="set ingress.callbacks and publicUrl in the settings, or choose another outcome",
        )


def _ends_of_calls(draft: Draft) -> Iterator[PathParts]:
    value = draft.value
    if isinstance(value, RecordingPolicy):
        if value.on_failure is OnFailure.END_CALL:
            yield ("onFailure",)
        if value.consent is not None:
            yield from _ends_in(value.consent, ("consent", "outcomes"))
    elif isinstance(value, ConsentRule):
        yield from _ends_in(value.spec, ("outcomes",))


def _ends_in(spec: ConsentSpec, path: PathParts) -> Iterator[PathParts]:
    if spec.denied is Refusal.END_CALL:
        yield (*path, "denied")
    if spec.no_response is Refusal.END_CALL:
        yield (*path, "noResponse")
    if spec.withdrawn_live is WithdrawnLive.END_CALL:
        yield (*path, "withdrawn", "live")
