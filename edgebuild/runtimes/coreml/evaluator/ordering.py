"""Sorting, and non-maximum suppression; of equal elements the first comes first."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray


def argsort(x: Array, axis: Any = -1, ascending: Any = False) -> Array:
    """Places of the elements in order, the largest first unless `ascending`."""
    keys = x if ascending else _negative(x)
    return np.argsort(keys, axis=int(axis), kind="stable").astype(np.int32)


def topk(
    x: Array,
    k: Any = 1,
    axis: Any = -1,
    ascending: Any = False,
    sort: Any = True,  # noqa: ARG001 - unsorted means any order
    return_indices: Any = True,
    output_indices_dtype: Any = "int32",
) -> Any:
    """The `k` largest elements along an axis and their places; all of them for -1."""
    order = argsort(x, axis, ascending)
    count = x.shape[int(axis)] if int(k) == -1 else int(k)
    places = np.take(order, range(count), axis=int(axis))
    values = np.take_along_axis(x, places, axis=int(axis))
    return (values, places.astype(str(output_indices_dtype))) if return_indices else values


def non_maximum_suppression(
    boxes: Array,
    scores: Array,
    iou_threshold: Any,
    max_boxes: Any,
    score_threshold: Any = None,
    per_class_suppression: Any = False,
) -> tuple[Array, ...]:
    """Boxes by falling score, without those that overlap a better one.

    With a score threshold (iOS 15, 16) boxes are [n, B, 4] and scores [n, B, K], else [n, 4, B] and [n, K, B]; a box is
    centre x, centre y, width, height, and counts by its best class.

    Returns:
        Boxes, scores and places of the chosen, padded with 0 and -1 to `max_boxes`; with a score threshold also how
        many there are.
    """
    older = score_threshold is not None
    rows, marks = (boxes, scores) if older else (np.swapaxes(boxes, 1, 2), np.swapaxes(scores, 1, 2))
    count = int(max_boxes)
    places = np.full((len(rows), count), -1, np.int32)
    for sample, (corners, mark) in enumerate(zip(rows, marks, strict=True)):
        limit = float(score_threshold) if older else -np.inf
        found = _kept(corners, mark, float(iou_threshold), limit, bool(per_class_suppression))[:count]
        places[sample, : len(found)] = found
    present = (places >= 0)[..., None]
    chosen = [np.take_along_axis(part, np.maximum(places, 0)[..., None], axis=1) * present for part in (rows, marks)]
    if older:
        return (*chosen, places, np.sum(places >= 0, axis=1).astype(np.int32))
    return (*(np.swapaxes(part, 1, 2) for part in chosen), places)


def _kept(boxes: Array, scores: Array, overlap: float, limit: float, apart: bool) -> list[int]:
    best, label = scores.max(axis=1), scores.argmax(axis=1)
    low, high = boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2
    area = np.prod(boxes[:, 2:], axis=1)
    waiting = [int(i) for i in np.argsort(-best, kind="stable") if best[i] >= limit]
    kept: list[int] = []
    while waiting:
        first, *rest = waiting
        kept.append(first)
        shared = np.minimum(high[rest], high[first]) - np.maximum(low[rest], low[first])
        inner = np.prod(np.maximum(shared, 0), axis=1)
        ratio = inner / np.maximum(area[rest] + area[first] - inner, np.finfo(np.float32).tiny)
        stays = (ratio <= overlap) | (apart & (label[rest] != label[first]))
        waiting = [index for index, stay in zip(rest, stays, strict=True) if stay]
    return kept


def _negative(x: Array) -> Array:
    return -x.astype(np.int64) if x.dtype.kind in "iu" else -x
