"""Whether TensorRT can run on this machine, and on what."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from edgebuild import reads
from edgebuild.core.versions import version_of

NOTED = (Path("/proc/driver/nvidia/version"), Path("/proc/device-tree/model"))
"""What the kernel says of a driver or board; a remembered plan asks again when it changes."""
WHEELS = ("tensorrt-rtx-cu13-bindings", "tensorrt-rtx-cu13-libs")
"""TensorRT-RTX: a parser and a builder that need no GPU; for x86-64 alone."""
MODULE = "edgebuild.runtimes.tensorrt.session_cuda"
PATIENCE_S = 30.0


def gpu_here() -> dict[str, str]:
    """The GPU that TensorRT would run on, or `{"missing": why}`.

    Returns:
        `name`, `compute_capability`, `cuda` and `driver` of the GPU, `tensorrt` (the package's version), and
        `visible`, where CUDA_VISIBLE_DEVICES is set.
    """
    for file in NOTED:
        reads.state(file)
    visible = reads.environ("CUDA_VISIBLE_DEVICES")
    version = version_of("tensorrt")
    if version is None:
        return {"missing": "the package `tensorrt` is not installed."}
    if visible == "":
        return {"missing": "CUDA_VISIBLE_DEVICES is empty."}
    found = dict(asked(visible))
    if "missing" in found:
        return found
    return {**found, "tensorrt": version} | ({"visible": visible} if visible else {})


@cache
def asked(visible: str | None) -> dict[str, str]:
    """The driver's answer. A process of its own asks: CUDA does not survive a fork, and builds fork."""
    environment = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    if visible is not None:
        environment["CUDA_VISIBLE_DEVICES"] = visible
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-m", MODULE],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        return {"missing": f"the driver gave no answer within {PATIENCE_S:g} s."}
    if done.returncode:
        return {"missing": f"asking the driver ended with exit status {done.returncode}."}
    found: dict[str, str] = json.loads(done.stdout)
    return found
