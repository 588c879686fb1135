"""Elementwise operators: one input, two inputs, comparisons, logic, select and cast."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray

# Rational approximation of erf over [-4, 4], where float32 has reached 1; the coefficients are Eigen's (MPL 2.0,
# unsupported/Eigen/SpecialFunctions), largest error 3e-7.
ERF_P = (
    -2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05,
         -7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02)  # fmt: skip
ERF_Q = (-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03,
         -1.42647390514189e-02)  # fmt: skip
BLOCK = 8192
"""Elements a round; four buffers of float32 stay in the first- or second-level cache."""

DTYPES: dict[str, Any] = {
    "int32": np.int32,
    "int64": np.int32,
    "bool": np.bool_,
    "fp16": np.float32,
    "fp32": np.float32,
    **{f"{kind}{bits}": f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16)},
}
"""Names of types to what holds them; the evaluator keeps float16 in float32."""


def erf(x: Array) -> Array:
    """Gauss's error function, float32."""
    source = np.ascontiguousarray(x, dtype=np.float32)
    result = np.empty_like(source)
    flat, into = source.reshape(-1), result.reshape(-1)
    for begin in range(0, flat.size, BLOCK):
        part = np.clip(flat[begin : begin + BLOCK], np.float32(-4), np.float32(4))
        square = part * part
        part *= _polynomial(square, ERF_P)
        part /= _polynomial(square, ERF_Q)
        into[begin : begin + BLOCK] = part
    return result


def _polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    total = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total *= x
        total += np.float32(coefficient)
    return total


def inverse(x: Array, epsilon: Any = 1e-4) -> Array:
    """1 / (x + epsilon)."""
    return np.reciprocal(x + epsilon)


def rsqrt(x: Array, epsilon: Any = 1e-12) -> Array:
    """1 / sqrt(x + epsilon)."""
    root = np.sqrt(x + epsilon)
    return np.reciprocal(root)


def log(x: Array, epsilon: Any = 1e-45) -> Array:
    """ln(x + epsilon)."""
    return np.log(x + epsilon)


def clip(x: Array, alpha: Any, beta: Any) -> Array:
    """To [alpha, beta]; where these cross, beta."""
    return np.clip(x, alpha, beta)


def threshold(x: Array, alpha: Any) -> Array:
    """max(x, alpha)."""
    return np.maximum(x, alpha)


def power(x: Array, y: Array) -> Array:
    """Raise x to the power y; whole numbers by way of float64, for numpy has no negative whole powers."""
    if np.asarray(x).dtype.kind in "iu":
        return np.power(np.asarray(x, np.float64), y)
    return np.power(x, y)


def select(cond: Array, a: Array, b: Array) -> Array:
    """`a` where `cond`, else `b`."""
    return np.where(cond, a, b)


def cast(x: Array, dtype: str) -> Array:
    """To another type; towards zero from real numbers to whole ones."""
    return np.asarray(x).astype(DTYPES[str(dtype)])


def identity(x: Any) -> Any:
    """The same value."""
    return x
