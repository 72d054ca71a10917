"""`recordingd demo`: record ten calls on the embedded emulator, and show what was kept.

Plays the calls of `demo_script` on the stage of `demo_stage`, and waits until every recording is
where its policy wants it. What is shown is read from the ledger, the archive and the emulator; the
demo fails when any of them is not as it must be.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recordingd.cli.demo_script import CALLS, DemoCall, play
from recordingd.cli.demo_stage import DemoFailed, Stage, staged
from recordingd.cli.exits import Exit
from recordingd.cli.reading import reading
from recordingd.cli.tables import print_table
from recordingd.config.settings import load_settings
from recordingd.domain.calls import ServerCallId, call_id_of
from recordingd.domain.recordings import CallFacts
from recordingd.planning.derivation import RecordingState
from recordingd.runtime.views import recordings_of

# How long files may take to arrive once the last call is over.
FILES_SECONDS = 40.0
_DONE = frozenset({RecordingState.KEPT.value, RecordingState.NOT_RECORDED.value})
COLUMNS = ("call", "policy", "recording", "state", "channels", "seconds", "file")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--dir", type=Path, default=Path(".demo"), help="where everything goes (default: .demo)"
    )


def run(arguments: argparse.Namespace) -> Exit:
    """Play, wait, show; exit with 1 when something is not as it must be."""
    return asyncio.run(_demo(arguments.dir.absolute()))


async def _demo(directory: Path) -> Exit:
    _say(f"An emulator of the service and a daemon are started under {directory}.")
    async with staged(directory) as stage:
        _say(f"{len(CALLS)} calls are played; this takes half a minute.")
        async with asyncio.TaskGroup() as group:
            played = {c.name: group.create_task(_played(stage, c)) for c in CALLS}
        ids = {name: task.result() for name, task in played.items()}
        await _until_kept(stage, ids)
        faults = _show(stage, ids, await stage.ask("GET", "/recordings"))
    for fault in faults:
        _say(f"NOT AS IT MUST BE: {fault}")
    return Exit.FAILED if faults else Exit.OK


async def _played(stage: Stage, call: DemoCall) -> str:
    server_call_id = await play(stage, call)
    _say(f"  played: {call.name}")
    return server_call_id


async def _until_kept(stage: Stage, ids: Mapping[str, str]) -> None:
    """Wait until nothing is under way any more, saying what is while it changes."""
    said = ""
    try:
        async with asyncio.timeout(FILES_SECONDS):
            while True:
                states = [r["state"] for rows in _recordings(stage, ids).values() for r in rows]
                left = [state for state in states if state not in _DONE]
                now = ", ".join(f"{left.count(s)} {s}" for s in sorted(set(left)))
                if not left:
                    return
                if now != said:
                    _say(f"  waiting for files: {now}")
                    said = now
                await asyncio.sleep(0.25)
    except TimeoutError:
        msg = f"not everything was kept within {FILES_SECONDS:.0f} s: {said}"
        raise DemoFailed(msg) from None


def _recordings(stage: Stage, ids: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Read the recordings of every call, by its name, from the ledger."""
    with reading(load_settings(stage.settings)) as view:
        found: dict[str, list[dict[str, Any]]] = {}
        for name, server_call_id in ids.items():
            facts: CallFacts | None = view.ledger.load(call_id_of(ServerCallId(server_call_id)))
            rows = () if facts is None else recordings_of(facts, now=view.now, locate=view.locate)
            found[name] = list(rows)
    return found


def _show(stage: Stage, ids: Mapping[str, str], on_service: list[dict[str, Any]]) -> list[str]:
    """Print what became of every call; return what is not as it must be."""
    found = _recordings(stage, ids)
    rows, faults = [], []
    for call in CALLS:
        faults += _faults(call, found[call.name])
        rows += [_row(call, recording) for recording in found[call.name]] or [
            (call.name, "", "", "not recorded", "", "", "")
        ]
    print_table(COLUMNS, rows)
    held = [f for r in on_service for f in r["files"] if f["exists"]]
    _say(f"The service still holds {len(held) or 'no'} files.")
    faults += [f"the service still holds {f['documentId']}" for f in held]
    kept = next((r for r in found[CALLS[0].name] if r["files"]), None)
    if kept is not None:
        config = stage.settings
        _say(f"Listen to one: {kept['files'][0]['path']} (the agent is on channel 0)")
        _say(f"Why it exists: recordingd why {kept['id'][:8]} --config {config}\n")
        _why(config, kept["id"])
    return faults


def _row(call: DemoCall, recording: dict[str, Any]) -> tuple[object, ...]:
    file = recording["files"][0] if recording["files"] else {}
    seconds = None if file.get("durationMs") is None else f"{file['durationMs'] / 1000:.1f}"
    return (
        call.name,
        recording["policy"],
        recording["id"][:8],
        recording["state"],
        file.get("audioChannels"),
        seconds,
        file.get("path"),
    )


def _faults(call: DemoCall, recordings: list[dict[str, Any]]) -> list[str]:
    if call.expects is None:
        return [f"{call.name}: it was recorded" for r in recordings if r["files"]]
    if len(recordings) != 1 or len(recordings[0]["files"]) != 1:
        return [f"{call.name}: one recording with one file was expected"]
    form, channels = call.expects
    recording, file = recordings[0], recordings[0]["files"][0]
    faults = []
    if recording["format"] != form or file["audioChannels"] != channels:
        faults.append(f"{call.name}: {recording['format']} with {file['audioChannels']} channels")
    if not Path(file["path"]).is_file() or file["onService"] or file["suspect"]:
        faults.append(f"{call.name}: its file is not where it must be ({file['suspect']})")
    return faults


def _why(config: Path, recording: str) -> None:
    from recordingd.cli import why  # one command shows what another prints

    why.run(argparse.Namespace(config=config, recording=recording, format="text"))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
