"""Samples that are sequences: one run of the model for each step, its states fed back between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from edgebuild.runner.arrays import Arrays
from edgebuild.runner.feeds import Feeds
from edgebuild.runner.job import JobError, Session

LENGTHS = "steps per sample"
"""Entry of `inputs.npz` where sequences differ in length: how many steps of each sample count, int64."""


class Sequences:
    """The samples of a job step by step.

    Inputs with steps have them along axis 1 of their samples; every other input is the same in all steps of a sample. A
    state that is no input is kept by the session itself, which is reset before each sample.
    """

    def __init__(self, session: Session, loop: dict[str, Any], samples: Arrays) -> None:
        """Args: loop: of the call. samples: by name, axis 0 the sample.

        Raises:
            JobError: an input has no samples, or no steps.
        """
        named = {item["name"]: item for item in session.inputs}
        self.session, self.stepped = session, set(loop["steps"])
        self.outputs = {name: output for name, output in loop["states"].items() if name in named}
        self.dropped = set(loop["states"].values())
        self.start = {name: initial(named[name], loop) for name in self.outputs}
        self.given = [item for name, item in named.items() if name not in self.outputs]
        missing = [item["name"] for item in self.given if item["name"] not in samples]
        if missing:
            raise JobError(f"inputs: no samples for {', '.join(missing)}; there are {', '.join(samples)}.")
        self.samples = {item["name"]: samples[item["name"]] for item in self.given}
        steps = {array.shape[1] for name, array in self.samples.items() if name in self.stepped}
        if len(steps) != 1 or not min(steps):
            raise JobError(f"inputs: the inputs with steps need the same number of them, at least one; got {steps}.")
        self.count = len(next(iter(self.samples.values())))
        self.lengths = [int(length) for length in samples.get(LENGTHS, np.full(self.count, steps.pop()))]

    def walk(self, index: int) -> Iterator[tuple[Arrays, Arrays, Arrays]]:
        """Each step of a sample: what was fed, what the model said, and what of that is the sample's.

        The last is without the batch axis and without states.

        Raises:
            JobError: an output is not what its state takes.
        """
        length = self.lengths[index]
        rows = {
            name: array[index, :length] if name in self.stepped else np.repeat(array[index : index + 1], length, axis=0)
            for name, array in self.samples.items()
        }
        feeds = Feeds(self.given, rows)
        if hasattr(self.session, "reset"):
            self.session.reset()
        state = self.start
        for step in range(length):
            fed = {**feeds.feed(step), **state}
            said = self.session.run(fed)
            state = {name: self.fed_back(name, output, said) for name, output in self.outputs.items()}
            own = {name: value for name, value in said.items() if name not in self.dropped}
            yield fed, said, feeds.unbatched(own)

    def fed_back(self, name: str, output: str, said: Arrays) -> np.ndarray:
        """A state's next value."""
        start, value = self.start[name], said.get(output)
        if value is None:
            raise JobError(f"state `{name}` is fed from `{output}`; the model's outputs are {', '.join(said)}.")
        if value.shape != start.shape:
            raise JobError(
                f"state `{name}` has shape {list(start.shape)}, the output `{output}` that feeds it "
                f"{list(value.shape)}; give open axes a size by `dims` and `shapes`."
            )
        return value.astype(start.dtype, copy=False)


def initial(item: dict[str, Any], loop: dict[str, Any]) -> np.ndarray:
    """A state before the first step; an axis that has a size neither in the model nor in the loop is 1."""
    told = loop.get("shapes", {}).get(item["name"], ())
    sizes = []
    for axis, size in enumerate(item["shape"]):
        offered = [size, *told[axis : axis + 1], 1]
        sizes.append(next(found for found in offered if isinstance(found, int) and found > 0))
    return np.full(sizes, loop.get("initial", {}).get(item["name"], 0), np.dtype(str(item["dtype"])))
