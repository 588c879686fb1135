"""Resizing and sampling of images: [..., H, W]."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from edgebuild.runtimes.coreml.evaluator.windows import integers

Array = np.ndarray


def grid(size: float, count: int, mode: str) -> Array:
    """Where output places read an axis of `size` elements, float64 of `count`, before any limit.

    Source: the notes of `resize_bilinear` in coremltools (iOS 15); ASYMMETRIC is `upsample_bilinear` with neither
    aligned corners nor half-pixel centres.
    """
    places = np.arange(count, dtype=np.float64)
    if mode == "ALIGN_CORNERS" and count == 1:
        return np.array([(size - 1) / 2])
    if mode in ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS"):
        return places * ((size - 1) / (count - 1) if count > 1 else 0.0)
    if mode in ("DEFAULT", "ASYMMETRIC"):
        return places * (size / count)
    if mode == "OFFSET_CORNERS":
        delta = max(1.0, size - 1) / count
        return 0.5 * delta + places * delta
    if mode == "UNALIGN_CORNERS":
        return (places + 0.5) * (size / count) - 0.5
    raise ValueError(f"no such sampling mode: {mode}")


def along(x: Array, places: Array, axis: int) -> Array:
    """Linear interpolation along one axis at real places within it."""
    size = x.shape[axis]
    places = np.clip(places, 0, size - 1)
    low = np.minimum(np.floor(places).astype(np.int64), max(size - 2, 0))
    part = (places - low).astype(np.float32).reshape([-1 if k == axis % x.ndim else 1 for k in range(x.ndim)])
    before, after = np.take(x, low, axis=axis), np.take(x, np.minimum(low + 1, size - 1), axis=axis)
    after -= before
    after *= part
    after += before
    return after


def bilinear(x: Array, sizes: list[int], mode: str) -> Array:
    """The last axes resized, one after the other."""
    for axis, size in zip(range(-len(sizes), 0), sizes, strict=True):
        x = along(x, grid(x.shape[axis], size, mode), axis)
    return x


def nearest(x: Array, sizes: list[int], mode: str = "DEFAULT") -> Array:
    """The last axes resized by the nearest element: the one at or before it by DEFAULT, else halves to the next."""
    shift = 0.0 if mode == "DEFAULT" else 0.5
    for axis, size in zip(range(-len(sizes), 0), sizes, strict=True):
        # A place like 2.9999999 comes from a division that is whole.
        places = np.floor(np.round(grid(x.shape[axis], size, mode) + shift, 6)).astype(np.int64)
        x = np.take(x, np.clip(places, 0, x.shape[axis] - 1), axis=axis)
    return x


def _scaled(x: Array, height: Any, width: Any) -> list[int]:
    return [math.floor(x.shape[-2] * float(height)), math.floor(x.shape[-1] * float(width))]


def upsample_nearest_neighbor(x: Array, scale_factor_height: Any = 1, scale_factor_width: Any = 1) -> Array:
    """Each place from the element at or before it."""
    return nearest(x, _scaled(x, scale_factor_height, scale_factor_width))


def upsample_bilinear(
    x: Array,
    scale_factor_height: Any = 1,
    scale_factor_width: Any = 1,
    align_corners: Any = True,
    half_pixel_centers: Any = None,
) -> Array:
    """By the ratio of the whole sizes, not by the factor itself."""
    half = not align_corners if half_pixel_centers is None else bool(half_pixel_centers)
    mode = "STRICT_ALIGN_CORNERS" if align_corners else "UNALIGN_CORNERS" if half else "ASYMMETRIC"
    return bilinear(x, _scaled(x, scale_factor_height, scale_factor_width), mode)


def resize_nearest_neighbor(x: Array, target_size_height: Any, target_size_width: Any) -> Array:
    """See `nearest`."""
    return nearest(x, [int(target_size_height), int(target_size_width)])


def resize_bilinear(
    x: Array, target_size_height: Any = 1, target_size_width: Any = 1, sampling_mode: str = "DEFAULT"
) -> Array:
    """See `bilinear`."""
    return bilinear(x, [int(target_size_height), int(target_size_width)], str(sampling_mode))


def resize(
    x: Array, shape: Any, resized_dims: Any, interpolation_mode: str = "LINEAR", sampling_mode: str = "DEFAULT"
) -> Array:
    """The last `resized_dims` axes to the last entries of `shape`, 0 to keep one."""
    count = int(resized_dims)
    wanted = integers(shape)[-count:]
    sizes = [size or have for size, have in zip(wanted, x.shape[-count:], strict=True)]
    resized = bilinear if str(interpolation_mode) == "LINEAR" else nearest
    return resized(x, sizes, str(sampling_mode))


def crop_resize(
    x: Array,
    boxes: Any = None,
    box_indices: Any = None,
    roi: Any = None,
    target_height: Any = 1,
    target_width: Any = 1,
    **given: Any,
) -> Array:
    """Boxes of images, each resized to one size.

    From iOS 17 on `boxes` [N, 4] and `box_indices` [N] give [N, C, h, w]; before that `roi`, [N, 1, 4, 1, 1] for every
    image or [N, 1, 5, 1, 1] with the image first, gives [N, B or 1, C, h, w]. A place outside its image is `pad_value`.
    """
    sizes = (int(target_height), int(target_width))
    if roi is None:
        where = np.arange(len(boxes)) if box_indices is None else box_indices
        return np.stack([_cropped(x[int(i)], box, sizes, given) for i, box in zip(where, boxes, strict=True)])
    rows = roi.reshape(len(roi), -1)
    if rows.shape[1] == 5:
        return np.stack([_cropped(x[int(row[0])], row[1:], sizes, given)[None] for row in rows])
    return np.stack([np.stack([_cropped(image, row, sizes, given) for image in x]) for row in rows])


def _cropped(image: Array, box: Array, sizes: tuple[int, int], given: dict[str, Any]) -> Array:
    top, left, bottom, right = _corners(np.asarray(box, np.float64), str(given.get("box_coordinate_mode", "")))
    if given.get("normalized_coordinates", False):
        top, bottom = top * (image.shape[1] - 1), bottom * (image.shape[1] - 1)
        left, right = left * (image.shape[2] - 1), right * (image.shape[2] - 1)
    scale, mode = float(given.get("spatial_scale", 1.0)), str(given.get("sampling_mode", "DEFAULT"))
    axes = []
    for (first, last), count in zip(((top, bottom), (left, right)), sizes, strict=True):
        first, span = first * scale, (last - first) * scale + 1  # noqa: PLW2901 - both ends scale alike
        axes.append(first + np.clip(grid(span, count, mode), 0, max(span - 1, 0)))
    ys, xs = np.meshgrid(*axes, indexing="ij")
    outside = (ys < 0) | (ys > image.shape[1] - 1) | (xs < 0) | (xs > image.shape[2] - 1)
    return np.where(outside, np.float32(given.get("pad_value", 0.0)), _sampled(image, xs, ys, "border", 0.0))


def _corners(box: Array, mode: str) -> tuple[float, float, float, float]:
    first, second, third, fourth = (float(value) for value in box)
    if mode.endswith("WIDTH_FIRST"):
        first, second, third, fourth = second, first, fourth, third
    if mode.startswith("CENTER_SIZE"):
        return first - third / 2, second - fourth / 2, first + third / 2, second + fourth / 2
    return first, second, third, fourth


def resample(
    x: Array,
    coordinates: Array,
    sampling_mode: str,
    padding_mode: str,
    padding_value: Any,
    coordinates_mode: str,
    align_corners: Any,
) -> Array:
    """Each output place from given coordinates (x, y): [B, C, H, W] and [B, h, w, 2] to [B, C, h, w]."""
    places = [
        _pixels(np.asarray(coordinates[..., k], np.float64), x.shape[3 - k], str(coordinates_mode), bool(align_corners))
        for k in (0, 1)
    ]
    if str(sampling_mode).lower() == "nearest":
        places = [np.rint(place) for place in places]
    mode = str(padding_mode).lower()
    return np.stack(
        [_sampled(image, xs, ys, mode, float(padding_value)) for image, xs, ys in zip(x, *places, strict=True)]
    )


def affine(  # noqa: PLR0913, PLR0917 - the operator's inputs
    x: Array,
    transform_matrix: Array,
    output_height: Any,
    output_width: Any,
    sampling_mode: str,
    padding_mode: str,
    padding_value: Any,
    coordinates_mode: str,
    align_corners: Any,
) -> Array:
    """`resample` at x' = a0 x + a1 y + a2, y' = b0 x + b1 y + b2 over [-1, 1] both ways."""
    ys, xs = np.meshgrid(np.linspace(-1, 1, int(output_height)), np.linspace(-1, 1, int(output_width)), indexing="ij")
    rows = np.broadcast_to(transform_matrix, (len(x), 6)).astype(np.float64)
    places = np.stack([np.stack([r[0] * xs + r[1] * ys + r[2], r[3] * xs + r[4] * ys + r[5]], -1) for r in rows])
    return resample(x, places, sampling_mode, padding_mode, padding_value, coordinates_mode, align_corners)


def _pixels(places: Array, size: int, mode: str, aligned: bool) -> Array:
    """Coordinates as places of pixels, from 0 to `size` - 1."""
    if mode == "unnormalized":
        return places
    unit = (places + 1) / 2 if mode == "normalized_minus_one_to_one" else places
    return unit * (size - 1) if aligned else unit * size - 0.5


def _sampled(image: Array, xs: Array, ys: Array, mode: str, fill: float) -> Array:
    """Bilinear samples of [C, H, W] at real places; what lies outside comes by `mode`."""
    left, top = np.floor(xs), np.floor(ys)
    right_part, low_part = (xs - left).astype(np.float32), (ys - top).astype(np.float32)
    total = np.zeros((len(image), *xs.shape), np.float32)
    for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
        weight = (low_part if down else 1 - low_part) * (right_part if right else 1 - right_part)
        total += weight * _read(image, top + down, left + right, mode, fill)
    return total


def _read(image: Array, ys: Array, xs: Array, mode: str, fill: float) -> Array:
    inside = (ys >= 0) & (ys < image.shape[1]) & (xs >= 0) & (xs < image.shape[2])
    rows, columns = _inner(ys, image.shape[1], mode), _inner(xs, image.shape[2], mode)
    found = image[:, rows, columns]
    return np.where(inside, found, np.float32(fill)) if mode == "constant" else found


def _inner(places: Array, size: int, mode: str) -> Array:
    """Whole places moved inside an axis."""
    if mode == "reflection" and size > 1:
        period = 2 * (size - 1)
        places = np.abs((places + size - 1) % period - (size - 1))
    elif mode == "symmetric":
        places = places % (2 * size)
        places = np.minimum(places, 2 * size - 1 - places)
    return np.clip(places, 0, size - 1).astype(np.int64)
