"""How a product runs a model that sees one step at a time, as the dossier tells it."""

from __future__ import annotations

from typing import Any

from edgebuild.core.dossier import Loop, Sequence, State, Tensor


def sequence_of(loop: Loop | None, model: dict[str, Any], period_ms: float | None) -> Sequence | None:
    """The steps, and each state with its shape for one sample; None where a sample is one run.

    Args:
        loop: as runners are told it.
        model: `model.json` with the states among its inputs.
        period_ms: from one step to the next.
    """
    if loop is None:
        return None
    taken = {tensor.name: tensor for tensor in map(Tensor.model_validate, model.get("inputs", ()))}
    states = tuple(
        State(input=for_one(taken[name], loop), output=output, initial=loop.initial.get(name, 0.0))
        for name, output in loop.states.items()
        if name in taken
    )
    return Sequence(steps=loop.steps, states=states, period_ms=period_ms)


def for_one(tensor: Tensor, loop: Loop) -> Tensor:
    """A state with a size for every axis: the model's, the spec's, else 1."""
    told = loop.shapes.get(tensor.name, ())
    offered = [(size, *told[axis : axis + 1], 1) for axis, size in enumerate(tensor.shape)]
    sizes = tuple(next(size for size in sizes if isinstance(size, int) and size > 0) for sizes in offered)
    return tensor.model_copy(update={"shape": sizes})


def note_of(sequence: Sequence | None) -> tuple[str, ...]:
    """What a reader must know of the numbers."""
    if sequence is None:
        return ()
    stepped = ", ".join(f"`{name}`" for name in sequence.steps)
    fed = ", ".join(f"`{state.input.name}` from `{state.output}`" for state in sequence.states)
    back = f"; between steps {fed} {'is' if len(sequence.states) == 1 else 'are'} fed back" if fed else ""
    return (f"A sample is a sequence of {stepped}, one run for each step{back}. Latency and memory are of one step.",)


def with_rtf(entry: dict[str, Any] | None, period_ms: float | None) -> dict[str, Any] | None:
    """A row of the timing run with the real-time factor: the mean latency of a step in parts of a step's time.

    Args:
        entry: of one candidate.
        period_ms: from one step to the next; None where nobody said it.
    """
    mean = entry.get("latency.mean") if entry else None
    if entry is None or mean is None or not period_ms:
        return entry
    ratio = entry.get("ratio", {})
    again = {"rtf": ratio["latency.mean"]} if "latency.mean" in ratio else {}
    factor = {name: value / period_ms for name, value in mean.items()}
    return {**entry, "rtf": factor, "ratio": {**ratio, **again}}
