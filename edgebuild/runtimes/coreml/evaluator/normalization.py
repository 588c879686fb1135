"""Normalizations."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray


def batch_norm(
    x: Array, mean: Array, variance: Array, gamma: Any = None, beta: Any = None, epsilon: Any = 1e-5
) -> Array:
    """Along the second axis, by stored statistics."""
    scale = np.reciprocal(np.sqrt(variance + epsilon))
    if gamma is not None:
        scale = scale * gamma
    shift = -mean * scale
    if beta is not None:
        shift = shift + beta
    result = x * _channels(scale, x)
    result += _channels(shift, x)
    return result


def instance_norm(x: Array, gamma: Any = None, beta: Any = None, epsilon: Any = 1e-5) -> Array:
    """Each channel of each sample by its own mean and variance."""
    result = _standard(x, tuple(range(2, x.ndim)), epsilon)
    if gamma is not None:
        result *= _channels(gamma, x)
    if beta is not None:
        result += _channels(beta, x)
    return result


def layer_norm(x: Array, axes: Any = None, gamma: Any = None, beta: Any = None, epsilon: Any = 1e-5) -> Array:
    """By mean and variance over `axes` together."""
    chosen = tuple(range(x.ndim)) if axes is None else tuple(sorted(int(axis) % x.ndim for axis in np.atleast_1d(axes)))
    shape = [size if axis in chosen else 1 for axis, size in enumerate(x.shape)]
    result = _standard(x, chosen, epsilon)
    if gamma is not None:
        result *= np.reshape(gamma, shape)
    if beta is not None:
        result += np.reshape(beta, shape)
    return result


def l2_norm(x: Array, epsilon: Any = 1e-6) -> Array:
    """By the length of the last three axes together."""
    length = np.sqrt(np.sum(np.square(x), axis=(-3, -2, -1), keepdims=True) + epsilon)
    return x / length


def local_response_norm(x: Array, size: Any, alpha: Any = 1e-4, beta: Any = 0.75, k: Any = 1.0) -> Array:
    """By the squares of `size` neighbouring channels; an even window reaches further back, as torch's does."""
    width, channels = int(size), x.shape[1]
    squares = np.zeros((x.shape[0], channels + width - 1, *x.shape[2:]), np.float32)
    squares[:, width // 2 : width // 2 + channels] = np.square(x)
    total = np.sum([squares[:, shift : shift + channels] for shift in range(width)], axis=0)
    return x / np.power(k + alpha / width * total, beta)


def _standard(x: Array, axes: tuple[int, ...], epsilon: Any) -> Array:
    centred = x - np.mean(x, axis=axes, keepdims=True)
    variance = np.mean(np.square(centred), axis=axes, keepdims=True)
    centred *= np.reciprocal(np.sqrt(variance + epsilon))
    return centred


def _channels(values: Array, x: Array) -> Array:
    return np.reshape(values, (-1, *(1,) * (x.ndim - 2)))
