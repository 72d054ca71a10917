"""Consent as policies and rules of their own state it.

Called by `config.policy_files` for a ConsentRule and by `config.policy_values` for what a policy
says inline. What is not written is None: no opinion, which is not the same as the default. Faults
across the fields of one body are found here. Never learns who answered what.
"""

from __future__ import annotations

import enum
from typing import TypeVar

from recordingd.config.diagnostics import Findings
from recordingd.config.heads import refuse_fields, source_of, validity
from recordingd.config.matchers import MatchReader, read_selectors
from recordingd.config.schema_words import did_you_mean
from recordingd.config.strict_yaml import Document, PathParts, Plain
from recordingd.domain.consent import (
    Ask,
    AskedBy,
    BeforeDecision,
    ConsentMode,
    ConsentRule,
    ConsentSpec,
    LateJoin,
    Parties,
    Refusal,
    Satisfaction,
    WithdrawnKept,
    WithdrawnLive,
)
from recordingd.domain.durations import parse_duration, parse_finite_duration
from recordingd.domain.matchers import RuleName, Selector

Word = TypeVar("Word", bound=enum.Enum)

_OF_THE_DAEMON = ("prompts", "language", "accept", "reject")
_NEEDED_BY_THE_DAEMON = ("prompts", "accept", "reject")


def read_consent_rule(document: Document, data: Plain, findings: Findings) -> ConsentRule | None:
    """Build a consent rule from its document; None where its mode is not known."""
    name = RuleName(data["name"])
    valid_from, valid_until = validity(document, data, findings)
    spec = consent_spec(document, data, findings)
    if spec is None:
        return None
    return ConsentRule(
        name=name,
        source=source_of(document),
        match=MatchReader(document, salt=name).read(data.get("match", {})),
        spec=spec,
        purpose=data.get("purpose", "recording"),
        description=data.get("description"),
        is_observed=data.get("observe", False),
        valid_from=valid_from,
        valid_until=valid_until,
    )


def consent_spec(
    document: Document, data: Plain, findings: Findings, *, path: PathParts = ()
) -> ConsentSpec | None:
    """Build the body of a rule that stands at a path of a document; None without a mode."""
    ask = _ask(document, data.get("ask"), findings, path=(*path, "ask"))
    if "mode" not in data:
        return None
    outcomes = data.get("outcomes", {})
    withdrawn = outcomes.get("withdrawn", {})
    timeout, keep = data.get("timeout"), data.get("evidence", {}).get("keep")
    no_response = outcomes.get("noResponse", "sameAsDenied")
    return ConsentSpec(
        mode=ConsentMode(data["mode"]),
        parties=_parties(data.get("parties")),
        satisfied_by=_satisfied_by(data.get("satisfiedBy")),
        before_decision=_member(BeforeDecision, data.get("beforeDecision")),
        timeout=None if timeout is None else parse_finite_duration(timeout),
        ask=ask,
        denied=_member(Refusal, outcomes.get("denied")),
        no_response=None if no_response == "sameAsDenied" else Refusal(no_response),
        late_join=_member(LateJoin, outcomes.get("lateJoin")),
        withdrawn_live=_member(WithdrawnLive, withdrawn.get("live")),
        withdrawn_kept=_member(WithdrawnKept, withdrawn.get("kept")),
        evidence_keep=None if keep is None else parse_duration(keep),
    )


def _parties(value: Plain) -> Parties | tuple[Selector, ...] | None:
    if value is None:
        return None
    # A list that lost every faulty entry asks nobody; the faults are reported already.
    return Parties(value) if isinstance(value, str) else read_selectors(value)


def _satisfied_by(value: Plain) -> frozenset[Satisfaction] | None:
    if value is None:
        return None
    return frozenset(Satisfaction(v) for v in ([value] if isinstance(value, str) else value))


def _member(kind: type[Word], value: str | None) -> Word | None:
    return None if value is None else kind(value)


# --- asking ---------------------------------------------------------------------------------------


def _ask(document: Document, data: Plain, findings: Findings, *, path: PathParts) -> Ask | None:
    if data is None or "by" not in data:
        return None
    by = AskedBy(data["by"])
    if by is AskedBy.APPLICATION:
        why = "has no meaning where the application asks"
        refuse_fields(document, path, _OF_THE_DAEMON, why, findings)
        return Ask(by=by)
    _check_complete(document, findings, path=path)
    _check_keys_differ(document, data, findings, path=path)
    prompts = data.get("prompts", {})
    return Ask(
        by=by,
        prompts=dict(prompts),
        language_tag=data.get("language", {}).get("tag"),
        default_language=_default_language(document, data, findings, path=path),
        accept=data.get("accept", {}).get("dtmf"),
        reject=data.get("reject", {}).get("dtmf"),
    )


def _check_complete(document: Document, findings: Findings, *, path: PathParts) -> None:
    written = document.find(path).data
    missing = [f"'{field}'" for field in _NEEDED_BY_THE_DAEMON if field not in written]
    if missing:
        findings.error(
            document.at(*path, "by"),
            "policy/ask-incomplete",
            f"ask: {{by: daemon}} needs {' and '.join(missing)} as well",
            hint='prompts: {en: prompts/en.wav}, accept: {dtmf: "1"}, reject: {dtmf: "2"}',
        )


def _check_keys_differ(
    document: Document, data: Plain, findings: Findings, *, path: PathParts
) -> None:
    accept, reject = (data.get(key, {}).get("dtmf") for key in ("accept", "reject"))
    if accept is not None and accept == reject:
        place = document.at(*path, "accept", "dtmf")
        findings.error(
            document.at(*path, "reject", "dtmf"),
            "policy/same-key",
            f"key {reject} agrees and refuses",
            related=(place.related("what agrees"),),
        )


def _default_language(
    document: Document, data: Plain, findings: Findings, *, path: PathParts
) -> str | None:
    """Return the language of calls that name none: the one written, or the only one there is."""
    prompts = document.find((*path, "prompts")).data if "prompts" in data else {}
    default: str | None = data.get("language", {}).get("default")
    if default is None:
        if len(prompts) > 1:
            findings.error(
                document.key_at(*path, "prompts"),
                "policy/no-default-language",
                "with several prompts 'language' must say which is played by default",
                hint=f"language: {{default: {min(prompts)}}}",
            )
        return min(prompts, default=None)
    if prompts and default not in prompts:
        findings.error(
            document.at(*path, "language", "default"),
            "policy/unknown-language",
            f"there is no prompt in '{default}'",
            hint=did_you_mean(default, prompts) or f"prompts are in {', '.join(prompts)}",
        )
    return default
