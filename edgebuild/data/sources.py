"""The user's own files and folders: known by digest, read once into the store."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from edgebuild.core.records import Here, digest_of
from edgebuild.core.step import Step, Workspace
from edgebuild.errors import DataError, Problem
from edgebuild.reads import CHUNK, digest

LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
"""What file managers leave behind; not part of a folder, and neither is `._*`."""


def digest_path(path: Path, beside: Sequence[str] = ()) -> str:
    """`sha256:…` of a file's bytes, or of the sorted list of a folder's files with their digests.

    Args:
        path: a file or folder.
        beside: files in a file's folder that belong to it; the digest is then that of a folder with all of them.

    Raises:
        DataError: nothing is there, or a folder holds a link out of it, a device, or names that differ in case alone.
    """
    if path.is_dir() or beside:
        return digest_of("".join(f"{name}\0{digest(file)}\n" for name, file in _files(path, beside)).encode())
    if not path.exists():
        raise DataError(
            Problem(str(path), "no such file or folder.", "Correct the path; it belongs to the spec's folder.")
        )
    return digest(path)


def _files(path: Path, beside: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """What is read of a folder, or of a file with others beside it.

    Raises:
        DataError: as in `digest_path`; a file beside it is missing or not inside its folder; all at once.
    """
    if path.is_dir():
        yield from walk(path)
        return
    folder = path.parent.resolve()
    wrong = [name for name in beside if not (folder / name).resolve().is_relative_to(folder)]
    absent = [name for name in beside if name not in wrong and not (folder / name).is_file()]
    fix = f"Put it beside {path.name}, or export {path.name} again with its weights inside."
    problems = [Problem(path.name, f"keeps data outside its folder, in `{name}`.", fix) for name in wrong]
    problems += [Problem(path.name, f"keeps data in `{name}`, which is not there.", fix) for name in absent]
    if problems:
        raise DataError(*problems)
    yield from sorted({name: path.parent / name for name in (path.name, *beside)}.items())


def walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """Files below a folder by POSIX path, sorted, without a file manager's litter.

    Raises:
        DataError: as in `digest_path`, all such files at once.
    """
    found: dict[str, Path] = {}
    problems: list[Problem] = []
    folded: dict[str, str] = {}
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in files + [name for name in folders if (Path(parent) / name).is_symlink()]:
            path = Path(parent) / name
            relative = path.relative_to(folder).as_posix()
            if name in LITTER or name.startswith("._"):
                continue
            if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
                problems.append(Problem(str(path), "is a link out of the folder.", "Put the file itself there."))
            elif not path.is_file():
                problems.append(Problem(str(path), "is no plain file.", "Remove it from the folder."))
            elif (twin := folded.setdefault(relative.casefold(), relative)) != relative:
                problems.append(Problem(str(path), f"differs from `{twin}` in case alone.", "Rename one of them."))
            else:
                found[relative] = path
    if problems:
        raise DataError(*problems)
    yield from sorted(found.items())


class ReadSource(Step):
    """Take a file or folder of the user's into the store, once; everything else reads the copy."""

    version = 1

    path: Here
    digest: str
    """What was there when the graph was made."""
    name: str
    """Name under which readers see it."""
    beside: tuple[str, ...] = ()
    """Files in its folder that belong to a file; readers then see a folder with all of them."""

    def output_name(self) -> str:
        """The name the plan gave it; never the user's."""
        return self.name

    def run(self, work: Workspace) -> None:
        """Raises: DataError: the bytes are no longer those of the digest."""
        source = Path(self.path)
        if source.is_dir() or (self.beside and source.exists()):
            files = _files(source, self.beside)
            found = digest_of("".join(_into(work.output, name, file) for name, file in files).encode())
        elif source.exists():
            found = copied(source, work.output)
        else:
            raise DataError(Problem(self.path, "is gone since this build began.", "Put it back and build again."))
        if found != self.digest:
            raise DataError(
                Problem(
                    self.path,
                    f"changed while the build was running: its digest was {self.digest}, now it is {found}.",
                    "Build again once nothing writes to it.",
                )
            )


def _into(folder: Path, name: str, file: Path) -> str:
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    return f"{name}\0{copied(file, target)}\n"


def copied(source: Path, target: Path) -> str:
    """The digest of a file, which is copied on the way."""
    content = hashlib.sha256()
    with source.open("rb") as reader, target.open("wb") as writer:
        while piece := reader.read(CHUNK):
            content.update(piece)
            writer.write(piece)
    return "sha256:" + content.hexdigest()
