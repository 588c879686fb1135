"""Where two forms of one model begin to differ: the values of their layers, compared on one sample."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from edgebuild.core.dossier import Call
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact

if TYPE_CHECKING:
    import numpy as np

    Layers = list[tuple[dict[str, Any], np.ndarray]]


class CompareLayers(Step):
    """How far each layer of the source is from the nearest value that an artifact computes.

    Converters rename, fuse and transpose, so a layer is looked for by what it says: among all values of as many
    elements the one whose sorted numbers are nearest. A layer that was fused away has none, and looks different though
    all after it are the same; who reads the comparison takes the layers' order into account (`decide/differences.py`).

    Writes `{"scale", "layers": [{"name", "op", "inputs", "error"}]}`: `scale` is the largest magnitude of the last
    layer, `error` the largest difference in parts of the layer's own largest magnitude, null where no value has as
    many elements.
    """

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("numpy",)
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "layers.json"
    portable: ClassVar[bool] = False

    model: Artifact
    call: Call
    reference: Artifact
    reference_call: Call
    samples: Artifact
    """Its first sample is run."""
    versions: dict[str, str] = {}
    """Distributions of both runtimes by version."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: a runtime shows no values between its operators."""
        inputs = work.path(self.samples) / "inputs.npz"
        wanted = layers(work.path(self.reference), self.reference_call, inputs, work.scratch / "wanted", self.timeout_s)
        found = layers(work.path(self.model), self.call, inputs, work.scratch / "found", self.timeout_s)
        text = json.dumps(compared(wanted, found), indent=1, allow_nan=False)
        work.output.write_text(text + "\n", encoding="utf-8")


def layers(model: Path, call: Call, inputs: Path, output: Path, timeout_s: float) -> Layers:
    """Every layer of a model with its value, in the order of execution."""
    import numpy as np

    from edgebuild.devices.links.base import Job, JobModel
    from edgebuild.devices.links.local import LocalLink

    job = Job(what="layers", models=(JobModel(path=str(model), call=call),), inputs=str(inputs))
    told = LocalLink().execute(job, output, timeout_s)["layers"]
    with np.load(output / "layers.npz") as archive:
        return [(about, archive[str(number)]) for number, about in enumerate(told)]


def compared(wanted: Layers, found: Layers) -> dict[str, Any]:
    """Each layer's error."""
    import numpy as np

    pool: dict[int, list[np.ndarray]] = defaultdict(list)
    for _, value in found:
        pool[value.size].append(ordered(value))
    rows = [{**about, "error": nearest(ordered(value), pool[value.size])} for about, value in wanted if value.size]
    last = wanted[-1][1] if wanted else np.zeros(1)
    return {"scale": float(np.abs(last).max(initial=0.0)), "layers": rows}


def ordered(value: np.ndarray) -> np.ndarray:
    """The numbers of a value whatever its layout; what is not finite counts as 0."""
    import numpy as np

    flat: np.ndarray = np.sort(np.nan_to_num(value.astype(np.float64), posinf=0.0, neginf=0.0), axis=None)
    return flat


def nearest(value: np.ndarray, others: list[np.ndarray]) -> float | None:
    """Largest difference from the nearest, in parts of the value's largest magnitude."""
    import numpy as np

    largest = float(np.abs(value).max(initial=0.0)) or 1.0
    return min((float(np.abs(value - other).max()) / largest for other in others), default=None)
