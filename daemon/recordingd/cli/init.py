"""`recordingd init DIR`: a small tree that works, with every file explained."""

from __future__ import annotations

import argparse
import sys
from importlib.resources import files
from pathlib import Path

from recordingd.cli.exits import Exit
from recordingd.domain.errors import RecordingdError

SETTINGS = """\
# The settings of one recordingd; every key is explained in schema/settings.schema.json.
# yaml-language-server: $schema=schema/settings.schema.json
apiVersion: recordingd/v1
kind: Settings

# observe: reads only and says what it would do. retain: records and downloads, deletes nothing.
# enforce: does everything the policies say. Start here, look at 'recordingd plan', then move on.
mode: observe

acs:
  # From the portal: your resource, Keys. Never written into a file that is in git.
  connectionString: {env: RECORDINGD_ACS_CONNECTION_STRING}

policies: policies
stateDir: state
stores:
  main: {path: archive}            # where recordings are kept, relative to stateDir

listen: 127.0.0.1:8080             # put a TLS proxy with a public name in front of it
# publicUrl: https://recorder.contoso.example

ingress:
  webhook:
    secrets: [{env: RECORDINGD_WEBHOOK_KEY}]     # what Event Grid shows as ?key=
"""
POLICY = """\
# yaml-language-server: $schema=../schema/policy.schema.json
apiVersion: recordingd/v1
kind: RecordingPolicy
name: support-line
description: Every call to the support number, one channel per speaker
match:
  to: {phone: "+18005550100"}      # the dialled number; "+1800*" is every one that begins so
record:
  content: audio                   # audio | audioVideo
  channels: unmixed                # mixed | unmixed
  format: wav                      # wav | mp3 | mp4
retention:
  keepAtLeast: 90d
  deleteAfter: 2y
"""
SETUP = """\
#!/usr/bin/env bash
# Send the events of an Azure Communication Services resource to this daemon.
# Needs the Azure CLI, signed in, and the daemon reachable under its public address.
set -euo pipefail
: "${ACS_RESOURCE_ID:?the resource's id: az communication show --query id}"
: "${PUBLIC_URL:?the daemon's public address, https://…}"
: "${RECORDINGD_WEBHOOK_KEY:?the key that the settings' ingress.webhook.secrets names}"

az eventgrid event-subscription create \\
  --name recordingd \\
  --source-resource-id "$ACS_RESOURCE_ID" \\
  --endpoint "$PUBLIC_URL/events?key=$RECORDINGD_WEBHOOK_KEY" \\
  --included-event-types \\
    Microsoft.Communication.IncomingCall \\
    Microsoft.Communication.CallStarted \\
    Microsoft.Communication.CallEnded \\
    Microsoft.Communication.CallParticipantAdded \\
    Microsoft.Communication.CallParticipantRemoved \\
    Microsoft.Communication.RecordingFileStatusUpdated
"""
EXPLAINED = {
    "recordingd.yaml": "the settings: mode observe, secrets from the environment",
    "policies/support.yaml": "one policy: which calls are recorded, how, and for how long",
    "schema/": "what an editor with a YAML language server completes and checks by",
    "setup-azure.sh": "subscribes the daemon to your resource's events",
}


class DirectoryTaken(RecordingdError):
    """Files that would be written are there already."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "directory", type=Path, metavar="DIR", help="where to; made if it is not there"
    )


def run(arguments: argparse.Namespace) -> Exit:
    """Write the tree; nothing that exists is overwritten."""
    directory: Path = arguments.directory
    contents = {
        "recordingd.yaml": SETTINGS,
        "policies/support.yaml": POLICY,
        "setup-azure.sh": SETUP,
        ".gitignore": "state/\n",
        **_schemas(),
    }
    taken = [name for name in contents if (directory / name).exists()]
    if taken:
        names = ", ".join(str(directory / name) for name in taken)
        msg = f"nothing was written, to overwrite nothing; already there: {names}"
        raise DirectoryTaken(msg)
    for name, text in contents.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (directory / "setup-azure.sh").chmod(0o755)
    _explain(directory)
    return Exit.OK


def _schemas() -> dict[str, str]:
    schemas = files("recordingd") / "schema"
    return {
        f"schema/{entry.name}": entry.read_text(encoding="utf-8")
        for entry in schemas.iterdir()
        if entry.name.endswith(".json")
    }


def _explain(directory: Path) -> None:
    write = sys.stdout.write
    for name, text in EXPLAINED.items():
        write(f"{directory}/{name}\n    {text}\n")
    write("\nNext:\n")
    write(f"  recordingd validate {directory}\n")
    write("  export RECORDINGD_ACS_CONNECTION_STRING=… RECORDINGD_WEBHOOK_KEY=…\n")
    write(f"  recordingd run --config {directory / 'recordingd.yaml'}\n")
