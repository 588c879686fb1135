"""Steps that make models of a few mixtures and compare their answers with those of the original."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from edgebuild.compress.search.precision.mixtures import Mixture
from edgebuild.core.dossier import Call
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import DataError, Refused

if TYPE_CHECKING:
    import numpy as np

    Arrays = dict[str, np.ndarray]

BATCH_FILE = "trials.json"
"""A row for each mixture of one batch; another schema than the `TRIALS_FILE` of a front."""
DECLINED = -200.0
"""dB of a mixture that cannot be made or run."""


class TryMixtures(Step):
    """Models of several mixtures, and how near the answers of each are to those in floating point.

    Writes a folder: `trials.json` with `{"sqnr", "agreement", "refused"}` of each mixture in order, and with `keep` the
    models by number. SQNR in dB of the worst output, agreement in % or null. A mixture that the tool or the runtime
    declines has their words in `refused`.
    """

    tools: ClassVar[tuple[str, ...]] = ("numpy",)
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "trials"
    portable: ClassVar[bool] = False

    suffix: ClassVar[str]
    """Of a model's file."""

    model: Artifact
    """In floating point."""
    ranges: Artifact | None
    """Of the calibration that all mixtures share; None for schemes that need none."""
    samples: Artifact
    """What is answered: a sample folder."""
    call: Call
    mixtures: tuple[Mixture, ...]
    keep: bool = True
    """Whether the models are wanted, or what they answer alone."""

    def make(self, model: Path, ranges: Path | None, output: Path) -> Iterator[tuple[int, Refused | None]]:
        """Write each mixture's model as `<number><suffix>` into a folder; yields its number, and why it is missing."""
        raise NotImplementedError

    def start(self, work: Workspace) -> Path:
        """What the mixtures are made from: a model with the same answers as `model`."""
        return work.path(self.model)

    def repair(self, work: Workspace, made: Path) -> None:
        """Change what was made of a mixture in place."""

    def run(self, work: Workspace) -> None:
        """Raises: StepError: the runtime died over one of them."""
        work.output.mkdir(parents=True)
        made = work.output if self.keep else work.scratch
        ranges = work.path(self.ranges) if self.ranges is not None else None
        refused: dict[int, str] = {}
        for number, why in self.make(self.start(work), ranges, made):
            work.progress(number + 1, len(self.mixtures), "mixtures")
            if why is not None:
                refused[number] = f"{why.by}: {why.why}"
            else:
                self.repair(work, made / f"{number}{self.suffix}")
        paths = {
            number: made / f"{number}{self.suffix}" for number in range(len(self.mixtures)) if number not in refused
        }
        inputs = work.path(self.samples) / "inputs.npz"
        rows = compared(work.path(self.model), paths, self.call, inputs, work.scratch / "answers", self.timeout_s)
        rows |= {number: {"refused": why} for number, why in refused.items()}
        text = json.dumps([rows[number] for number in range(len(self.mixtures))], indent=1, allow_nan=False)
        (work.output / BATCH_FILE).write_text(text + "\n", encoding="utf-8")


def compared(
    model: Path, paths: dict[int, Path], call: Call, inputs: Path, output: Path, timeout_s: float
) -> dict[int, dict[str, Any]]:
    """SQNR and agreement of the answers of several models with those of `model`, all run in one process.

    Args:
        model: in floating point.
        paths: the others by number.
        call: how the runtime loads all of them.
        inputs: `inputs.npz` of a sample folder.
        output: a folder for the answers.
        timeout_s: of the process.

    Returns:
        By number `{"sqnr", "agreement"}` (see `judged`), or `{"refused"}` with why there are none.

    Raises:
        Refused: the runtime declines `model` itself.
        StepError: the process died.
    """
    import numpy as np

    from edgebuild.devices.links.base import Job, JobModel
    from edgebuild.devices.links.local import LocalLink

    files = [model, *paths.values()]
    job = Job(what="answers", models=tuple(JobModel(path=str(file), call=call) for file in files), inputs=str(inputs))
    result = LocalLink().execute(job, output, timeout_s)
    if "0" in result["declined"]:
        raise Refused(by="search", why=f"the model itself does not run: {result['declined']['0']}")

    def answers(index: int) -> Arrays:
        with np.load(output / f"{index}.npz") as archive:
            return {name: archive[name] for name in archive.files}

    reference, rows = answers(0), {}
    for index, number in enumerate(paths, start=1):
        words = result["declined"].get(str(index))
        rows[number] = {"refused": words} if words else judged(answers(index), reference)
    return rows


def judged(outputs: Arrays, reference: Arrays) -> dict[str, Any]:
    """SQNR in dB and agreement in %, null where the outputs decide nothing."""
    from edgebuild.metrics.agreement import Agreement
    from edgebuild.metrics.base import Samples
    from edgebuild.metrics.sqnr import Sqnr

    samples = Samples(outputs=outputs, reference=reference)
    try:
        sqnr = Sqnr().value(samples)
    except DataError as error:
        return {"refused": str(error)}
    if not isfinite(sqnr):
        return {"refused": "some of its answers are no numbers (NaN)"}
    try:
        agreement = Agreement().value(samples)
    except DataError:
        agreement = None
    return {"sqnr": round(sqnr, 3), "agreement": None if agreement is None else round(agreement, 3)}


class TryOnnx(TryMixtures):
    """Static INT8 in some layers of an ONNX model, from one calibration."""

    version: ClassVar[int] = 2
    tools: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy", "onnx")
    suffix: ClassVar[str] = ".onnx"

    form: dict[str, bool | str] = {}
    """Options of `quantize_static` that the runtime wants."""

    def make(self, model: Path, ranges: Path | None, output: Path) -> Iterator[tuple[int, Refused | None]]:
        """See `TryMixtures`."""
        from edgebuild.compress.search.precision.onnx import make_mixtures

        assert ranges is not None
        yield from make_mixtures(model, ranges, output, self.mixtures, dict(self.form))
