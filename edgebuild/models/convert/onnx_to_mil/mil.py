"""coremltools' Builder and types, imported without torch and TensorFlow; the family imports them from here."""

from __future__ import annotations

import logging
import os
from typing import Any

from edgebuild.models.hidden import hidden

# Its bars, and a warning for each part of Apple's framework that only macOS has, bury errors in a step's log.
os.environ.setdefault("TQDM_DISABLE", "1")
logging.getLogger("coremltools").setLevel(logging.ERROR)

with hidden("torch", "tensorflow"):
    import coremltools as ct
    from coremltools.converters.mil import mil
    from coremltools.converters.mil.mil import types
    from coremltools.converters.mil.mil.block import curr_block
    from coremltools.converters.mil.mil.types.symbolic import is_symbolic

__all__ = ["FLOAT", "Function", "Program", "Var", "ct", "curr_block", "is_symbolic", "mb", "new_symbol", "types"]

mb: Any = mil.Builder
Function: Any = mil.Function
Program: Any = mil.Program
Var: Any = mil.Var
new_symbol: Any = mil.get_new_symbol
FLOAT = (types.fp16, types.fp32)
