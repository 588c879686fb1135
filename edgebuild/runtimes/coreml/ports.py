"""Inputs and outputs of a package as callers see them, and the way between their arrays and Core ML's.

Image inputs take [1, C, H, W], [H, W, C] or [1, H, W, C] with whole values from 0 to 255; the channels are in the
order of the package's own colours (BGR: blue first). The program itself scales them; where the package tells how,
callers give what the original model takes, and the nearest pixels are fed. A classifier answers with its
label, [1], and the probabilities of all labels in the order of the classes, [1, K].
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

NAMES = "edgebuild.names"
"""Key of a package's metadata: JSON of the original name and type of each input and output."""

IMAGES = "edgebuild.images"
"""The same of each image input: `scale` and `bias`, by which whole pixels become what the original model takes."""

ARRAYS = {65552: "float16", 65568: "float32", 65600: "float64", 131080: "int8", 131104: "int32"}
"""Core ML's types of arrays (`ArrayFeatureType.ArrayDataType`)."""

COLOURS = {10: "GRAYSCALE", 20: "RGB", 30: "BGR", 40: "GRAYSCALE_FLOAT16"}
"""Core ML's colour spaces (`ImageFeatureType.ColorSpace`)."""


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output."""

    inner: str
    """The package's name for it."""
    name: str
    shape: tuple[int, ...]
    """-1 for an axis that may vary."""
    held: str
    """The type in Core ML; `object` for labels of text."""
    dtype: str
    """The type callers see."""
    limits: tuple[tuple[int, int], ...] = ()
    """Least and greatest size of each axis, -1 without a limit; empty where none may vary by ranges."""
    colours: str = ""
    """Of an image."""
    scale: float = 1.0
    bias: tuple[float, ...] = ()
    """Of an image whose callers give `scale * pixel + bias`, for each channel or for all; pixels where empty."""
    classes: tuple[Any, ...] = ()
    """Labels in order, for the probabilities of a classifier."""

    def tensor(self) -> dict[str, Any]:
        """As plain data."""
        about: dict[str, Any] = {"name": self.name, "shape": list(self.shape), "dtype": self.dtype}
        if self.colours:
            about["image"] = self.colours
        if self.classes:
            about["classes"] = list(self.classes)
        return about

    def offered(self, value: Any) -> np.ndarray:
        """An array as Core ML holds it.

        Raises:
            ValueError: a whole number is too large for int32, a float64 for float32, or an image has another shape or
                values that are no pixels.
        """
        array = np.asarray(value)
        if self.colours:
            return self.pixels(array)
        if array.ndim == 0 and self.shape == (1,):
            array = array.reshape(1)
        self.fits(array)
        if self.held == "int32" and array.dtype in (np.int64, np.uint64, np.uint32) and array.size:
            limits = np.iinfo(np.int32)
            if array.min() < limits.min or array.max() > limits.max:
                raise ValueError(f"`{self.name}` has values beyond 32 bits, which Core ML's integers do not hold")
        if array.dtype == np.float64 and self.held != "float64" and array.size:
            finite = np.abs(array[np.isfinite(array)]).max(initial=0)
            if finite > np.finfo(np.float32).max:
                raise ValueError(f"`{self.name}` has values beyond float32, the widest that Core ML computes in")
        return array.astype(self.held, copy=False)

    def fits(self, array: np.ndarray) -> None:
        """Raises: ValueError: an axis is outside its range, which Core ML would decline."""
        for axis, (size, (least, most)) in enumerate(zip(array.shape, self.limits, strict=False)):
            if size < least or 0 <= most < size:
                raise ValueError(f"axis {axis} of `{self.name}` is {size}; the package takes {least} to {most}")

    def pixels(self, array: np.ndarray) -> np.ndarray:
        """An image as float32, [1, C, H, W]; what an original model takes is turned back into the nearest pixels."""
        found = self.channels_first(array).astype(np.float32)
        if self.bias:
            shift = np.array(self.bias, np.float32).reshape(1, -1, 1, 1)
            whole_pixels: np.ndarray = np.clip(np.rint((found - shift) / np.float32(self.scale)), 0, 255)
            return whole_pixels
        whole = self.colours == "GRAYSCALE_FLOAT16" or np.array_equal(found, np.rint(found))
        if not whole or found.min() < 0 or found.max() > 255:
            raise ValueError(f"image `{self.name}` takes whole values from 0 to 255")
        return found

    def channels_first(self, array: np.ndarray) -> np.ndarray:
        """An image of any layout as [1, C, H, W]."""
        if array.shape == self.shape:
            return array
        _, channels, height, width = self.shape
        rows = array.reshape(array.shape[1:]) if array.ndim == 4 and array.shape[0] == 1 else array
        if rows.ndim == 2:
            rows = rows[:, :, None]
        if rows.shape != (height, width, channels):
            wanted = f"{list(self.shape)} or {[height, width, channels]}"
            raise ValueError(f"image `{self.name}` has shape {list(array.shape)}; it takes {wanted}")
        first: np.ndarray = rows.transpose(2, 0, 1)[None]
        return first

    def returned(self, value: Any) -> np.ndarray:
        """What Core ML gave as the array that callers see."""
        if self.classes and isinstance(value, dict):
            value = [[value[label] for label in self.classes]]
        if self.held == "object":
            return np.array([value], dtype=object)
        array = np.asarray(value)
        if self.classes or array.ndim == 0:
            array = array.reshape(1, -1) if self.classes else array.reshape(1)
        return array.astype(self.dtype, copy=False)


def ports(spec: Any) -> tuple[list[Port], list[Port]]:
    """Inputs and outputs of a Model message.

    Raises:
        ValueError: it holds no ML program, or has a feature that is neither array, image nor label.
    """
    if spec.WhichOneof("Type") != "mlProgram":
        raise ValueError(f"the package holds a {spec.WhichOneof('Type')}; only ML programs are run")
    described = description(spec)
    told = spec.description.metadata.userDefined
    named, images = (json.loads(told.get(key, "{}")) for key in (NAMES, IMAGES))
    inputs = [pictured(port(feature, named.get("inputs", {}), spec), images) for feature in described.input]
    # The label of a classifier is no output of the model that the package was made from.
    known = named.get("outputs") or {feature.name for feature in described.output}
    outputs = [port(feature, named.get("outputs", {}), spec) for feature in described.output if feature.name in known]
    return inputs, outputs


def states(spec: Any) -> list[Port]:
    """What Core ML keeps from one run to the next, by the names that the package tells; none before iOS 18."""
    named = json.loads(spec.description.metadata.userDefined.get(NAMES, "{}")).get("states", {})
    found = []
    for feature in description(spec).state:
        array, given = feature.type.stateType.arrayType, named.get(feature.name, {})
        held = ARRAYS[array.dataType]
        name, dtype = str(given.get("name", feature.name)), str(given.get("dtype", held))
        found.append(Port(feature.name, name, sizes(array), held, dtype))
    return found


def pictured(found: Port, images: dict[str, Any]) -> Port:
    """An input with how its pixels are scaled, where it is an image and the package tells."""
    told = images.get(found.inner) if found.colours else None
    return replace(found, scale=told["scale"], bias=tuple(told["bias"])) if told else found


def description(spec: Any) -> Any:
    """Where a package tells its inputs and outputs: for the default function where it has several."""
    several = {function.name: function for function in spec.description.functions}
    return several.get(spec.description.defaultFunctionName or "main", spec.description)


def port(feature: Any, named: dict[str, Any], spec: Any) -> Port:
    """One feature of a description."""
    given = named.get(feature.name, {})
    inner, name, kind = feature.name, str(given.get("name", feature.name)), feature.type.WhichOneof("Type")
    if kind == "multiArrayType":
        held = ARRAYS[feature.type.multiArrayType.dataType]
        array = feature.type.multiArrayType
        return Port(inner, name, sizes(array), held, str(given.get("dtype", held)), limits=limits(array))
    if kind == "imageType":
        image = feature.type.imageType
        colours = COLOURS[image.colorSpace]
        shape = (1, 3 if colours in ("RGB", "BGR") else 1, int(image.height), int(image.width))
        return Port(inner, name, shape, "float32", "float32", colours=colours)
    if kind == "stringType":
        return Port(inner, name, (1,), "object", "object")
    if kind == "int64Type":
        return Port(inner, name, (1,), "int64", "int64")
    if kind == "dictionaryType":
        labels = classes(spec)
        return Port(inner, name, (1, len(labels)), "float32", "float32", classes=labels)
    raise ValueError(f"`{feature.name}` is a {kind}; arrays, images and labels are known")


def sizes(array: Any) -> tuple[int, ...]:
    """A shape with -1 for an axis that may vary."""
    flexible = array.WhichOneof("ShapeFlexibility")
    if flexible == "shapeRange":
        ranges = array.shapeRange.sizeRanges
        return tuple(int(r.lowerBound) if r.lowerBound == r.upperBound else -1 for r in ranges)
    if flexible == "enumeratedShapes":
        axes = zip(*(shape.shape for shape in array.enumeratedShapes.shapes), strict=True)
        return tuple(int(axis[0]) if len(set(axis)) == 1 else -1 for axis in axes)
    return tuple(int(size) for size in array.shape)


def limits(array: Any) -> tuple[tuple[int, int], ...]:
    """Least and greatest size of each axis, where they vary by ranges."""
    if array.WhichOneof("ShapeFlexibility") != "shapeRange":
        return ()
    return tuple((int(item.lowerBound), int(item.upperBound)) for item in array.shapeRange.sizeRanges)


def classes(spec: Any) -> tuple[Any, ...]:
    """Labels of a classifier, in the order of its probabilities.

    Raises:
        ValueError: they are not in its program.
    """
    function = spec.mlProgram.functions[spec.description.defaultFunctionName or "main"]
    for op in function.block_specializations[function.opset].operations:
        if op.type == "classify":
            value = op.inputs["classes"].arguments[0].value.immediateValue
            tensors = [item.immediateValue.tensor for item in value.list.values]
            return tuple(getattr(t, t.WhichOneof("value")).values[0] for t in tensors)
    raise ValueError("the package is described as a classifier and its program classifies nothing")
