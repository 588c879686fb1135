"""What the zoo's candidates are measured by, and the table of it that is committed: `FOUR_RUNTIMES.md`."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edgebuild.errors import Refused
from edgebuild.models.convert.import_onnx import import_onnx
from edgebuild.models.convert.tflite_to_onnx import tflite_to_onnx
from edgebuild.models.tidy.simplify import simplify
from edgebuild.runtimes import load_target
from edgebuild.runtimes.base import Target
from tests.models.conftest import said
from tests.models.zoo import Feed, ZooModel
from tests.runtimes.test_coreml_target import Maker

FILE = Path(__file__).with_name("FOUR_RUNTIMES.md")
OPENING = """# The zoo on four runtimes

Figures of the last run. To make them again: `UPDATE=1 pytest -m slow tests/models/test_four_runtimes.py`.
ONNX Runtime and LiteRT from every source: `pytest -s -m slow tests/models/test_sources.py`.
Reference is ONNX Runtime on the source. Core ML packages are saved, read back and evaluated operation by operation;
what TensorRT's parser takes is computed by ONNX Runtime's kernels. Feeds are drawn at random and calibrate too.
"""


class Row(NamedTuple):
    """One candidate of one model."""

    model: str
    runtime: str
    candidate: str
    error: float = math.nan
    """Largest, relative to the largest value of its output."""
    sqnr_db: float = math.nan
    """Of the worst output, over all feeds."""
    agreement: float = math.nan
    """Share of equal places of the largest values; NaN where no output has more than one value along its last axis."""
    refused: str = ""
    """By whom and why; such a row has no figures."""

    def line(self) -> str:
        """As a row of markdown."""
        head = f"| {self.model} | {self.runtime} | {self.candidate} |"
        if self.refused:
            return f"{head} | | | {self.refused} |"
        agreed = "" if math.isnan(self.agreement) else f"{self.agreement:.2f}"
        decibels = "exact" if math.isinf(self.sqnr_db) else f"{self.sqnr_db:.0f}"
        return f"{head} {self.error:.1e} | {decibels} | {agreed} | |"


HEAD = "| model | runtime | candidate | max relative error | SQNR, dB | agreement | declined |\n" + "|---" * 7 + "|"


def measured(wanted: Sequence[Feed], found: Sequence[Feed]) -> tuple[float, float, float]:
    """Largest relative error, SQNR of the worst output, agreement; names, shapes and types must be equal."""
    error, sqnr, same = 0.0, math.inf, []
    for name in wanted[0]:
        right = np.stack([feed[name] for feed in wanted])
        other = np.stack([feed[name] for feed in found])
        assert right.shape == other.shape and right.dtype == other.dtype, name
        right, other = right.astype(np.float64), other.astype(np.float64)
        assert np.isfinite(other).all(), name
        noise = np.abs(right - other)
        error = max(error, float(noise.max() / max(float(np.abs(right).max()), 1e-6)))
        if noise.any():
            sqnr = min(sqnr, float(10 * np.log10(max((right**2).sum(), 1e-30) / (noise**2).sum())))
        if right.shape[-1] > 1:
            same.append(float((right.argmax(-1) == other.argmax(-1)).mean()))
    return error, sqnr, float(np.mean(same)) if same else math.nan


class Prepared(NamedTuple):
    """A model of the zoo as targets get it."""

    zoo: ZooModel
    onnx: Path
    wanted: list[Feed]
    """What ONNX Runtime says of the source, or of the ONNX where the source is none."""
    maker: Maker

    @property
    def name(self) -> str:
        return self.zoo.name

    def target(self, runtime: str, **options: object) -> Target:
        return load_target(runtime).model_validate({"runtime": runtime, **options})

    def row(self, target: Target, candidate: str, *stages: object) -> Row:
        """Make a candidate and run it; what is declined is told in the row."""
        runtime = target.call().runtime
        head = (self.name, runtime, candidate)
        try:
            made = self.maker.package(target, *stages)  # type: ignore[arg-type]
        except Refused as refused:
            return Row(*head, refused=f"{refused.by}: {refused.why}".replace("|", "\\|"))
        return Row(*head, *measured(self.wanted, said(runtime, made, self.zoo.feeds)))


def prepared(model: ZooModel, folder: Path) -> Prepared:
    """Source → checked ONNX → simplified ONNX, and its feeds as calibration samples."""
    checked, simple, calibration = folder / "checked.onnx", folder / "model.onnx", folder / "calibration"
    source = model.files.get("onnx-file")
    if source:
        import_onnx(source, checked)
    else:
        tflite_to_onnx(model.files["tflite"], checked)
    simplify(checked, simple, model.shapes, model.dims)
    calibration.mkdir()
    np.savez(calibration / "inputs.npz", **{n: np.concatenate([f[n] for f in model.feeds]) for n in model.feeds[0]})  # type: ignore[arg-type]
    wanted = said("onnxruntime", source or simple, model.feeds)
    return Prepared(model, simple, wanted, Maker(folder, simple, calibration))


def spread(model: Prepared) -> float:
    """How far ONNX Runtime is from itself where it may not fuse: what rounding of quantized values may cost."""
    from edgebuild.runtimes.onnxruntime.session import open as load

    plain = load(str(model.onnx), {"threads": 1, "optimization": "none"})
    return measured(model.wanted, [plain.run(feed) for feed in model.zoo.feeds])[0]


Prepare = Callable[[str], Prepared]


def write(title: str, lines: Sequence[str]) -> None:
    """Print a section, and with UPDATE=1 put it into the committed file in place of its last form."""
    body = "\n".join(lines)
    print(f"\n## {title}\n\n{body}")
    if not os.environ.get("UPDATE"):
        return
    _, *old = FILE.read_text(encoding="utf-8").split("\n## ") if FILE.is_file() else [OPENING]
    sections = dict(part.partition("\n\n")[::2] for part in old) | {title: body + "\n"}
    text = "".join(f"\n## {name}\n\n{held.rstrip()}\n" for name, held in sorted(sections.items()))
    FILE.write_text(OPENING + text, encoding="utf-8")
