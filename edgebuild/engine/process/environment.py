"""What every step sees of the world: an environment built from nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from edgebuild.core.step import USERS_HOME, Step, variable_digest
from edgebuild.errors import Problem, StepError

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


PATH = os.pathsep.join([os.path.dirname(sys.executable), "/usr/local/bin", "/usr/bin", "/bin"])  # noqa: PTH120
BELOW_HOME = {
    "KERAS_HOME": "keras",
    "MPLCONFIGDIR": "mpl",
    **{f"XDG_{name}_HOME": name.lower() for name in ("CACHE", "CONFIG", "DATA", "STATE")},
}
"""Made by whoever wants one: a folder made and removed for every step costs more than the rest of the step."""


def environment(home: str, python_path: list[str], declared: Mapping[str, str] | None = None) -> dict[str, str]:
    """The whole environment of a step.

    Args:
        home: the step's own folder, for temporary files too.
        python_path: where its class is imported from, if not installed.
        declared: variables of the user's that the step's key holds.
    """
    return {
        **ENVIRONMENT,
        **(declared or {}),
        "HOME": home,
        "TMPDIR": home,
        **{name: f"{home}/{folder}" for name, folder in BELOW_HOME.items()},
        "PATH": PATH,
        "PYTHONPATH": os.pathsep.join(python_path),
    }


def passed(kind: type[Step]) -> dict[str, str]:
    """Values of the variables that a step gets but is not known by, and where the user's home is."""
    if not kind.passes:
        return {}
    found = {name: value for name, value in os.environ.items() if name.upper().startswith(kind.passes)}
    return {**found, USERS_HOME: str(Path.home())}


def declared(step: Step) -> dict[str, str]:
    """Values of the variables that a step sees.

    Raises:
        StepError: one is no longer what the step's key was made with.
    """
    found = {name: os.environ.get(name) for name in step.environment}
    moved = [name for name, digest in step.environment.items() if variable_digest(name, found[name]) != digest]
    if moved:
        raise StepError(*(Problem(name, "was changed while the build ran.", "Build again.") for name in moved))
    return {name: value for name, value in found.items() if value is not None}
