"""npz files with equal bytes for equal arrays, and names that `np.savez` cannot take (`file`, `a/b`)."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write an uncompressed npz; entries in the order given, dated 1980.

    Raises:
        ValueError: an array holds Python objects.
    """
    import numpy as np

    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                # Not ascontiguousarray, which turns a scalar into a vector.
                np.lib.format.write_array(member, np.asarray(array, order="C"), allow_pickle=False)


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Every array of an npz, in its order.

    Raises:
        ValueError: the file is no npz, or an array holds Python objects.
    """
    import numpy as np

    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}
