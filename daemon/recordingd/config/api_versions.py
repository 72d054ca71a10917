"""What older versions of the Call Automation API cannot do, and which policies ask for it.

Called by `config.settings_checks`; `runtime` asks whether a recording can be started in silence.
Older versions ignore what they do not know, so a request for it would look as if it had worked.
Never learns how a request is made.
"""

from __future__ import annotations

from collections.abc import Iterator

from recordingd.domain.consent import BeforeDecision, ConsentMode, ConsentRule, ConsentSpec
from recordingd.domain.policies import RecordingPolicy

# pauseOnStart and externalStorage came with this version (specification of Call Automation,
# 2024-04-15; version 2023-10-15 has neither). All other fields of a start are older.
_RICHER_SINCE = "2024-04-15"
_SILENCE = "start a recording in silence until everybody has answered"


def can_start_paused(version: str) -> bool:
    """Say whether a recording can be started in silence."""
    return version >= _RICHER_SINCE


def lacking(
    rule: RecordingPolicy | ConsentRule, version: str
) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Yield what a rule needs and a version lacks: where it stands, what it is, and the remedy.

    Paths are those of the rule's document.
    """
    if version >= _RICHER_SINCE:
        return
    remedy = f"set acs.apiVersion to {_RICHER_SINCE} or a later one"
    if isinstance(rule, ConsentRule):
        if _starts_in_silence(rule.spec):
            yield ("mode",), _SILENCE, remedy
        return
    if rule.consent is not None and _starts_in_silence(rule.consent):
        yield ("consent", "mode"), _SILENCE, remedy
    record = rule.record
    if record is not None and (record.container is not None or record.storage is not None):
        key = "container" if record.storage is None else "store"
        yield ("record", "storage", key), "write to a container of yours", remedy


def _starts_in_silence(consent: ConsentSpec) -> bool:
    is_waiting = consent.before_decision is not BeforeDecision.NOT_STARTED
    return consent.mode is not ConsentMode.NONE and is_waiting
