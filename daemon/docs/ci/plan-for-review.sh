#!/bin/sh
# Prints the plan under proposed policies, for a review: runs on the daemon's host, behind an ssh key
# that can do nothing else. Takes a tar with the folder `policies` on standard input. The ledger is
# opened so that it cannot be written, and the service is asked nothing.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# No tree of policies comes near 16 MiB.
head -c 16777216 | tar --extract --directory "$folder" --no-same-owner --no-same-permissions
# A link could lead to a file of the daemon, and a fault would then quote it.
if [ -n "$(find "$folder" ! -type f ! -type d)" ]; then
  echo "the archive holds something that is neither a file nor a folder" >&2
  exit 1
fi
recordingd plan --config /etc/recordingd/recordingd.yaml --policies "$folder/policies" --format markdown
