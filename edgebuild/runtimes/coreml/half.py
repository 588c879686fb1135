"""Which operators must stay in float32 when a Core ML package computes in float16."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from edgebuild.compress.quantize.calibration import feeds
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.models.convert.onnx_to_coreml import OnnxToCoreml, onnx_to_coreml
from edgebuild.runtimes.coreml.activations import EVALUATOR, evaluating


class OnnxToHalf(OnnxToCoreml):
    """A package that computes in float16 but for the operators that `FindFloat32` found."""

    version: ClassVar[int] = 1

    keep: Artifact
    """`float32.json`."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the lowering or coremltools declines the model."""
        onnx_to_coreml(
            work.path(self.model),
            work.output,
            minimum_os=self.minimum_os,
            precision="float16",
            keep_float32=read_kept(work.path(self.keep)),
            float16_io=self.float16_io,
            images=self.images,
            labels=self.labels,
            ranges=self.ranges,
        )


def read_kept(file: Path) -> tuple[str, ...]:
    """Names of operators that stay in float32."""
    return tuple(json.loads(file.read_text(encoding="utf-8"))["keep"])


SAMPLES = 8
"""Calibration samples that are looked at; operators are tried one by one on the first."""
ENOUGH_DB = 40.0
"""SQNR of the worst output: a hundredth of the signal. Rounding alone leaves 55 to 70 dB in networks of up to 60 layers
(measured: ResNet8, MobileNet, MiniLM)."""
ROUNDS = 12
"""Of taking more operators in, each time down to operators that are 6 dB better."""
STEP_DB = 6.0


class FindFloat32(Step):
    """Operators that lose the model's answers where they compute in float16.

    Those whose constants float16 cannot hold, and those whose own rounding alone costs most, until the outputs keep
    `ENOUGH_DB`. A spectrum that is squared before its logarithm is taken underflows in float16, for one: Basic Pitch
    then answers at random.

    Writes `{"keep": [names], "sqnr_db": {"naive", "kept"}, "enough_db", "samples", "worst": [[name, dB], …]}`.
    """

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("coremltools", "numpy", "onnxruntime", "pillow")
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "float32.json"
    portable: ClassVar[bool] = False

    model: Artifact
    """An `.mlpackage` that computes in float32."""
    calibration: Artifact
    """A sample folder."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the package has operations that cannot be evaluated here."""
        find_float32(work.path(self.model), work.path(self.calibration) / "inputs.npz", work.output)


def find_float32(model: Path, inputs: Path, output: Path) -> None:
    """The work itself, over paths and values."""
    from edgebuild.runtimes.coreml.evaluator.sensitivity import Halves
    from edgebuild.runtimes.coreml.session import open as load

    with evaluating():
        session = load(str(model), {"threads": 1})
        halves = Halves(session.evaluator)
        given = [session.fed(feed) for feed in feeds(session.inputs, inputs, EVALUATOR)[:SAMPLES]]
        exact = [halves.exact(feed) for feed in given]

        def quality(kept: Iterable[str]) -> float:
            return min(
                halves.worst(right, halves.but(feed, set(kept))) for right, feed in zip(exact, given, strict=True)
            )

        naive = quality(())
        alone: dict[str, float] = {}
        keep: list[str] = []
        kept = naive
        if naive < ENOUGH_DB:
            alone = halves.alone(exact[0])
            keep, kept = chosen(alone, halves.lost(), quality)
    worst = sorted(alone.items(), key=lambda item: (item[1], item[0]))[:10]
    found = {
        "keep": keep,
        "sqnr_db": {"naive": shown(naive), "kept": shown(kept)},
        "enough_db": ENOUGH_DB,
        "samples": len(given),
        "worst": [[name, shown(value)] for name, value in worst],
    }
    output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def chosen(alone: dict[str, float], lost: set[str], quality: Any) -> tuple[list[str], float]:
    """The operators to keep, and the SQNR with them in dB; the best that was found where nothing is enough.

    Args:
        alone: SQNR with one operator in float16, by its name.
        lost: operators that are kept in any case.
        quality: SQNR with all but these in float16.
    """
    best: tuple[float, list[str]] = (float("-inf"), [])
    level = max(ENOUGH_DB, min(alone.values(), default=ENOUGH_DB))
    for _ in range(ROUNDS):
        keep = sorted(lost | {name for name, value in alone.items() if value < level})
        found = quality(keep)
        if found > best[0]:
            best = (found, keep)
        if found >= ENOUGH_DB:
            break
        level += STEP_DB
    return best[1], best[0]


def shown(value: float) -> float | None:
    """In dB with one decimal; None where the answers are not finite."""
    return round(value, 1) if value > float("-inf") else None
