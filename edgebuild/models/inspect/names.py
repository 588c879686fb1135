"""Canonical names of a model's inputs and outputs: one rule for every format.

A tensor is called what its source calls it, without what exporters put around it: `serving_default_image:0` is `image`.
Conversions keep these names; every session (`runtimes/*/session.py`, which cannot import this) applies the same rule:
the name of the first signature where there is one, else the cleaned tensor name.
"""

from __future__ import annotations

from collections.abc import Sequence


def clean(name: str) -> str:
    """A tensor's name without `:0` and `serving_default_`."""
    return name.removesuffix(":0").removeprefix("serving_default_")


def distinct(names: Sequence[str]) -> list[str]:
    """Cleaned names, numbered where two would be equal."""
    cleaned = [clean(name) for name in names]
    return cleaned if len(set(cleaned)) == len(cleaned) else [f"{name}_{row}" for row, name in enumerate(cleaned)]
