"""The base of the conversions: the same model in another form."""

from __future__ import annotations

from typing import ClassVar

from edgebuild.core.step import Step
from edgebuild.core.wires import Artifact
from edgebuild.models.inspect.constants import Constants


class Conversion(Step):
    """One hop of a route. Inputs and outputs keep their canonical names (`models/inspect/names.py`) and their order."""

    portable: ClassVar[bool] = False

    model: Artifact
    format: str
    """What `model` is, a name of `models/routes.py`."""
    shapes: dict[str, int] = {}
    """Size of each named axis that is to be fixed; an unnamed open first axis is called `batch`."""
    dims: dict[str, tuple[str | int, ...]] = {}
    """Names of axes by input, where the spec gives them."""


class FoldingConversion(Conversion):
    """A conversion that folds constant inputs away."""

    constants: Constants = {}
    """Value by input; one that the model does not have is left alone."""
