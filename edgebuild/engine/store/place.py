"""Where a store lies: what its file system promises, and who may write to it."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from pathlib import Path

LOCAL = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "overlay", "tmpfs", "bcachefs", "jfs"})
"""File systems of Linux whose time stamps follow every write at once, and whose locks hold."""
NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "9p", "virtiofs", "ceph", "lustre", "beegfs", "afs", "fuse.sshfs", "fuse.glusterfs"}
)
"""File systems where a lock may be this host's alone, and the table's shared memory does not work."""
MOUNTS = Path("/proc/self/mountinfo")


def mounts(table: Path = MOUNTS) -> list[tuple[str, str]]:
    """Mount points, each with a slash at its end, and their file systems; the longest first. None where nobody says."""
    try:
        lines = table.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        before, _, after = line.partition(" - ")
        place = before.split()[4].encode().decode("unicode_escape").rstrip("/") + "/"
        found.append((place, after.split()[0]))
    # Of several on one place the last one is what is seen.
    found.reverse()
    return sorted(found, key=lambda item: -len(item[0]))


def file_system(folder: Path | str, known: list[tuple[str, str]] | None = None) -> str:
    """Kind of file system a folder lies on, "" where nobody says."""
    place = os.path.realpath(folder).rstrip("/") + "/"
    return next((kind for mount, kind in (mounts() if known is None else known) if place.startswith(mount)), "")


def state_folder(root: Path) -> Path:
    """A folder of this host for the tables and locks of a store that lies on the network."""
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    return base / "edgebuild" / hashlib.sha256(str(root).encode()).hexdigest()[:16]


def make_private(folder: Path) -> None:
    """Make a folder, and what is missing above it, for its owner alone, whatever the mask of the process lets through.

    Raises:
        OSError: it cannot be made.
    """
    missing = [folder]
    while not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    for path in reversed(missing):
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
            path.chmod(0o700)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def keep_private(table: Path) -> None:
    """Let nobody else read a table: it names paths, and what people work on. SQLite makes its other files alike.

    Raises:
        OSError: it is not there and cannot be made.
    """
    os.close(os.open(table, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    for ending in ("", "-wal", "-shm"):
        # Not one of another user's, who knows what he shares.
        with contextlib.suppress(OSError):
            path = table.with_name(table.name + ending)
            if path.stat().st_mode & 0o077:
                path.chmod(0o600)


def open_to_others(root: Path) -> bool:
    """Whether somebody else than its owner may write to a folder: rows are trusted, so only one may."""
    return bool(root.stat().st_mode & 0o022)
