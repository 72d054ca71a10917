"""How long `recordingd validate` takes, against a Python that does nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.bench.measure import Row, seconds_of

POLICY = """\
apiVersion: recordingd/v1
kind: RecordingPolicy
name: line-{n}
match:
  to: {{phone: "+1800555{n:04d}"}}
record: {{content: audio, channels: mixed, format: wav}}
retention: {{deleteAfter: 90d}}
"""


def compare(directory: Path, count: int, target: str) -> Row:
    """Start both as processes of their own, from the same interpreter, with compiled modules.

    The tree has `count` files of one policy each.
    """
    tree = directory / f"policies-{count}"
    tree.mkdir()
    for n in range(count):
        (tree / f"policy-{n}.yaml").write_text(POLICY.format(n=n))
    validate = [sys.executable, "-m", "recordingd", "validate", str(tree)]
    nothing = [sys.executable, "-c", "pass"]
    # An installed program has compiled modules; the turn that is not counted compiles them here.
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environ["PYTHONPYCACHEPREFIX"] = str(directory / "compiled")

    def run(command: list[str]) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environ)

    ours, baseline = seconds_of(lambda: run(validate), lambda: run(nothing))
    return Row(
        what=f"validate of {count:,} file{'s' if count > 1 else ''} (against python -c pass)",
        unit="ms",
        ours=ours * 1000,
        baseline=baseline * 1000,
        target=target,
    )
