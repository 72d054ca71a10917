"""In which git commit a policy tree stands, for the register of revisions.

Called by `runtime.in_force` when a tree is accepted. Asks git for names of objects alone and
compares the texts that were loaded with them: nothing of a repository is run (no hook, filter or
monitor), nothing is written, and the working tree is not read a second time. Decides nothing: a
tree without a commit is as good as one that has it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import posixpath
from collections.abc import Mapping
from pathlib import Path

from recordingd.config.policy_files import is_policy_path

_LOG = logging.getLogger("recordingd.policies")
TIMEOUT_SECONDS = 5.0
# Stands behind a commit that does not hold the files as they are.
CHANGES = "+changes"
# A repository belongs to whoever writes the policies, and may name programs to run: a monitor of
# files is the only one that these commands could start. Owned by others it is all the same safe.
_COMMAND = ("git", "--no-pager", "-c", "safe.directory=*", "-c", "core.fsmonitor=false")
_HEX_OF_SHA256 = 64


class _GitFailed(Exception):
    """git is missing, slow, or finds no repository; the text says what it said."""


async def commit_of(root: Path, texts: Mapping[str, str]) -> str | None:
    """Return the commit checked out where a tree lies, with CHANGES where its files differ.

    `texts` is every file of the tree by its path relative to `root`, or to the folder of `root`
    where that is a file. None outside of a repository, where git is missing, and where it does not
    answer in time.
    """
    folder, is_tree = _folder_of(root)
    if not _is_in_repository(folder):
        return None
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            commit, prefix = await _head(folder)
            committed = await _committed(folder)
    except _GitFailed as fault:
        _LOG.warning("the git commit of %s is not known: %s", root, fault)
        return None
    except TimeoutError:
        _LOG.warning("the git commit of %s is not known: git takes too long", root)
        return None
    own = {posixpath.normpath(posixpath.join(prefix, path)): text for path, text in texts.items()}
    is_same = all(_is_committed(committed.get(path), text) for path, text in own.items())
    if is_tree:
        is_same = is_same and _policies_among(committed, prefix) <= own.keys()
    return commit if is_same else commit + CHANGES


def _folder_of(root: Path) -> tuple[Path, bool]:
    """Return where a tree lies, and whether it is the whole folder."""
    is_tree = root.is_dir()
    return (root if is_tree else root.parent), is_tree


def _is_in_repository(folder: Path) -> bool:
    real = folder.resolve()
    return any((above / ".git").exists() for above in (real, *real.parents))


async def _head(folder: Path) -> tuple[str, str]:
    """Return the commit, and the folder's path within the repository, "" at its top."""
    lines = (await _git(folder, "rev-parse", "HEAD", "--show-prefix")).decode().split("\n")
    return lines[0], lines[1]


async def _committed(folder: Path) -> dict[str, str]:
    """Return the object of every file of the commit by its path in the repository."""
    listed = await _git(folder, "ls-tree", "-r", "-z", "--full-tree", "HEAD")
    found = {}
    for line in listed.decode(errors="surrogateescape").split("\0"):
        about, tab, path = line.partition("\t")
        if tab:
            found[path] = about.split(" ")[2]
    return found


def _policies_among(committed: Mapping[str, str], prefix: str) -> set[str]:
    """Return the committed files that would be read as policies."""
    below = (path for path in committed if path.startswith(prefix))
    return {
        path
        for path in below
        if is_policy_path(path)
        and not any(part.startswith(".") for part in path.removeprefix(prefix).split("/"))
    }


def _is_committed(object_id: str | None, text: str) -> bool:
    """Whether a text is what an object holds: its name is the hash of its content."""
    if object_id is None:
        return False
    content = text.encode()
    whole = b"blob %d\0" % len(content) + content
    hashed = hashlib.sha256 if len(object_id) == _HEX_OF_SHA256 else _sha1
    return hashed(whole).hexdigest() == object_id


def _sha1(content: bytes) -> hashlib._Hash:
    return hashlib.sha1(content, usedforsecurity=False)


async def _git(folder: Path, *arguments: str) -> bytes:
    """Run git without anybody's settings and without a terminal."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
    }
    try:
        process = await asyncio.create_subprocess_exec(
            *_COMMAND,
            *("-C", str(folder), *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
        )
    except OSError as fault:
        raise _GitFailed(str(fault)) from fault
    try:
        output, complaint = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise _GitFailed(complaint.decode(errors="replace").strip())
    return output
