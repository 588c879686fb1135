"""How long a training is, and the learning rate of each of its epochs."""

from __future__ import annotations

import math

from edgebuild.compress.train.settings import Schedule

COOLING = 3
"""The last of so many parts of a training lowers the rate."""


def cooling_from(epochs: int) -> int:
    """The epoch from which `cooldown` lowers the rate."""
    return epochs - math.ceil(epochs / COOLING)


def rates(schedule: Schedule, peak: float, epochs: int) -> tuple[float, ...]:
    """Learning rate of each epoch, rounded to 9 significant digits, so that equal ones are equal in every key.

    `cooldown` is constant and then falls to zero by half a cosine, so that the beginning of a longer training is that
    of a shorter one (Hägele et al. 2024, arXiv:2405.18392); `cosine` falls from the first epoch (Loshchilov and Hutter
    2017, arXiv:1608.03983). An epoch has the rate of its middle.
    """
    start = {"cooldown": cooling_from(epochs), "cosine": 0, "constant": epochs}[schedule]
    found = []
    for epoch in range(epochs):
        part = max(0.0, (epoch + 0.5 - start) / max(1, epochs - start)) if epoch >= start else 0.0
        found.append(float(f"{peak * 0.5 * (1 + math.cos(math.pi * part)):.9g}"))
    return tuple(found)


def affordable(wanted: int, done: int, spent_s: float, limit_s: float | None) -> int:
    """Epochs that a training has altogether.

    Args:
        wanted: epochs that were asked for.
        done: epochs so far.
        spent_s: seconds they took.
        limit_s: seconds that all may take; None for no limit.

    Returns:
        As many of `wanted` as fit at the pace so far, at least those that are done, and one at the very least.
    """
    if limit_s is None or done == 0 or spent_s <= 0:
        return wanted
    return max(done, min(wanted, math.floor(limit_s / (spent_s / done))))
