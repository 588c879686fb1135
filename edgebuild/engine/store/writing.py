"""What a file system says to who writes into the store, as a problem with a way out."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgebuild.engine.store.rows import NoRoomError, disk_full
from edgebuild.errors import Problem, StepError

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def writing(root: Path) -> Iterator[None]:
    """Explain what goes wrong while a store is written.

    Args:
        root: its folder, as problems name it.

    Raises:
        NoRoomError: the disk is full: of bytes, or of names for files.
        StepError: the folder cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise NoRoomError(disk_full(root)) from error
        what = f"The store cannot be written ({error.strerror or error})."
        fix = "Mend the rights of its folder, or give another with `--store`; one to read goes into {}."
        raise StepError(Problem(str(root), what, fix.format("EDGEBUILD_STORE_LAYERS"))) from error
