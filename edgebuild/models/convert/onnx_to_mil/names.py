"""Names that Core ML accepts, and what they stood for."""

from __future__ import annotations

import re
from collections.abc import Iterable

RESERVED = frozenset(
    {
        "any", "bool", "program", "func", "tensor", "list", "dict", "tuple", "true", "false", "string", "state",
        "bf16", "fp16", "fp32", "fp64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    }
)  # fmt: skip
"""Words of the textual form of MIL; coremltools renames what is called so by itself, and silently."""


class Names:
    """Gives each name once."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = set(taken)

    def give(self, name: str) -> str:
        """`name` with what Core ML does not accept replaced by `_`, and a number where it was given before."""
        clean = re.sub(r"[^A-Za-z0-9_]", "_", name).lstrip("_")
        if not re.match(r"[A-Za-z]", clean):
            clean = f"v_{clean}"
        if clean in RESERVED:
            clean = f"{clean}_"
        unique, number = clean, 1
        while unique in self.taken:
            number += 1
            unique = f"{clean}_{number}"
        self.taken.add(unique)
        return unique
