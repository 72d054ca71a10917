"""`recordingd why RECORDING`: one recording's whole life, from the ledger and its audit chain."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from recordingd.cli.exits import Exit
from recordingd.cli.options import add_config, add_format, print_json, settings_path
from recordingd.cli.reading import find_recording, reading
from recordingd.config.settings import load_settings
from recordingd.planning.derivation import RecordingState
from recordingd.ports.ledger import AuditRow
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
        shown: dict[str, Any] = next(
            r
            for r in recordings_of(facts, now=view.now, locate=view.locate)
            if r["id"] == recording_id
        )
        revision = view.ledger.revision(recording.policy_revision)
        life = [_event(row) for row in view.ledger.audit_of(facts.call.call_id)]
    source = str(recording.source)
    policy = {
        "name": recording.policy,
        "source": source,
        "revision": recording.policy_revision,
        "digest": revision.digest if revision is not None else None,
        "acceptedAt": moment(revision.accepted_at) if revision is not None else None,
    }
    if arguments.format == "json":
        print_json({"recording": shown, "policy": policy, "life": life})
    else:
        _print_text(shown, policy, life)
    return Exit.OK


def _event(row: AuditRow) -> dict[str, object]:
    return {
        "at": moment(row.at),
        "kind": row.kind,
        "ref": row.ref,
        "detail": json.loads(row.detail),
    }


def _print_text(
    recording: dict[str, Any], policy: dict[str, Any], life: list[dict[str, Any]]
) -> None:
    write = sys.stdout.write
    write(f"recording {recording['id']}: {recording['state']}\n")
    write(
        f"  asked for by policy {policy['name']} ({policy['source']}), revision "
        f"{policy['revision']} accepted at {policy['acceptedAt'] or 'an unknown time'}\n"
    )
    write(
        f"  {recording['content']}, {recording['channels']}, {recording['format']}; "
        f"consent {recording['consent']}\n"
    )
    for file in recording["files"]:
        where = file["path"] or "no copy in the archive"
        on_service = "still on the service" if file["onService"] else "not on the service"
        write(f"  file {file['documentId']}: {file['state']}, {where}, {on_service}\n")
    write(f"  {ending(recording)}\n\n")
    for event in life:
        detail = event["detail"]
        text = detail.get("reason") or detail.get("outcome") or ""
        extra = detail.get("detail") or detail.get("source") or ""
        suffix = f" ({extra})" if extra else ""
        write(f"  {event['at'][:23]:23}  {event['kind']:28} {text}{suffix}".rstrip() + "\n")


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
