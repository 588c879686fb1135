"""The sensitivity of a Keras model's groups, on calibration samples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from edgebuild.compress.prune.account import BY
from edgebuild.compress.prune.keras_cut import stored, unread
from edgebuild.compress.prune.keras_graph import functional, keras_network
from edgebuild.compress.prune.scores import magnitudes
from edgebuild.compress.prune.sensitivity import MOST, Outputs, Progress, lost_power, measured
from edgebuild.compress.quantize.calibration import feeds
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import words_of
from edgebuild.models.convert.traced import keras_names, load_keras, quiet

if TYPE_CHECKING:
    import numpy as np


class MeasurePruningSensitivity(Step):
    """Make one group narrower at a time and see what becomes of the outputs; writes a `Sensitivity` (JSON).

    Channels are left out by their magnitude. The channels' readers get zeros for them, which is the narrower model.
    """

    version: ClassVar[int] = 2
    tools: ClassVar[tuple[str, ...]] = ("tensorflow", "keras", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("tensorflow",)
    filename: ClassVar[str] = "sensitivity.json"
    portable: ClassVar[bool] = False
    timeout_s: ClassVar[float] = 7200.0

    model: Artifact
    """A `.keras` or `.h5` file."""
    calibration: Artifact
    """A sample folder."""
    multiple: int = 8
    criterion: Literal["l2", "l1"] = "l2"

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the samples are not this model's."""
        measure_sensitivity(
            work.path(self.model),
            work.path(self.calibration) / "inputs.npz",
            work.output,
            self.multiple,
            self.criterion,
            progress=work.progress,
        )


def measure_sensitivity(
    model: Path, samples: Path, output: Path, multiple: int = 8, criterion: str = "l2", progress: Progress | None = None
) -> None:
    """The work itself, over paths and values."""
    quiet()
    with words_of("keras"):
        opened = load_keras(model)
    network, given = keras_network(opened), batches(opened, samples)
    whole = answers(opened, given)

    def lost(out: set[int]) -> float:
        with unread(network, out):
            return lost_power(whole, answers(opened, given))

    scores, count = magnitudes(network, stored(network), criterion), sum(len(next(iter(one.values()))) for one in given)
    made = measured(network.groups(), scores, (criterion, multiple, count), lost, progress)
    output.write_text(made.model_dump_json(indent=1) + "\n", encoding="utf-8")


def batches(model: Any, samples: Path) -> list[dict[str, np.ndarray]]:
    """Samples by the canonical name of each input, together where all are of one shape."""
    import numpy as np

    names, _ = keras_names(model)
    taken = [
        {"name": name, "shape": list(item.shape), "dtype": str(item.dtype)}
        for name, item in zip(names, model.inputs, strict=True)
    ]
    rows = feeds(taken, samples, BY)[:MOST]
    alike = len({tuple(value.shape for value in row.values()) for row in rows}) == 1
    if not alike or any(item.shape[0] is not None for item in model.inputs):
        return rows
    return [{name: np.concatenate([row[name] for row in rows]) for name in names}]


def answers(model: Any, given: list[dict[str, np.ndarray]]) -> Outputs:
    """All outputs for all batches."""
    import keras
    import numpy as np

    found = []
    for batch in given:
        nested = keras.tree.pack_sequence_as(functional(model)._inputs_struct, list(batch.values()))
        # Compiled, and by more than one sample at a time, where there are several.
        told = keras.tree.flatten(model.predict_on_batch(nested))
        found.append([np.asarray(item, np.float64) for item in told])
    return found
