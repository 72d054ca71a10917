from __future__ import annotations

from pathlib import Path

import pytest

from recordingd.domain.errors import LedgerFault
from recordingd.ledger import locations
from recordingd.ledger.locations import file_system_of, locate, refuse_network

MOUNTS = """\
proc /proc proc rw 0 0
/dev/vda / ext4 rw 0 0
server:/export /srv/nfs nfs4 rw 0 0
tmpfs /srv/nfs/local tmpfs rw 0 0
//server/share /mnt/with\\040blank cifs rw 0 0
/dev/vdb /data ext4 rw 0 0
host /data fuse.sshfs rw 0 0

broken
"""

COVERED = {
    "/var/lib/recordingd/ledger.db": "ext4",
    "/srv/nfs": "nfs4",
    "/srv/nfs/ledger.db": "nfs4",
    "/srv/nfsx/ledger.db": "ext4",
    "/srv/nfs/local/ledger.db": "tmpfs",
    "/mnt/with blank/ledger.db": "cifs",
    "/data/ledger.db": "fuse.sshfs",
}


@pytest.mark.parametrize("path", sorted(COVERED))
def test_file_system_is_that_of_the_innermost_last_mount(path: str) -> None:
    assert file_system_of(Path(path), MOUNTS) == COVERED[path]


def test_path_that_no_mount_covers_has_no_file_system() -> None:
    assert file_system_of(Path("/x"), "proc /proc proc rw 0 0\n") is None


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph"])
def test_network_file_system_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nhost:/x {tmp_path.resolve()} {kind} rw 0 0\n")
    monkeypatch.setattr(locations, "_MOUNTS", mounts)
    with pytest.raises(LedgerFault, match=f"lies on {kind}"):
        refuse_network(tmp_path / "ledger.db")


def test_link_to_a_network_file_system_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "near").symlink_to(tmp_path / "far")
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nh:/x {tmp_path.resolve() / 'far'} nfs rw 0 0\n")
    monkeypatch.setattr(locations, "_MOUNTS", mounts)
    with pytest.raises(LedgerFault):
        refuse_network(tmp_path / "near" / "ledger.db")


def test_local_file_system_is_accepted(tmp_path: Path) -> None:
    refuse_network(tmp_path / "ledger.db")


def test_system_without_a_list_of_mounts_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locations, "_MOUNTS", tmp_path / "none")
    refuse_network(tmp_path / "ledger.db")


def test_url_of_a_file_gives_its_absolute_path() -> None:
    assert locate("sqlite:////var/lib/ledger.db").path == Path("/var/lib/ledger.db")
    assert locate("sqlite:///ledger.db").path == Path.cwd() / "ledger.db"


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_url_of_a_ledger_in_memory_has_no_path(url: str) -> None:
    assert locate(url).path is None


@pytest.mark.parametrize("url", ["", "ledger.db", "postgresql://h/db", "mysql://u:secret@h/db"])
def test_other_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(LedgerFault, match="sqlite:////") as caught:
        locate(url)
    assert "secret" not in str(caught.value)
