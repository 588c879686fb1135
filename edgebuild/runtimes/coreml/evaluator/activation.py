"""Activations; parameters of one value a channel follow the second axis."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from edgebuild.runtimes.coreml.evaluator.elementwise import erf

Array = np.ndarray


def relu(x: Array) -> Array:
    """max(x, 0)."""
    # Numpy's clip runs several times as fast as its maximum with a number.
    return np.clip(x, np.float32(0), np.float32(np.inf))


def relu6(x: Array) -> Array:
    """min(max(x, 0), 6)."""
    return np.clip(x, np.float32(0), np.float32(6))


def clamped_relu(x: Array, alpha: Any, beta: Any) -> Array:
    """min(x, beta) from zero on, min(alpha x, beta) below."""
    return np.minimum(np.where(x >= 0, x, alpha * x), beta)


def elu(x: Array, alpha: Any) -> Array:
    """Keep x, below zero alpha (e^x - 1)."""
    return np.where(x < 0, alpha * np.expm1(np.minimum(x, 0)), x)


def gelu(x: Array, mode: str = "EXACT") -> Array:
    """Gaussian error linear unit: exact, or by a tanh or a sigmoid."""
    if mode == "TANH_APPROXIMATION":
        inner = np.float32(math.sqrt(2 / math.pi)) * (x + np.float32(0.044715) * x * x * x)
        return np.float32(0.5) * x * (1 + np.tanh(inner))
    if mode == "SIGMOID_APPROXIMATION":
        return x * sigmoid(np.float32(1.702) * x)
    result = erf(x * np.float32(math.sqrt(0.5)))
    result += np.float32(1)
    result *= x
    result *= np.float32(0.5)
    return result


def leaky_relu(x: Array, alpha: Any) -> Array:
    """Keep x, below zero alpha x."""
    return np.where(x < 0, alpha * x, x)


def linear_activation(x: Array, alpha: Any, beta: Any) -> Array:
    """Give alpha x + beta."""
    return alpha * x + beta


def prelu(x: Array, alpha: Array) -> Array:
    """Keep x, below zero alpha x, alpha one a channel."""
    return np.maximum(x, 0) + np.minimum(x, 0) * _channels(alpha, x)


def scaled_tanh(x: Array, alpha: Any, beta: Any) -> Array:
    """Give alpha tanh(beta x)."""
    return alpha * np.tanh(beta * x)


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x)."""
    result = np.negative(x)
    np.exp(result, out=result)
    result += np.float32(1)
    return np.reciprocal(result, out=result)


def sigmoid_hard(x: Array, alpha: Any, beta: Any) -> Array:
    """min(max(alpha x + beta, 0), 1)."""
    return np.clip(alpha * x + beta, np.float32(0), np.float32(1))


def silu(x: Array) -> Array:
    """Give x sigmoid(x)."""
    result = sigmoid(x)
    result *= x
    return result


def softplus(x: Array) -> Array:
    """ln(1 + e^x)."""
    return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)


def softplus_parametric(x: Array, alpha: Array, beta: Array) -> Array:
    """Give alpha ln(1 + e^(beta x)), both one a channel."""
    return _channels(alpha, x) * softplus(x * _channels(beta, x))


def softmax(x: Array, axis: Any = -1) -> Array:
    """e^x over its sum along an axis."""
    result = x - np.max(x, axis=int(axis), keepdims=True)
    np.exp(result, out=result)
    result /= np.sum(result, axis=int(axis), keepdims=True)
    return result


def softsign(x: Array) -> Array:
    """Give x / (1 + |x|)."""
    return x / (1 + np.abs(x))


def thresholded_relu(x: Array, alpha: Any) -> Array:
    """Keep x from alpha on, else 0."""
    return np.where(x >= alpha, x, np.float32(0))


def _channels(values: Array, x: Array) -> Array:
    """One value a channel, in the shape that follows the second axis of `x`."""
    return np.reshape(values, (-1, *(1,) * (x.ndim - 2)))
