"""What of the product's surroundings goes into a Core ML package: pictures, class labels, ranges of open axes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

from edgebuild.errors import Refused

Part = Literal["preprocess", "labels"]


def baked(parts: Collection[str], around: Mapping[str, Any]) -> dict[str, Any]:
    """What of the product's surroundings goes into the package, as fields of `OnnxToCoreml`.

    Args:
        parts: what `bake` asks for.
        around: see `core.graph.Lowering.surroundings`.

    Raises:
        Refused: `bake` asks for what the spec does not tell.
    """
    from edgebuild.models.convert.onnx_to_coreml import ImageInput

    found: dict[str, Any] = {}
    if "labels" in parts:
        found["labels"] = tuple(around["labels"]) or untold("labels", "outputs: {scores: {labels: labels.txt}}")
    if "preprocess" in parts:
        images = {
            name: ImageInput(scale=entry.get("scale", 1.0), bias=shift(entry.get("mean")), color=color(entry))
            for name, entry in around["inputs"].items()
            if entry["kind"] == "image"
        }
        found["images"] = images or untold("preprocess", "inputs: {image: {kind: image, color: rgb, scale: 1/255}}")
    return found


def color(entry: Mapping[str, Any]) -> str:
    """Core ML's word for the order of an image's channels."""
    words = {"rgb": "RGB", "bgr": "BGR", "gray": "GRAY"}
    asked = entry.get("color", "rgb")
    if asked not in words:
        raise Refused(
            by="coreml",
            why=f"an image input has no color `{asked}`.",
            fix="It has rgb, bgr and gray.",
            kind="not applicable",
        )
    return words[asked]


def shift(mean: Any) -> tuple[float, ...]:
    """What is added after scaling: `interface` says what is subtracted."""
    values = mean if isinstance(mean, list | tuple) else () if mean is None else (mean,)
    return tuple(-float(value) for value in values)


def untold(what: str, example: str) -> Any:
    """Raises: Refused: `bake` asks for what the spec does not tell."""
    raise Refused(
        by="coreml",
        why=f"`bake: [{what}]` has nothing to bake: the spec tells none.",
        fix=f"Write `interface: {{{example}}}`.",
        kind="not applicable",
    )


def ranges(shapes: Mapping[str, Mapping[str, int | str]]) -> dict[str, tuple[int, int]]:
    """Least and greatest size of each axis that stays open, `seq: 1..256` in the spec."""
    found: dict[str, tuple[int, int]] = {}
    for sizes in shapes.values():
        for axis, size in sizes.items():
            low, dots, high = str(size).partition("..")
            if dots:
                before = found.get(axis, (int(low), int(high)))
                found[axis] = (min(before[0], int(low)), max(before[1], int(high)))
    return found
