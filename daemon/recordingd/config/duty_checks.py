"""What the settings demand of every recording, asked of the policies: consent, and being deleted.

Called by `config.analysis`. What the settings do not say is not checked. Never learns of a call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from recordingd.config.diagnostics import Findings, Place
from recordingd.config.drafts import PolicyContext
from recordingd.config.known_rules import KnownRules
from recordingd.config.retention_values import length_of
from recordingd.domain.consent import ConsentRule
from recordingd.domain.policies import RecordingPolicy, RecordSpec
from recordingd.domain.retention import RetentionRule, RetentionSpec


def check_duties(known: KnownRules, context: PolicyContext, findings: Findings) -> None:
    """Warn of recordings without a consent rule, and of deletions that a store will refuse."""
    # A rule that is left out may be the one that covers a policy.
    if context.requires_consent_rule and known.is_everything:
        _check_consent(known, findings)
    if context.immutable_for:
        _check_immutability(known, context, findings)


def _check_consent(known: KnownRules, findings: Findings) -> None:
    from recordingd.planning.duties import policies_without_consent  # few settings demand it

    documents = known.documents_by_policy()
    rules = [rule for rule, _ in known.rules if isinstance(rule, ConsentRule)]
    for policy in policies_without_consent(known.policies, rules, known.groups):
        findings.warning(
            documents[policy.name].at("name"),
            "policy/no-consent-rule",
            f"no consent rule covers every call of '{policy.name}', and the settings require one",
            hint="give it 'consent' of its own, or a ConsentRule for every call that it matches;"
            " other calls start paused and alarm",
        )


def _check_immutability(known: KnownRules, context: PolicyContext, findings: Findings) -> None:
    from recordingd.planning.duties import policies_kept_under  # few stores are immutable

    for rule, document in known.rules:
        match rule:
            case RecordingPolicy(is_observed=False, retention=RetentionSpec() as spec):
                place = document.at("retention", "deleteAfter")
                _check_deletion(spec, place, [rule], context, findings)
            case RetentionRule(is_observed=False, spec=RetentionSpec(delete_after=delete) as spec):
                if delete is not None:
                    policies = policies_kept_under(rule, known.policies, known.groups)
                    place = document.at("deleteAfter")
                    _check_deletion(spec, place, policies, context, findings)
            case _:
                pass


def _check_deletion(
    spec: RetentionSpec,
    place: Place,
    policies: Iterable[RecordingPolicy],
    context: PolicyContext,
    findings: Findings,
) -> None:
    if spec.delete_after is None:
        return
    stores = {store for p in policies if p.record for store in _stores_of(p.record, context)}
    too_long = [
        (store, context.immutable_for[store])
        for store in sorted(stores & context.immutable_for.keys())
        if length_of(context.immutable_for[store]) > length_of(spec.delete_after)
    ]
    if too_long:
        named = " and ".join(f"{length} of store '{store}'" for store, length in too_long)
        findings.warning(
            place,
            "policy/delete-before-immutability",
            f"deleteAfter {spec.delete_after} is shorter than the immutability of {named}",
            hint="files will show as blocked until the store lets them go; delete later, or keep"
            " them in another store",
        )


def _stores_of(record: RecordSpec, context: PolicyContext) -> Iterator[str]:
    """Yield the stores that files of a policy lie in, as far as they are known."""
    yield from record.copy_to
    if record.storage is not None:
        yield record.storage
    elif record.container is not None:
        stores = context.stores or {}
        yield from (name for name, url in stores.items() if url == record.container)
    elif (archive := record.archive or context.archive) is not None:
        yield archive
