"""The same bytes for equal `.keras` archives, whenever and wherever they were saved."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

METADATA = "metadata.json"
CONFIG = "config.json"
SAVED_AT = "date_saved"
SHARED = "shared_object_id"
"""In a configuration: which layers share one object, by where it lay in the memory of the process that saved."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest date a zip can hold."""
UNIX = 3
FILE = 0o100644 << 16
FOLDER = (0o40755 << 16) | 0x10
CHUNK = 1 << 20


def canonical_keras(path: Path) -> None:
    """Rewrite an archive in place without what chance and the clock put into it.

    Keras notes the second of saving in `metadata.json` and in the dates of the zip, and in `config.json` calls objects
    that layers share by their addresses. Here the dates are gone, shared objects are numbered in their order, and
    members stand by name, uncompressed as Keras itself stores them. A `Lambda` layer keeps the path of the file its
    code was written in. The archive is replaced in one move and weights are copied in pieces, so that their size does
    not matter. Applied by the step that writes such a file, before its output is digested.

    Raises:
        zipfile.BadZipFile: it is no archive; Keras reads its older formats from `.h5` and folders.
    """
    rewritten = path.with_name(path.name + ".canonical")
    try:
        with ZipFile(path) as source, ZipFile(rewritten, "w", ZIP_STORED) as target:
            for name in sorted(set(source.namelist())):
                _copy(source, target, source.getinfo(name))
        rewritten.replace(path)
    finally:
        rewritten.unlink(missing_ok=True)


def _copy(source: ZipFile, target: ZipFile, member: ZipInfo) -> None:
    """One member, with nothing of when and where it was written."""
    plain = ZipInfo(member.filename, EPOCH)
    plain.create_system = UNIX
    plain.external_attr = FOLDER if member.is_dir() else FILE
    if member.filename in REWRITTEN:
        target.writestr(plain, REWRITTEN[member.filename](source.read(member)))
        return
    # Decides how the header is written: before the content, whose size it could not know otherwise.
    plain.file_size = member.file_size
    with source.open(member) as content, target.open(plain, "w") as copy:
        shutil.copyfileobj(content, copy, CHUNK)


def _undated(metadata: bytes) -> bytes:
    values = json.loads(metadata)
    values.pop(SAVED_AT, None)
    return json.dumps(values, sort_keys=True).encode()


def _numbered(config: bytes) -> bytes:
    """A configuration whose shared objects are 1, 2, … in the order in which they are first named."""
    values, numbers = json.loads(config), dict[int, int]()
    for holder in _holders(values):
        holder[SHARED] = numbers.setdefault(holder[SHARED], len(numbers) + 1)
    return json.dumps(values).encode()


def _holders(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping that names a shared object, in the order of the text."""
    if isinstance(value, dict):
        if isinstance(value.get(SHARED), int):
            yield value
        for item in value.values():
            yield from _holders(item)
    elif isinstance(value, list):
        for item in value:
            yield from _holders(item)


REWRITTEN: dict[str, Callable[[bytes], bytes]] = {METADATA: _undated, CONFIG: _numbered}
"""Members that are small and read whole."""
