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

listen: 127.0.0.1:8080             # what others reach goes through a TLS proxy in front of it
# publicUrl: https://recorder.contoso.example

ingress:
  # Where this machine has a public address: post events to <publicUrl>/events?key=<this key>.
  webhook:
    secrets: [{env: RECORDINGD_WEBHOOK_KEY}]
  # Where it has none: run setup-azure.sh, and put here the two lines that it prints.
  # storageQueue:
  #   queue: https://<storage account>.queue.core.windows.net/recordingd-events
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
TEST = """\
# yaml-language-server: $schema=../schema/policy.schema.json
#
# What support.yaml promises; 'recordingd test' plays it. A test is a call, what happens in it step
# by step, and what must be true after so many steps (0 is the start).
apiVersion: recordingd/v1
kind: PolicyTest
name: support-is-recorded
given:
  call:
    to: "+18005550100"
    participants: [{phone: "+14155550123"}, {id: "8:acs:agent-7"}]
  steps:
    - {end: true}
expect:
  - {after: 0, policy: support-line, record: {channels: unmixed}, capture: active}
  - {after: 1, capture: stopped, retention: {keepUntil: 90d, deleteAfter: 2y}}
---
apiVersion: recordingd/v1
kind: PolicyTest
name: other-numbers-are-not-recorded
given:
  call:
    to: "+18005550199"
    participants: [{phone: "+14155550123"}, {id: "8:acs:agent-7"}]
expect:
  - {after: 0, policy: none, capture: none}
"""
SETUP = """\
#!/usr/bin/env bash
# Send the events of an Azure Communication Services resource to a storage queue that the daemon
# reads, so that it needs no public address. Needs the Azure CLI, signed in; to run it twice changes
# nothing. On the storage account the identity of the daemon needs the role "Storage Queue Data
# Message Processor", and whoever runs this script "Storage Queue Data Contributor".
set -euo pipefail
: "${ACS_RESOURCE_ID:?the resource's id: az communication show --query id -o tsv …}"
: "${STORAGE_ACCOUNT_ID:?a storage account's id: az storage account show --query id -o tsv …}"
queue=recordingd-events
account=${STORAGE_ACCOUNT_ID##*/}

az storage queue create --name "$queue" --account-name "$account" --auth-mode login
az eventgrid event-subscription create \\
  --name recordingd \\
  --source-resource-id "$ACS_RESOURCE_ID" \\
  --endpoint-type storagequeue \\
  --endpoint "$STORAGE_ACCOUNT_ID/queueservices/default/queues/$queue" \\
  --included-event-types \\
    Microsoft.Communication.IncomingCall \\
    Microsoft.Communication.CallStarted \\
    Microsoft.Communication.CallEnded \\
    Microsoft.Communication.CallParticipantAdded \\
    Microsoft.Communication.CallParticipantRemoved \\
    Microsoft.Communication.RecordingFileStatusUpdated

echo
echo "Put this below 'ingress:' in recordingd.yaml:"
echo "  storageQueue:"
echo "    queue: https://$account.queue.core.windows.net/$queue"
"""
EXPLAINED = {
    "recordingd.yaml": "the settings: mode observe, secrets from the environment",
    "policies/support.yaml": "one policy: which calls are recorded, how, and for how long",
    "policies/support-test.yaml": "its test: a call, and what must come of it",
    "schema/": "what an editor with a YAML language server completes and checks by",
    "setup-azure.sh": "sends your resource's events to a queue: no public address is needed",
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
        "policies/support-test.yaml": TEST,
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
    write(f"  cd {directory} && recordingd validate && recordingd test\n")
    write("  export RECORDINGD_ACS_CONNECTION_STRING=… RECORDINGD_WEBHOOK_KEY=…\n")
    write("  recordingd run\n")
