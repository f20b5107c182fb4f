"""What git remembers of a spec's folder."""

from __future__ import annotations

import io
import subprocess
import zipfile
from pathlib import Path


class NoRevision(Exception):
    """What was asked for is no revision here; says why."""


def text_at(file: Path, revision: str) -> bytes | None:
    """The content of a file at a revision; None where it had no such file.

    Raises:
        NoRevision: the folder is in no repository, the revision does not exist, or there is no git.
    """
    commit = _commit(file.parent, revision)
    shown = _git(file.parent, "show", f"{commit}:./{file.name}")
    return shown.stdout if shown.returncode == 0 else None


def export(folder: Path, revision: str, into: Path) -> bool:
    """Write the files that a folder had at a revision into another one. False where it did not exist then.

    Raises:
        NoRevision: as ``text_at``.
    """
    commit = _commit(folder, revision)
    archive = _git(folder, "archive", "--format=zip", commit, ".")
    if archive.returncode != 0:
        return False
    with zipfile.ZipFile(io.BytesIO(archive.stdout)) as files:
        files.extractall(into)
    return True


def author(folder: Path) -> str:
    """Who git thinks is working here, as ``Name <address>``; "" if it does not know."""
    try:
        done = _git(folder, "var", "GIT_AUTHOR_IDENT")
    except NoRevision:
        return ""
    # The identity is followed by a time, which is of no use here.
    identity = done.stdout.decode("utf-8", errors="replace").rpartition(">")[0]
    return f"{identity}>" if done.returncode == 0 and identity else ""


def _commit(folder: Path, revision: str) -> str:
    """The commit that a revision names."""
    found = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if found.returncode != 0:
        where = _git(folder, "rev-parse", "--git-dir")
        if where.returncode != 0:
            raise NoRevision(f"`{folder}` is in no git repository")
        raise NoRevision(f"`{revision}` is neither a file nor a git revision")
    return found.stdout.decode().strip()


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)
    except OSError as error:
        raise NoRevision("git cannot be run") from error
