"""Calibration samples in the form a model takes them: as the runner feeds them later."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebuild.compress.onnx_nodes import inputs_of
from edgebuild.errors import Refused

if TYPE_CHECKING:
    import numpy as np


def feeds(taken: list[dict[str, Any]], inputs: Path | Mapping[str, np.ndarray], by: str) -> list[dict[str, np.ndarray]]:
    """Every sample with its batch axis.

    Args:
        taken: the model's inputs, `{"name", "shape", "dtype"}` each.
        inputs: `inputs.npz` of a sample folder, or its arrays.
        by: who declines.

    Raises:
        Refused: the samples are not this model's.
    """
    from edgebuild.runner import arrays
    from edgebuild.runner.feeds import Feeds
    from edgebuild.runner.job import JobError

    try:
        samples = Feeds(taken, arrays.load(inputs) if isinstance(inputs, Path) else dict(inputs))
    except JobError as error:
        raise Refused(by=by, why=f"the calibration samples do not fit: {error}") from error
    return [samples.feed(index) for index in range(samples.count)]


def samples_of(model: Path, inputs: Path, most: int | None = None) -> list[dict[str, np.ndarray]]:
    """The calibration samples as an ONNX model takes them, the first `most` of them.

    Raises:
        Refused: they are not this model's.
    """
    return feeds(inputs_of(model), inputs, "onnxruntime")[:most]
