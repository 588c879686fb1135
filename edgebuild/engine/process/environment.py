"""What every step sees of the world: an environment built from nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    "PYTHONUNBUFFERED": "1",
    "PYTHONNOUSERSITE": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # oneDNN is the one cause seen of other floats on one machine (its use depends on the shape of the machine).
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "CUDA_VISIBLE_DEVICES": "",
    "MPLBACKEND": "Agg",
}
"""What every step sees, besides folders of its own and PATH; nothing is inherited."""


def environment(home: Path, python_path: list[str]) -> dict[str, str]:
    """The whole environment of a step.

    Args:
        home: an empty folder of the step's own.
        python_path: where its class is imported from, if not installed.
    """
    folders = {"HOME": home, "TMPDIR": home / "tmp", "KERAS_HOME": home / "keras", "MPLCONFIGDIR": home / "mpl"}
    folders |= {f"XDG_{name}_HOME": home / name.lower() for name in ("CACHE", "CONFIG", "DATA", "STATE")}
    # Whoever wants one of the others makes it; a folder made and removed for every step costs more than the rest of it.
    folders["TMPDIR"].mkdir(parents=True, exist_ok=True)
    return {
        **ENVIRONMENT,
        **{name: str(folder) for name, folder in folders.items()},
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "PYTHONPATH": os.pathsep.join(python_path),
    }
