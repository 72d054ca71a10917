"""How long `recordingd validate` of one file takes, against a Python that does nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.bench.measure import Row, seconds_of

POLICY = """\
apiVersion: recordingd/v1
kind: RecordingPolicy
name: support-line
match:
  to: {phone: "+18005550100"}
record: {content: audio, channels: mixed, format: wav}
retention: {deleteAfter: 90d}
"""


def compare(directory: Path, target: str) -> Row:
    """Start both as processes of their own, from the same interpreter, with compiled modules."""
    policy = directory / "policies" / "policy.yaml"
    policy.parent.mkdir()
    policy.write_text(POLICY)
    validate = [sys.executable, "-m", "recordingd", "validate", str(policy)]
    nothing = [sys.executable, "-c", "pass"]
    # An installed program has compiled modules; the turn that is not counted compiles them here.
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environ["PYTHONPYCACHEPREFIX"] = str(directory / "compiled")

    def run(command: list[str]) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environ)

    ours, baseline = seconds_of(lambda: run(validate), lambda: run(nothing))
    return Row(
        what="validate of one file (against python -c pass)",
        unit="ms",
        ours=ours * 1000,
        baseline=baseline * 1000,
        target=target,
    )
