"""ONNX → Core ML, by our own lowering to MIL and coremltools' conversion from there."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from edgebuild.core.records import Record
from edgebuild.core.step import Workspace
from edgebuild.errors import Refused, words_of
from edgebuild.models.convert.base import Conversion
from edgebuild.models.convert.onnx_images import channels_first

if TYPE_CHECKING:
    from edgebuild.models.convert.onnx_to_mil.lower import Lowered

BY = "coremltools"
NAMES = "edgebuild.names"
"""Key in the package's metadata: JSON of each Core ML name → the ONNX name and type it stands for."""

IMAGES = "edgebuild.images"
"""The same: JSON of each image input → `scale` and `bias`, by which whole pixels become what the ONNX model takes."""

Precision = Literal["float32", "float16"]


class ImageInput(Record):
    """An input that takes pictures: Core ML computes `scale · pixel + bias` before the model does anything."""

    scale: float = 1.0
    bias: tuple[float, ...] = ()
    """One number, or one for each channel; none means 0."""
    color: Literal["RGB", "BGR", "GRAY"] = "RGB"


class OnnxToCoreml(Conversion):
    """The ONNX graph, operator by operator, as an ML program: an `.mlpackage` folder."""

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("coremltools", "onnx", "numpy")
    filename: ClassVar[str] = "model.mlpackage"

    minimum_os: str = "iOS15"
    precision: Precision = "float32"
    keep_float32: tuple[str, ...] = ()
    """Operations that stay in float32 where `precision` is float16."""
    float16_io: bool = False
    images: dict[str, ImageInput] = {}
    """By input."""
    labels: tuple[str, ...] = ()
    """Of a classifier, in the order of its output."""
    ranges: dict[str, tuple[int, int]] = {}
    """Smallest and largest size of each axis that stays open, by its name."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the lowering or coremltools declines the model."""
        onnx_to_coreml(
            work.path(self.model),
            work.output,
            minimum_os=self.minimum_os,
            precision=self.precision,
            keep_float32=self.keep_float32,
            float16_io=self.float16_io,
            images=self.images,
            labels=self.labels,
            ranges=self.ranges,
        )


def onnx_to_coreml(  # noqa: PLR0913 - each is a choice of its own, and all have names
    model: Path,
    output: Path,
    *,
    minimum_os: str = "iOS15",
    precision: Precision = "float32",
    keep_float32: Collection[str] = (),
    float16_io: bool = False,
    images: Mapping[str, ImageInput] | None = None,
    labels: Sequence[str] = (),
    ranges: Mapping[str, tuple[int, int]] | None = None,
) -> None:
    """Write `output`, an `.mlpackage` folder whose bytes follow from the arguments alone.

    Args:
        model: an ONNX file.
        output: a path that does not exist yet.
        minimum_os: the oldest system that must run it, as of `lower`.
        precision: what is computed in, and what weights are stored in.
        keep_float32: names of MIL operations, which are those of the ONNX nodes with `_` for what MIL does not accept.
        float16_io: floats at the interface are float16.
        images: inputs that take pictures, [1, C, H, W] or [1, H, W, C] in the model, by their ONNX names.
        labels: one for each element of the last output, which becomes a probability by label.
        ranges: of open axes, as of `lower`.

    Raises:
        Refused: by the lowering, with each node and operator that has no counterpart, or by coremltools.
    """
    import onnx

    from edgebuild.models.convert.onnx_to_mil.lower import lower
    from edgebuild.models.convert.onnx_to_mil.mil import ct
    from edgebuild.models.tidy.coreml_package import canonical_mlpackage

    read = onnx.load(model)
    channels_first(read, list(images or {}))
    lowered = lower(read, minimum_os=minimum_os, ranges=ranges, float16_io=float16_io)
    with words_of(BY):
        converted = ct.convert(
            lowered.program,
            convert_to="mlprogram",
            minimum_deployment_target=lowered.target,
            compute_precision=computed_in(precision, frozenset(keep_float32) | lowered.wide),
            skip_model_load=True,
            inputs=input_types(lowered, images or {}),
            classifier_config=classifier(lowered, labels),
        )
        named = names(lowered, converted.get_spec().description.predictedProbabilitiesName)
        converted.user_defined_metadata[NAMES] = json.dumps(named, sort_keys=True)
        if images:
            converted.user_defined_metadata[IMAGES] = json.dumps(pixels(lowered, images), sort_keys=True)
        converted.save(str(output))
        canonical_mlpackage(output)


def computed_in(precision: Precision, kept: frozenset[str]) -> Any:
    """`compute_precision` of `ct.convert`; the operations in `kept` stay in float32."""
    from edgebuild.models.convert.onnx_to_mil.mil import ct

    if precision == "float32":
        return ct.precision.FLOAT32
    return ct.transform.FP16ComputePrecision(op_selector=lambda op: op.name not in kept)


def names(lowered: Lowered, probabilities: str) -> dict[str, dict[str, dict[str, str]]]:
    """Core ML name → name and type in ONNX, of inputs and outputs.

    Args:
        lowered: the program.
        probabilities: what a classifier calls the probabilities by label, which stand for the last output; else "".
    """
    outputs = {port.coreml: port for port in lowered.outputs}
    if probabilities:
        outputs[probabilities] = outputs.pop(lowered.outputs[-1].coreml)
    sides = {"inputs": {port.coreml: port for port in lowered.inputs}, "outputs": outputs}
    return {
        side: {name: {"name": port.name, "dtype": port.dtype} for name, port in ports.items()}
        for side, ports in sides.items()
    }


def pixels(lowered: Lowered, images: Mapping[str, ImageInput]) -> dict[str, dict[str, Any]]:
    """How whole pixels become the ONNX model's input, by Core ML's name."""
    return {
        port.coreml: {"scale": images[port.name].scale, "bias": list(images[port.name].bias) or [0.0]}
        for port in lowered.inputs
        if port.name in images
    }


def input_types(lowered: Lowered, images: Mapping[str, ImageInput]) -> list[Any] | None:
    """`inputs` of `ct.convert`: pictures, and ranges of open axes; None where there is neither.

    Raises:
        Refused: a picture for an input that is not there or has another shape than [1, 1 or 3, H, W].
    """
    from edgebuild.models.convert.onnx_to_mil.mil import ct

    known = [port.name for port in lowered.inputs]
    for name in images:
        if name not in known:
            raise Refused(by=BY, why=f"images: the model has no input `{name}`; it has {', '.join(known)}.")
    if not images and not lowered.open:
        return None
    found = []
    for port, plain in zip(lowered.inputs, lowered.types, strict=True):
        image = images.get(port.name)
        if image is None:
            found.append(plain)
            continue
        shape = list(plain.shape.shape)
        channels = 1 if image.color == "GRAY" else 3
        if len(shape) != 4 or shape[1] != channels or not all(isinstance(size, int) for size in shape) or shape[0] != 1:
            raise Refused(
                by=BY,
                why=f"images: `{port.name}` has the shape {shape}; {image.color} needs [1, {channels}, H, W].",
            )
        bias = list(image.bias) or [0.0]
        bias = bias * channels if len(bias) == 1 else bias
        layout = getattr(ct.colorlayout, "GRAYSCALE" if image.color == "GRAY" else image.color)
        found.append(
            ct.ImageType(
                name=port.coreml,
                shape=shape,
                scale=image.scale,
                bias=bias[0] if channels == 1 else bias,
                color_layout=layout,
            )
        )
    return found


def classifier(lowered: Lowered, labels: Sequence[str]) -> Any:
    """The classes of the last output; None where there are no labels."""
    from edgebuild.models.convert.onnx_to_mil.mil import ct

    if not labels:
        return None
    return ct.ClassifierConfig(list(labels), predicted_probabilities_output=lowered.outputs[-1].coreml)
