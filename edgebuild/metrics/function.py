"""A metric of the user's own."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field, PrivateAttr

from edgebuild.errors import Problem, UserCodeError
from edgebuild.metrics.base import Metric, Samples


class Function(Metric):
    """A function of the user's: `def map50(outputs, labels) -> float`.

    `outputs` is a mapping of output name to array, axis 0 the sample, or what `decode` made of it; `labels` an array, a
    mapping of arrays where the label is one, None without labels. It may take `reference` (the source's outputs) and
    `ids` too, by these names. Its result is in `unit`.
    """

    metric: Literal["function"] = "function"
    function: str
    """`file.py:name`, relative to the spec."""
    decode: str | None = None
    """`file.py:name` of a function that reduces the outputs before they are stored."""
    unit: str = "1"  # type: ignore[misc]
    """`%` makes its drop one in percentage points."""
    better: Literal["lower", "higher"] = "higher"  # type: ignore[misc]
    """Direction."""

    draws: int = Field(default=200, ge=0)
    """Bootstrap draws for its intervals, each a call of the function; 0 for no interval."""

    _call: Callable[..., Any] | None = PrivateAttr(default=None)

    def draws_wanted(self) -> int:
        """As many as its option says."""
        return self.draws

    def bound(self, call: Callable[..., Any]) -> Function:
        """The metric with the function that its name stands for, loaded."""
        copy = self.model_copy()
        copy._call = call
        return copy

    def value(self, samples: Samples) -> float:
        """In `unit`.

        Raises:
            UserCodeError: the function raised, or its result is no finite number.
        """
        import inspect

        assert self._call is not None, "the step that scores binds the function first"
        labels = samples.labels.get("", samples.labels or None)
        outputs = {self.output: samples.outputs[self.output]} if self.output in samples.outputs else samples.outputs
        known = {"reference": samples.reference, "ids": samples.ids}
        taken = inspect.signature(self._call).parameters
        result = self._call(outputs, labels, **{name: value for name, value in known.items() if name in taken})
        try:
            number = float(result)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            what = f"gave {result!r:.60}, not a finite number."
            raise UserCodeError(Problem(self.function, what, "Return one number, in the metric's `unit`."))
        return number
