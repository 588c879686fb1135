"""Samples as a model takes them, and its outputs as samples again."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgebuild.runner.arrays import Arrays
from edgebuild.runner.job import JobError


class Feeds:
    """The samples of a job in the form of one model; the batch axis is added and taken away here."""

    def __init__(self, inputs: list[dict[str, Any]], samples: Arrays) -> None:
        """Args: inputs: of the model, as its session tells them. samples: by name, axis 0 the sample.

        Raises:
            JobError: an input has no samples, or its type could only be cast with loss.
        """
        wanted = [item["name"] for item in inputs]
        missing = [name for name in wanted if name not in samples]
        if missing:
            raise JobError(f"inputs: no samples for {', '.join(missing)}; there are {', '.join(samples)}.")
        self.samples = {name: samples[name] for name in wanted}
        self.dtypes = {item["name"]: _dtype(item, self.samples[item["name"]]) for item in inputs}
        self.batched = {item["name"]: len(item["shape"]) == samples[item["name"]].ndim for item in inputs}
        lengths = {len(array) for array in self.samples.values()}
        if len(lengths) != 1 or not min(lengths):
            raise JobError(f"inputs: every array needs the same number of samples, at least one; got {lengths}.")
        self.count = lengths.pop()

    def feed(self, index: int) -> Arrays:
        """One sample as the model takes it."""
        # Not by `ascontiguousarray`, which gives a scalar an axis.
        return {
            name: np.asarray(
                array[index : index + 1] if self.batched[name] else array[index], self.dtypes[name], order="C"
            )
            for name, array in self.samples.items()
        }

    def unbatched(self, outputs: Arrays) -> Arrays:
        """Outputs without the batch axis that `feed` added."""
        if not any(self.batched.values()):
            return outputs
        return {name: value[0] if value.shape[:1] == (1,) else value for name, value in outputs.items()}


def _dtype(item: dict[str, object], array: np.ndarray) -> np.dtype:
    """The type an input gets: the model's, where casting the samples to it changes nothing that matters."""
    if str(array.dtype) == item.get("raw_dtype"):
        return array.dtype
    wanted = np.dtype(str(item["dtype"]))
    floats = array.dtype.kind == "f" and wanted.kind == "f"
    if array.dtype == wanted or floats or np.can_cast(array.dtype, wanted, "safe"):
        return wanted
    raise JobError(f"inputs: `{item['name']}` takes {wanted}, its samples are {array.dtype}; cast them in the loader.")
