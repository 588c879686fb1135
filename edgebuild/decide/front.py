"""The Pareto front of accuracy, latency and size."""

from __future__ import annotations

from collections.abc import Sequence

from edgebuild.core.dossier import SELECT, CandidateFile
from edgebuild.decide.choice import direction_of


def front(candidates: Sequence[CandidateFile], metrics: Sequence[str], latency: str = "latency.p50") -> tuple[str, ...]:
    """Names of the candidates that no other beats, in the order of the spec.

    The first metric that every candidate has is the accuracy, without labels `parity.sqnr`. A quantity that some
    candidate lacks counts for none.
    """
    made = [candidate for candidate in candidates if candidate.refusal is None]
    axes = [axis for axis in (accuracy_of(made, metrics), latency, "size") if axis and known(made, axis)]
    points = {item.name: tuple(coordinate(item, axis) for axis in axes) for item in made}
    return tuple(
        item.name
        for item in made
        if not any(dominates(points[other.name], points[item.name]) for other in made if other is not item)
    )


def accuracy_of(candidates: Sequence[CandidateFile], metrics: Sequence[str]) -> str:
    """The quantity that stands for accuracy, or "" where there is none."""
    return next((name for name in (*metrics, "parity.sqnr") if known(candidates, name)), "")


def known(candidates: Sequence[CandidateFile], quantity: str) -> bool:
    """Whether every candidate has a value."""
    numbers = [candidate.measured(quantity, SELECT) for candidate in candidates]
    return all(number is not None and number.value is not None for number in numbers)


def coordinate(candidate: CandidateFile, quantity: str) -> float:
    """The value, turned so that lower is better."""
    number = candidate.measured(quantity, SELECT)
    assert number is not None
    assert number.value is not None
    return direction_of(candidate, quantity) * number.value


def dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Whether one is nowhere worse and somewhere better."""
    return all(a <= b for a, b in zip(one, other, strict=True)) and one != other
