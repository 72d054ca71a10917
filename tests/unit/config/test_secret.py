"""Secrets are read when asked for, and never shown."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from recordingd.config.diagnostics import Place, SourceFile, Span
from recordingd.config.secret import SECRET_BYTES_MAX, Secret, SecretKind, SecretUnavailable

PLACE = Place(file=SourceFile(path="s", shown="s", text=""), span=Span())


def make_secret(
    kind: SecretKind = SecretKind.FILE,
    *,
    name: str = "key",
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Secret:
    return Secret(
        kind=kind, name=name, path=path, place=PLACE, environ={} if environ is None else environ
    )


def make_file(folder: Path, body: bytes = b"geheim\n", mode: int = 0o600) -> Path:
    path = folder / "key"
    path.write_bytes(body)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"geheim", "geheim"),
        (b"geheim\n", "geheim"),
        (b"geheim\r\n", "geheim"),
        (b"geheim\n\n", "geheim\n"),
        (b" a b ", " a b "),
    ],
)
def test_file_is_read_without_one_final_newline(tmp_path: Path, body: bytes, value: str) -> None:
    assert make_secret(path=make_file(tmp_path, body)).reveal() == value


def test_pipe_that_nobody_writes_to_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "key"
    os.mkfifo(path, 0o600)
    with pytest.raises(SecretUnavailable, match="is not a file"):
        make_secret(path=path).reveal()


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o700])
def test_file_of_its_owner_is_read(tmp_path: Path, mode: int) -> None:
    assert make_secret(path=make_file(tmp_path, mode=mode)).reveal() == "geheim"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610, 0o601, 0o666])
def test_file_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(SecretUnavailable, match="chmod 600"):
        make_secret(path=make_file(tmp_path, mode=mode)).reveal()


def test_credential_may_be_readable_as_systemd_left_it(tmp_path: Path) -> None:
    path = make_file(tmp_path, mode=0o440)
    assert make_secret(SecretKind.CREDENTIAL, path=path).reveal() == "geheim"


def test_credential_without_a_directory_says_so() -> None:
    with pytest.raises(SecretUnavailable, match="CREDENTIALS_DIRECTORY"):
        make_secret(SecretKind.CREDENTIAL).reveal()


def test_environment_is_asked_when_the_secret_is() -> None:
    environ: dict[str, str] = {}
    secret = make_secret(SecretKind.ENV, name="KEY", environ=environ)
    with pytest.raises(SecretUnavailable, match="KEY is not set"):
        secret.reveal()
    environ["KEY"] = "geheim"
    assert secret.reveal() == "geheim"


@pytest.mark.parametrize("body", [b"", b"\n", b"\xff\xfe", b"x" * (SECRET_BYTES_MAX + 1)], ids=len)
def test_unusable_file_is_refused(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(SecretUnavailable):
        make_secret(path=make_file(tmp_path, body)).reveal()


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(SecretUnavailable):
            make_secret(path=path).reveal()


def test_value_is_in_no_rendering(tmp_path: Path) -> None:
    secret = make_secret(path=make_file(tmp_path), environ={"KEY": "geheim"})
    secret.reveal()
    assert "geheim" not in f"{secret} {secret!r}"
