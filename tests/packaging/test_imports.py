"""Which package may import which part of the Azure SDK; import contracts see top levels only."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "daemon" / "recordingd"
OWNERS = {
    "azure.identity": {"acs"},
    "azure.storage.blob": {"archive"},
    "azure.storage.queue": {"ingress"},
}


def _imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


@pytest.mark.parametrize("library", OWNERS)
def test_library_is_imported_by_its_owner_only(library: str) -> None:
    strangers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] not in {*OWNERS[library], "emulator"}
        and any((name + ".").startswith(library + ".") for name in _imports(path))
    }
    assert not strangers
