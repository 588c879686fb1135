"""Which layer of a float model is the first that says something else than the source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgebuild.core.dossier import SELECT, CandidateFile
from edgebuild.decide.budgets import Budget

NOISE = 1e-4
"""Relative difference that float32 kernels make among themselves: 6e-5 after 20 layers of Basic Pitch (measured)."""


def differences(
    files: Sequence[CandidateFile], compared: Mapping[str, Mapping[str, Any] | None], budgets: Sequence[Budget]
) -> tuple[str, ...]:
    """A sentence for each candidate beyond its parity budget.

    Args:
        files: with their numbers.
        compared: name of a candidate → `layers.json` of `CompareLayers`.
        budgets: of the target.
    """
    limits = [budget.limit for budget in budgets if budget.quantity == "parity" and budget.form == "max"]
    lines = []
    for file in files:
        own, rows = file.measured("parity", SELECT), compared.get(file.name)
        if rows and limits and own is not None and own.value is not None and own.value > min(limits):
            tolerance = max(min(limits) / (rows["scale"] or 1.0), NOISE)
            lines.append(f"`{file.name}` is beyond its parity budget: {told(rows['layers'], tolerance)}")
    return tuple(lines)


def told(layers: Sequence[Mapping[str, Any]], tolerance: float) -> str:
    """Where it begins, in words."""
    first = first_different(layers, tolerance)
    if first is None:
        return "on the sample that was looked into no layer differs by that much."
    error = f"by {first['error']:.2g} of its largest value" if first["error"] is not None else "and has no counterpart"
    return f"the first layer that differs is `{first['name']}` ({first['op']}), {error}."


def first_different(layers: Sequence[Mapping[str, Any]], tolerance: float) -> Mapping[str, Any] | None:
    """The first layer that differs though all it reads agrees, and from which nothing that agrees is computed.

    A layer that was fused away looks different while its readers agree: it is none.
    """
    differs = {row["name"]: row["error"] is None or row["error"] > tolerance for row in layers}
    readers: dict[str, list[str]] = {}
    for row in layers:
        for name in row["inputs"]:
            readers.setdefault(name, []).append(row["name"])
    for row in reversed(layers):
        after = readers.get(row["name"], ())
        differs[row["name"]] = differs[row["name"]] and all(differs[name] for name in after)
    for row in layers:
        if differs[row["name"]] and not any(differs.get(name, False) for name in row["inputs"]):
            return row
    return None
