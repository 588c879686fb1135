"""Files that leave the store: only what differs, each in one move."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from edgebuild.engine.store import Store
from edgebuild.engine.store.blobs import Blobs
from edgebuild.errors import Problem, StepError


def export(store: Store, digest: str, destination: Path, provide: Callable[[], None]) -> bool:
    """Make a place outside equal to a stored file or folder.

    Args:
        store: where the bytes are.
        digest: of the file or folder.
        destination: the file or folder itself.
        provide: makes sure that the bytes are there and right; called only where some are needed.

    Returns:
        Whether anything was written or removed.

    Raises:
        StepError: the destination is a project's folder, or cannot be written.
    """
    folder = digest.startswith("tree:")
    _guard(destination, folder=folder)
    wanted = {destination / path if path else destination: line.digest for path, line in store.files(digest)}
    stale = {path: content for path, content in wanted.items() if not _holds(store, path, content)}
    if stale:
        provide()
    try:
        if folder:
            folders = set(_folders(store, digest, destination))
            removed = _remove_strangers(destination, set(wanted), folders)
            for path in sorted(folders):
                path.mkdir(parents=True, exist_ok=True)
        else:
            removed = _clear_folder(destination)
        for path, content in stale.items():
            _write(store.blobs, content, path)
    except OSError as error:
        what = f"It cannot be written ({error.strerror})."
        raise StepError(Problem(str(destination), what, "Mend the folder's rights or room.")) from error
    return bool(stale) or removed


def _folders(store: Store, digest: str, place: Path) -> Iterator[Path]:
    """The folder and all below it, empty ones included."""
    yield place
    for line in store.tree(digest):
        if line.digest.startswith("tree:"):
            yield from _folders(store, line.digest, place / line.name)


def _holds(store: Store, path: Path, digest: str) -> bool:
    return path.is_file() and not path.is_symlink() and store.user_files.digest(path) == digest


def _guard(destination: Path, *, folder: bool) -> None:
    """A folder that holds a project is nobody's output, whatever the caller thinks."""
    if not destination.is_dir() or destination.is_symlink():
        return
    project = next(
        (item for item in destination.iterdir() if item.name == ".git" or item.name.endswith(".edge.yaml")), None
    )
    if project or (not folder and any(destination.iterdir())):
        held = project.name if project else "other files"
        raise StepError(
            Problem(str(destination), f"It holds `{held}` and is not an output folder.", "Choose another place.")
        )


def _write(blobs: Blobs, digest: str, path: Path) -> None:
    """Beside its place, then there in one move; a copy, so that an edit of it never reaches the store."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        blobs.put(digest, part, copy=True)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _remove_strangers(folder: Path, files: set[Path], folders: set[Path]) -> bool:
    """What is in the way of an export, or left from an earlier one."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
        return True
    removed = False
    for base, inner, names in os.walk(folder, topdown=False):
        for path in (Path(base, name) for name in (*names, *inner)):
            if path.is_symlink() or not path.is_dir():
                if path.is_symlink() or path not in files:
                    path.unlink()
                    removed = True
            elif path not in folders:
                # Empty by now: what it held is nobody's either, and went first.
                path.rmdir()
                removed = True
    return removed


def _clear_folder(destination: Path) -> bool:
    """An empty folder where a file shall be."""
    if destination.is_dir() and not destination.is_symlink():
        destination.rmdir()
        return True
    return False
