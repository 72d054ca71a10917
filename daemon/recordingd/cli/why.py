"""`recordingd why RECORDING`: one recording's whole life, from the ledger and its audit chain."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

from recordingd.cli.exits import Exit
from recordingd.cli.options import add_config, add_format, print_json, settings_path
from recordingd.cli.reading import find_recording, reading
from recordingd.cli.terminal import in_one_line
from recordingd.config.settings import load_settings
from recordingd.domain.recordings import CallFacts, Recording
from recordingd.planning.dates import anchors_of, dates_of
from recordingd.planning.derivation import RecordingState, derive
from recordingd.planning.documents import retention_fields
from recordingd.ports.ledger import AuditRow, PolicyRevision
from recordingd.runtime.views import moment, recordings_of

_WITHOUT_FILES = frozenset({RecordingState.LOST.value, RecordingState.NOT_RECORDED.value})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("recording", metavar="RECORDING", help="our id, the service's, or a prefix")
    add_config(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> Exit:
    """Tell the recording's life in the order it happened, then where it stands."""
    settings = load_settings(settings_path(arguments))
    with reading(settings) as view:
        facts, recording_id = find_recording(view.ledger, arguments.recording)
        recording = next(r for r in facts.recordings if r.id == recording_id)
        holds = view.held_by(facts)
        shown: dict[str, Any] = next(
            r
            for r in recordings_of(facts, now=view.now, locate=view.locate, held_by=holds)
            if r["id"] == recording_id
        )
        revision = view.ledger.revision(recording.policy_revision)
        life = [_event(row) for row in view.ledger.audit_of(facts.call.call_id)]
    told = {
        "recording": shown,
        "policy": _policy(recording, revision),
        "keeping": list(_keeping(facts, recording)),
        "consents": list(_consents(facts, recording)),
        "life": life,
    }
    if arguments.format == "json":
        print_json(told)
    else:
        sys.stdout.write("".join(f"{in_one_line(line)}\n" for line in _lines(told)))
    return Exit.OK


# --- what is told ---------------------------------------------------------------------------------


def _policy(recording: Recording, revision: PolicyRevision | None) -> dict[str, object]:
    return {
        "name": recording.policy,
        "source": str(recording.source),
        "revision": recording.policy_revision,
        "digest": revision.digest if revision is not None else None,
        "gitCommit": revision.git_commit if revision is not None else None,
        "acceptedAt": moment(revision.accepted_at) if revision is not None else None,
    }


def _keeping(facts: CallFacts, recording: Recording) -> Iterator[dict[str, object]]:
    """Yield what each rule says of how long it is kept, with its dates and what it decides."""
    known = anchors_of(facts, recording)
    derived = derive(facts).recordings[recording.id]
    for said in recording.keeping:
        alone = dates_of([said], known)
        deciding = {"keepUntil": derived.keep_rule, "deleteAt": derived.delete_rule}
        yield {
            "rule": said.rule,
            "source": None if said.source is None else str(said.source),
            "revision": said.revision,
            "priority": said.priority,
            "certain": said.is_certain,
            **{name: text for name, text in retention_fields(said.spec) if text is not None},
            "keepUntil": None if alone.floor is None else moment(alone.floor.at),
            "deleteAt": (
                None if alone.deletion is None else moment(alone.deletion.at, forever="never")
            ),
            "decides": [name for name, rule in deciding.items() if rule == said.rule],
        }


def _consents(facts: CallFacts, recording: Recording) -> Iterator[dict[str, object]]:
    for consent in facts.consents:
        if consent.purpose == recording.purpose:
            yield {
                "answer": consent.answer.value,
                "participant": consent.participant,
                "method": consent.method,
                "reporter": consent.reporter,
                "answeredAt": moment(consent.answered_at),
                "receivedAt": moment(consent.received_at),
                "validUntil": moment(consent.valid_until),
            }


def _event(row: AuditRow) -> dict[str, object]:
    return {
        "at": moment(row.at),
        "kind": row.kind,
        "ref": row.ref,
        "detail": json.loads(row.detail),
    }


# --- in text --------------------------------------------------------------------------------------


def _lines(told: dict[str, Any]) -> Iterator[str]:
    recording, policy = told["recording"], told["policy"]
    yield f"recording {recording['id']}: {recording['state']}"
    commit = "" if policy["gitCommit"] is None else f", commit {policy['gitCommit']}"
    yield (
        f"  asked for by policy {policy['name']} ({policy['source']}), revision "
        f"{policy['revision']} accepted at {policy['acceptedAt'] or 'an unknown time'}{commit}"
    )
    yield (
        f"  {recording['content']}, {recording['channels']}, {recording['format']}; "
        f"consent {recording['consent']}"
    )
    yield from map(_consent_line, told["consents"])
    yield from map(_pause_line, recording["pauses"])
    yield from map(_file_line, recording["files"])
    yield from map(_keeping_line, told["keeping"])
    if recording["heldBy"]:
        yield f"  held by {', '.join(recording['heldBy'])}: not deleted while it is"
    yield f"  {ending(recording)}"
    yield ""
    yield from map(_event_line, told["life"])


def _consent_line(consent: dict[str, Any]) -> str:
    who = consent["participant"] or "the call"
    return (
        f"  consent of {who}: {consent['answer']} at {consent['answeredAt']} "
        f"({consent['method']}, told by {consent['reporter']})"
    )


def _pause_line(pause: dict[str, Any]) -> str:
    until = "still open" if pause["closedAt"] is None else f"until {pause['closedAt']}"
    return f"  silent for {pause['reason']} from {pause['openedAt']}, {until}"


def _file_line(file: dict[str, Any]) -> str:
    where = file["path"] or "no copy in the archive"
    on_service = "still on the service" if file["onService"] else "not on the service"
    return f"  file {file['documentId']}: {file['state']}, {where}, {on_service}"


def _keeping_line(said: dict[str, Any]) -> str:
    parts = []
    for name, word in (("keepAtLeast", "keepUntil"), ("deleteAfter", "deleteAt")):
        if name in said:
            date = said[word] or "a moment not known yet"
            decides = ", which decides" if word in said["decides"] else ""
            parts.append(f"{name} {said[name]} ({date}{decides})")
    doubt = "" if said["certain"] else "; whether it matches is not known yet"
    where = "" if said["source"] is None else f" ({said['source']})"
    return f"  {said['rule']}{where}: {'; '.join(parts)}{doubt}"


def _event_line(event: dict[str, Any]) -> str:
    detail = event["detail"]
    text = detail.get("reason") or detail.get("outcome") or ""
    extra = detail.get("detail") or detail.get("source") or ""
    suffix = f" ({extra})" if extra else ""
    return f"  {event['at'][:23]:23}  {event['kind']:28} {text}{suffix}".rstrip()


def ending(recording: dict[str, Any]) -> str:
    """Say when a recording's copies go, and by which rule."""
    if recording["state"] == RecordingState.PURGED.value:
        return f"its copies are deleted, by {recording['deleteRule'] or 'no rule that is known'}"
    if recording["state"] in _WITHOUT_FILES:
        return "there is nothing to keep"
    if recording["deleteAt"] == "never":
        return "is never deleted"
    rule = f" by {recording['deleteRule']}" if recording["deleteRule"] else ""
    return f"goes at {recording['deleteAt'] or 'a time not known yet'}{rule}"
