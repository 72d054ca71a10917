"""Where a ledger lies: its URL taken apart, and file systems that cannot hold one refused.

Used by `engine` and `upgrading`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import exc

from recordingd.domain.errors import LedgerFault

# SQLite's locks and its shared memory do not work across machines (sqlite.org, "Write-Ahead
# Logging", section 1: "WAL does not work over a network filesystem").
_NETWORK_FILE_SYSTEMS = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "davfs",
        "fuse.ceph",
        "fuse.davfs",
        "fuse.davfs2",
        "fuse.glusterfs",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.sshfs",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "smb",
        "smb2",
        "smb3",
        "smbfs",
    }
)
_MOUNTS = Path("/proc/self/mounts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where a SQLite ledger lies; `path` is None for one that lives in memory only."""

    path: Path | None


def locate(url: str) -> Location:
    """Read a ledger's URL: `sqlite:///relative`, `sqlite:////absolute`, or `sqlite://` for memory.

    Any other is a LedgerFault; its text may hold a password and is not repeated.
    """
    try:
        parsed = sa.make_url(url)
    except exc.ArgumentError as error:
        msg = "the ledger's URL cannot be read; write sqlite:////absolute/path/ledger.db"
        raise LedgerFault(msg) from error
    if parsed.drivername not in {"sqlite", "sqlite+pysqlite"}:
        msg = f"no ledger on '{parsed.drivername}'; write sqlite:////absolute/path/ledger.db"
        raise LedgerFault(msg)
    if parsed.database in {None, "", ":memory:"}:
        return Location(path=None)
    return Location(path=Path(str(parsed.database)).absolute())


def refuse_network(path: Path) -> None:
    """Raise LedgerFault when a path lies on a file system that is shared between machines."""
    if not _MOUNTS.exists():
        return
    kind = file_system_of(path.resolve(), _MOUNTS.read_text(errors="surrogateescape"))
    if kind in _NETWORK_FILE_SYSTEMS:
        msg = f"{path} lies on {kind}; SQLite needs a file system of this machine"
        raise LedgerFault(msg)


def file_system_of(path: Path, mounts: str) -> str | None:
    """Return the type of the file system a resolved path is on; None when no mount covers it.

    `mounts` is as in proc(5), `/proc/pid/mounts`: the last of two mounts on one point hides the
    first, and blanks in paths are octal.
    """
    best: tuple[int, str] | None = None
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = Path(_unescaped(fields[1]))
        depth = len(point.parts)
        if path.is_relative_to(point) and (best is None or depth >= best[0]):
            best = (depth, fields[2])
    return None if best is None else best[1]


def _unescaped(field: str) -> str:
    for code, character in (("040", " "), ("011", "\t"), ("012", "\n"), ("134", "\\")):
        field = field.replace(f"\\{code}", character)
    return field
