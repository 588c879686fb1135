"""npz files: equal bytes for equal arrays, and the first rows without the rest."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

Arrays = dict[str, np.ndarray]


def save(file: Path, arrays: Arrays) -> None:
    """Write an uncompressed npz, entries dated 1980; `np.savez` takes no array named `file`."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                # Not ascontiguousarray, which turns a scalar into a vector.
                np.lib.format.write_array(member, np.asarray(array, order="C"), allow_pickle=False)


def load(file: Path) -> Arrays:
    """Every array."""
    with np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def first_rows(file: Path, count: int) -> Arrays:
    """The first rows of every array, read without the others: they must not count in a memory measurement."""
    rows: Arrays = {}
    with zipfile.ZipFile(file) as archive:
        for entry in archive.namelist():
            with archive.open(entry) as member:
                rows[entry.removesuffix(".npy")] = _head(member, count)
    return rows


def _head(member: IO[bytes], count: int) -> np.ndarray:
    version = np.lib.format.read_magic(member)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(member)
    if fortran or not shape:
        content = np.frombuffer(member.read(), dtype)
        return content.reshape(shape, order="F" if fortran else "C")[:count] if shape else content.reshape(shape)
    wanted = (min(count, shape[0]), *shape[1:])
    return np.frombuffer(member.read(math.prod(wanted) * dtype.itemsize), dtype).reshape(wanted)
