"""Coremltools without what it would import for its own convenience.

It imports torch and tensorflow wherever they are installed, 15 seconds for nothing here. `edgebuild.models.hidden` does
the same for the building side; it is repeated because what travels to a device imports nothing of edgebuild.
"""

from __future__ import annotations

import logging
import platform
import sys

MACOS = platform.system() == "Darwin"

if not MACOS:
    # Eight warnings that the framework is absent, which is why the evaluator is there.
    logging.getLogger("coremltools").setLevel(logging.ERROR)

_ABSENT = [name for name in ("torch", "tensorflow") if name not in sys.modules]
for _name in _ABSENT:
    # None is how Python marks what is not to be had.
    sys.modules[_name] = None  # type: ignore[assignment]
try:
    import coremltools as ct
    from coremltools.converters.mil.frontend.milproto import load as milproto
    from coremltools.converters.mil.mil import types
    from coremltools.models.compute_plan import MLComputePlan
finally:
    for _name in _ABSENT:
        del sys.modules[_name]

__all__ = ["MACOS", "MLComputePlan", "ct", "milproto", "types"]
