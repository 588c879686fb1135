"""Models that see one step of a sequence at a time: what `model.inputs` says of it, held together."""

from __future__ import annotations

from collections.abc import Mapping

from edgebuild.documents import Loc
from edgebuild.spec.check import Checker
from edgebuild.spec.records import Input

ALONE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("constant", ("state", "steps")),
    ("state", ("steps", "data")),
)
"""Key of an input that says all about where its values come from, and those that would say it once more."""

NEEDED: dict[str, tuple[str, str]] = {
    "initial": (
        "state",
        "Name the output that is fed back: `state: NAME`; a value that never changes is a `constant`.",
    ),
    "period": ("steps", "Name the axis of a sample along which the steps lie: `steps: 0`."),
}
"""Key that only has a meaning beside another, and what to do."""


def check_sequences(checker: Checker, inputs: Mapping[str, Input]) -> None:
    """Say what of `state`, `initial`, `steps` and `period` contradicts itself or has nothing to work on."""
    for name, entry in inputs.items():
        check_input(checker, ("model", "inputs", name), entry)
    stepped = [name for name, entry in inputs.items() if entry.steps is not None]
    for name, entry in inputs.items():
        if entry.state is not None and not stepped:
            what = "is fed back between the steps of a sample, and no input has steps."
            fix = "Add `steps: 0` to the input that comes in step by step; its samples are sequences along that axis."
            checker.say(("model", "inputs", name, "state"), what, fix)
    periods = {name: entry.period for name, entry in inputs.items() if entry.period is not None}
    first = next(iter(periods), "")
    for name, period in periods.items():
        if period != periods[first]:
            what = f"differs from that of `{first}`: the steps of all inputs come at once."
            checker.say(("model", "inputs", name, "period"), what, "Give one period.")


def check_input(checker: Checker, loc: Loc, entry: Input) -> None:
    """Keys of one input that exclude or need each other."""
    given = entry.model_fields_set
    for key, others in ALONE:
        for other in others:
            if key in given and other in given:
                checker.say((*loc, other), f"has no meaning beside `{key}`.", "Remove one of them.", key=True)
    for key, (other, fix) in NEEDED.items():
        if key in given and other not in given:
            checker.say((*loc, key), f"has no meaning without `{other}`.", fix, key=True)
