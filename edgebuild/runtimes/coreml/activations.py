"""INT8 between the layers of a Core ML package, with ranges of real samples."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from edgebuild.compress.quantize.calibration import feeds
from edgebuild.compress.quantize.ranges import read_ranges, write_ranges
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused, words_of
from edgebuild.models.hidden import hidden
from edgebuild.models.tidy.coreml_package import canonical_mlpackage

BY = "coremltools.optimize"
EVALUATOR = "the Core ML evaluator"
TOOLS = ("coremltools", "numpy", "onnxruntime", "pillow")


@contextmanager
def evaluating() -> Iterator[None]:
    """Turn what the evaluator says of a program into a refusal; anything else that goes wrong is a mistake of ours.

    Raises:
        Refused: it lacks an operator, or the program's values do not fit.
    """
    try:
        yield
    except ValueError as error:
        raise Refused(by=EVALUATOR, why=f"{error}") from error


class CalibrateCoreml(Step):
    """Lowest and highest value of everything between the operators, over the calibration samples.

    Writes `{"method", "samples", "ranges": {variable: [low, high]}}`, each bound with 12 significant bits.
    """

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = TOOLS
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "ranges.json"
    portable: ClassVar[bool] = False

    model: Artifact
    """An `.mlpackage`."""
    calibration: Artifact
    """A sample folder."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the package has operations that cannot be evaluated here."""
        calibrate_coreml(work.path(self.model), work.path(self.calibration) / "inputs.npz", work.output)


def calibrate_coreml(model: Path, inputs: Path, output: Path) -> None:
    """The work itself, over paths and values."""
    from edgebuild.runtimes.coreml.session import open as load

    with evaluating():
        session = load(str(model), {"threads": 1})
        given = feeds(session.inputs, inputs, EVALUATOR)
        bounds: dict[str, tuple[float, float]] = {}
        for feed in given:
            for name, value in (
                *session.fed(feed).items(),
                *((row["name"], row["value"]) for row in session.layers(feed)),
            ):
                low, high = bounds.get(name, (0.0, 0.0))
                bounds[name] = (min(low, float(value.min(initial=0.0))), max(high, float(value.max(initial=0.0))))
    write_ranges(output, "minmax", len(given), bounds)


class QuantizeActivations(Step):
    """Quantize and dequantize operations before and after convolutions, linear layers, pools and sums in float16."""

    version: ClassVar[int] = 2
    tools: ClassVar[tuple[str, ...]] = ("coremltools", "numpy")
    filename: ClassVar[str] = "model.mlpackage"

    model: Artifact
    """An `.mlpackage` that computes in float16."""
    ranges: Artifact
    """Of `CalibrateCoreml`, of the same package."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: coremltools declines the model."""
        quantize_activations(work.path(self.model), read_ranges(work.path(self.ranges)), work.output)


def quantize_activations(model: Path, ranges: dict[str, tuple[float, float]], output: Path) -> None:
    """The work itself, over paths and values.

    coremltools would calibrate by Apple's runtime, and keeps the range of the last sample alone (9.0): its function
    gets the ranges that were found here.
    """
    from unittest.mock import patch

    with hidden("torch", "tensorflow"):
        import coremltools as ct
    import coremltools.optimize.coreml as cto
    from coremltools.optimize.coreml import _post_training_quantization as post_training

    with words_of(BY):
        loaded = ct.models.MLModel(str(model), skip_model_load=True)
        spec = loaded.get_spec()
        stats = {name: {"rmin": low, "rmax": high} for name, (low, high) in joined(spec, ranges).items()}
        config = cto.OptimizationConfig(
            global_config=cto.OpLinearQuantizerConfig(mode="linear_symmetric"),
            op_name_configs=dict.fromkeys(untouched(spec)),
        )
        with patch.object(post_training, "_get_activation_calibration_stats", lambda *_: stats):
            made = cto.linear_quantize_activations(loaded, config, [])
        made.save(str(output))
    canonical_mlpackage(output)


def untouched(spec: Any) -> list[str]:
    """Operators that do not compute in float16: sums of integers, and what was kept in float32 for its range.

    coremltools (9.0) would quantize them with scales of float16, which its own checks decline.
    """
    float16 = 10
    return [
        operation.attributes["name"].immediateValue.tensor.strings.values[0]
        for function in spec.mlProgram.functions.values()
        for block in function.block_specializations.values()
        for operation in block.operations
        if operation.outputs and operation.outputs[0].type.tensorType.dataType != float16
        if "name" in operation.attributes
    ]


def joined(spec: Any, ranges: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """The ranges, with one for all that a concatenation brings together: it moves integers and rescales none."""
    found = dict(ranges)
    for function in spec.mlProgram.functions.values():
        for block in function.block_specializations.values():
            for operation in block.operations:
                if operation.type != "concat":
                    continue
                names = [item.name for item in operation.inputs["values"].arguments if item.name in found]
                names += [item.name for item in operation.outputs if item.name in found]
                lows, highs = zip(*(found[name] for name in names), strict=True)
                found |= dict.fromkeys(names, (min(lows), max(highs)))
    return found
