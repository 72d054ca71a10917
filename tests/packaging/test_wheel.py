"""The wheel is complete: built from the tree, installed alone, it brings all that it needs."""

from __future__ import annotations

import json
import os
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from tests.packaging.tree import ROOT, SOURCE, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# What only the emulator's encoder needs, and the wheel's extra brings.
OPTIONAL = ("av",)
IMPORT_ALL = """
import importlib, pkgutil, recordingd
names = [m.name for m in pkgutil.walk_packages(recordingd.__path__, "recordingd.")]
# Alembic runs its environment; it is no module to import.
for name in names:
    if name != "recordingd.ledger.migrations.env":
        importlib.import_module(name)
print(len(names))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built in an environment of its own as an installer would."""
    folder = tmp_path_factory.mktemp("dist")
    built = run(sys.executable, "-m", "build", "--wheel", "--outdir", folder)
    assert built.returncode == 0, built.stdout + built.stderr
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a fresh virtual environment that holds the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("fresh")
    made = run(sys.executable, "-m", "venv", folder)
    assert made.returncode == 0, made.stderr
    programs = folder / "bin"
    got = run(programs / "python", "-m", "pip", "install", "--quiet", wheel, environ=bare())
    assert got.returncode == 0, got.stdout + got.stderr
    return programs


def bare() -> dict[str, str]:
    """Return the environment without anything that leads back to the source tree."""
    return {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "VIRTUAL_ENV"}}


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_wheel_holds_every_module_and_nothing_beside_the_package(wheel: Path) -> None:
    modules = {f"recordingd/{p.relative_to(SOURCE).as_posix()}" for p in SOURCE.rglob("*.py")}
    held = {name for name in names_in(wheel) if ".dist-info/" not in name}
    assert modules <= held
    assert {name.partition("/")[0] for name in held} == {"recordingd"}


def test_wheel_holds_the_schemas_and_the_samples(wheel: Path) -> None:
    for name, pattern in (("schema", "*.json"), ("samples", "*.yaml")):
        wanted = {f"recordingd/{name}/{p.name}" for p in (SOURCE / name).glob(pattern)}
        assert wanted
        assert wanted <= names_in(wheel)


def test_wheel_says_that_it_is_typed(wheel: Path) -> None:
    assert "recordingd/py.typed" in names_in(wheel)


def test_wheel_brings_its_licence(wheel: Path) -> None:
    [name] = [n for n in names_in(wheel) if n.endswith("/licenses/LICENSE")]
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(name).startswith(b"MIT License")


def test_what_is_installed_fits_together(installed: Path) -> None:
    checked = run(installed / "python", "-m", "pip", "check", environ=bare())
    assert checked.returncode == 0, checked.stdout


def test_every_module_finds_what_it_imports(installed: Path, tmp_path: Path) -> None:
    for name in OPTIONAL:
        absent = run(installed / "python", "-c", f"import {name}", cwd=tmp_path, environ=bare())
        assert absent.returncode == 1, f"{name} came without being asked for"
    imported = run(installed / "python", "-c", IMPORT_ALL, cwd=tmp_path, environ=bare())
    assert imported.returncode == 0, imported.stderr
    modules = list(SOURCE.rglob("*.py"))
    # All but the package itself are found by walking it.
    assert int(imported.stdout) == len(modules) - 1


def test_command_says_its_version(installed: Path, tmp_path: Path) -> None:
    said = run(installed / "recordingd", "--version", cwd=tmp_path, environ=bare())
    assert (said.returncode, said.stdout) == (0, f"recordingd {PROJECT['version']}\n")


def test_bare_command_names_the_next_step(installed: Path, tmp_path: Path) -> None:
    said = run(installed / "recordingd", cwd=tmp_path, environ=bare())
    assert said.returncode == 0
    assert "recordingd demo" in said.stdout
    assert len(said.stdout.splitlines()) <= 10


def test_wrong_command_line_is_a_usage_error(installed: Path, tmp_path: Path) -> None:
    said = run(installed / "recordingd", "no-such-command", cwd=tmp_path, environ=bare())
    assert said.returncode == 64


def test_sample_policies_are_valid_for_what_is_installed(installed: Path, tmp_path: Path) -> None:
    command = (installed / "recordingd", "validate", ROOT / "policies", "-f", "json")
    said = run(*command, cwd=tmp_path, environ=bare())
    assert said.returncode == 0, said.stdout + said.stderr
    assert json.loads(said.stdout)["valid"] is True


def test_installed_migrations_make_a_ledger_that_holds(installed: Path, tmp_path: Path) -> None:
    settings = tmp_path / "recordingd.yaml"
    settings.write_text(
        "apiVersion: recordingd/v1\nkind: Settings\nmode: observe\npolicies: policies\n"
        "acs: {connectionString: {env: ACS_CONNECTION_STRING}}\n"
    )
    for action in ("upgrade", "check"):
        command = (installed / "recordingd", "ledger", action, "--config", settings)
        said = run(*command, cwd=tmp_path, environ=bare())
        assert said.returncode == 0, said.stdout + said.stderr
    assert (tmp_path / "ledger.db").stat().st_size > 0
