"""Products of matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from edgebuild.models.convert.onnx_to_mil.context import Context, Handler
from edgebuild.models.convert.onnx_to_mil.mil import FLOAT, is_symbolic, mb
from edgebuild.models.convert.onnx_to_mil.values import Packed


def matmul(ctx: Context) -> Any:
    """MatMul, vectors and integers too."""
    weight = ctx.value(1)
    x = ctx.i(0)
    if isinstance(weight, np.ndarray | Packed) and len(weight.shape) == 2 and x.dtype in FLOAT and 1 <= x.rank <= 3:
        return linear(ctx, x, weight, None)
    return product(x, ctx.i(1))


def linear(ctx: Context, x: Any, weight: np.ndarray[Any, Any] | Packed, bias: np.ndarray[Any, Any] | None) -> Any:
    """X · weight + bias with a constant weight [in, out]; MIL holds it as [out, in]."""
    turned = weight.transposed([1, 0]) if isinstance(weight, Packed) else np.ascontiguousarray(weight.T)
    return mb.linear(x=x, weight=ctx.emit(turned), bias=bias)


def product(x: Any, y: Any) -> Any:
    """Numpy's `matmul` of two variables."""
    left, right = x.rank == 1, y.rank == 1
    x = mb.expand_dims(x=x, axes=[0]) if left else x
    y = mb.expand_dims(x=y, axes=[-1]) if right else y
    result = mb.matmul(x=x, y=y)
    gone = [-2] * left + [-1] * right
    return mb.squeeze(x=result, axes=gone) if gone else result


def gemm(ctx: Context) -> Any:
    """Alpha · A' · B' + beta · C."""
    source = ctx.i(0)
    x = ctx.to_float(source)
    if ctx.a("transA", 0):
        x = mb.transpose(x=x, perm=[1, 0])
    alpha, beta = float(ctx.a("alpha", 1.0)), float(ctx.a("beta", 1.0))
    weight, bias = ctx.value(1), ctx.constant(2)
    turned = bool(ctx.a("transB", 0))
    if isinstance(weight, np.ndarray) and weight.dtype.kind != "f":
        weight = None
    if isinstance(weight, np.ndarray | Packed) and (alpha == 1 or isinstance(weight, np.ndarray)):
        if turned:
            weight = weight.transposed([1, 0]) if isinstance(weight, Packed) else weight.T
        if isinstance(weight, np.ndarray) and alpha != 1:
            weight = weight * np.float32(alpha)
        size = weight.shape[1]
        folded = bias is not None and bias.size in (1, size) and bias.shape[-1:] in ((), (1,), (size,))
        line = np.broadcast_to(bias.ravel() * beta, (size,)).astype(np.float32) if folded and bias is not None else None
        result = linear(ctx, x, weight, line)
        return result if folded or not ctx.has(2) else mb.add(x=result, y=scaled(ctx.f(2), beta))
    result = scaled(mb.matmul(x=x, y=ctx.f(1), transpose_y=turned), alpha)
    result = mb.add(x=result, y=scaled(ctx.f(2), beta)) if ctx.has(2) else result
    return ctx.like(result, source)


def scaled(x: Any, factor: float) -> Any:
    """Times a number, 1 left out."""
    return x if factor == 1 else mb.mul(x=x, y=np.float32(factor))


def fused_matmul(ctx: Context) -> Any:
    """com.microsoft.FusedMatMul: operands transposed in their last two axes, the product scaled."""
    if ctx.a("transBatchA", 0) or ctx.a("transBatchB", 0):
        raise ctx.refuse("transposes the batch axes of an operand")
    x, y = ctx.f(0), ctx.f(1)
    turned = {"transpose_x": bool(ctx.a("transA", 0)), "transpose_y": bool(ctx.a("transB", 0))}
    if 1 in (x.rank, y.rank):
        return scaled(product(x, y), float(ctx.a("alpha", 1.0)))
    return scaled(mb.matmul(x=x, y=y, **turned), float(ctx.a("alpha", 1.0)))


def einsum(ctx: Context) -> Any:
    """Any equation, two operands at a time, each pair by one batched matmul."""
    operands = [ctx.i(k) for k in range(len(ctx.node.input))]
    source = operands[0]
    terms, result = equation_of(ctx, ctx.a("equation").replace(" ", ""), [item.rank for item in operands])
    values = [ctx.to_float(item) for item in operands]
    for k, term in enumerate(terms):
        values[k], terms[k] = diagonal(ctx, values[k], term)
    while len(values) > 1:
        rest = set(result).union(*terms[2:])
        values[0], terms[0] = pair(ctx, values[:2], terms[:2], rest)
        del values[1], terms[1]
    value, term = summed(values[0], terms[0], set(result))
    if list(term) != list(result):
        value = mb.transpose(x=value, perm=[term.index(axis) for axis in result])
    return ctx.like(mb.identity(x=value) if value is source else value, source)


def equation_of(ctx: Context, equation: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """The letters of each operand and of the result, dots replaced by letters of their own."""
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise ctx.refuse(f"has the equation `{equation}` and {len(ranks)} inputs")
    depth = max((rank - len(term) + 3 for term, rank in zip(terms, ranks, strict=True) if "..." in term), default=0)
    dots = "".join(chr(0x3B1 + k) for k in range(depth))
    full = []
    for term, rank in zip(terms, ranks, strict=True):
        count = rank - len(term) + 3
        full.append(term.replace("...", dots[depth - count :] if count else ""))
    if arrow:
        return full, right.replace("...", dots)
    letters = sorted(set(left) - set(",."))
    return full, dots + "".join(letter for letter in letters if left.count(letter) == 1)


def diagonal(ctx: Context, value: Any, term: str) -> tuple[Any, str]:
    """Take the diagonal where a letter stands twice: both axes become one, of which every (n + 1)-th is kept."""
    for letter in dict.fromkeys(term):
        while term.count(letter) > 1:
            if any(is_symbolic(size) for size in value.shape):
                raise ctx.refuse("takes a diagonal of a tensor with an open axis", "Fix the axis (`shapes`).")
            first = term.index(letter)
            second = term.index(letter, first + 1)
            order = [axis for axis in range(len(term)) if axis not in (first, second)]
            turned = mb.transpose(x=value, perm=[*order, first, second])
            size = int(value.shape[first])
            flat = mb.reshape(x=turned, shape=[*(int(value.shape[axis]) for axis in order), size * size])
            places = (np.arange(size) * (size + 1)).astype(np.int32)
            value = mb.gather(x=flat, indices=places, axis=len(order))
            term = "".join(term[axis] for axis in order) + letter
    return value, term


def summed(value: Any, term: str, kept: set[str]) -> tuple[Any, str]:
    """Sum over the letters that nobody needs."""
    gone = [axis for axis, letter in enumerate(term) if letter not in kept]
    if not gone:
        return value, term
    return mb.reduce_sum(x=value, axes=gone, keep_dims=False), "".join(item for item in term if item in kept)


def pair(ctx: Context, values: Sequence[Any], terms: Sequence[str], rest: set[str]) -> tuple[Any, str]:
    """Two operands as one: batch letters, then the first's own, then the second's."""
    (x, left), (y, right) = (summed(values[k], terms[k], rest | set(terms[1 - k])) for k in range(2))
    shared = [letter for letter in left if letter in right]
    batch = [letter for letter in shared if letter in rest]
    inner = [letter for letter in shared if letter not in rest]
    own = [letter for letter in left if letter not in right]
    other = [letter for letter in right if letter not in left]
    size = {**dict(zip(right, y.shape, strict=True)), **dict(zip(left, x.shape, strict=True))}
    for letter in batch:
        # A dimension of 1 under dots broadcasts.
        both = x.shape[left.index(letter)], y.shape[right.index(letter)]
        size[letter] = both[1] if not is_symbolic(both[0]) and both[0] == 1 else both[0]
    a = grouped(ctx, x, left, (batch, own, inner))
    b = grouped(ctx, y, right, (batch, inner, other))
    result = mb.matmul(x=a, y=b)
    letters = [*batch, *own, *other]
    if not letters:
        return mb.squeeze(x=result, axes=[0, 1]), ""
    return mb.reshape(x=result, shape=sizes(ctx, [size[item] for item in letters])), "".join(letters)


def grouped(ctx: Context, x: Any, term: str, groups: Sequence[Sequence[str]]) -> Any:
    """[*batch, product of the second group, product of the third]."""
    order = [term.index(letter) for group in groups for letter in group]
    if order != list(range(len(term))):
        x = mb.transpose(x=x, perm=order)
    shape = [x.shape[k] for k in range(len(groups[0]))]
    at = len(shape)
    for group in groups[1:]:
        part = [x.shape[at + k] for k in range(len(group))]
        at += len(group)
        shape.append(math.prod(part))
    return mb.reshape(x=x, shape=sizes(ctx, shape))


def sizes(ctx: Context, shape: Sequence[Any]) -> list[int]:
    """A shape for `mb.reshape`, its one open size as -1.

    Raises:
        Refused: more than one is open.
    """
    if sum(is_symbolic(size) for size in shape) > 1:
        raise ctx.refuse("reshapes a tensor with more than one open axis", "Fix all but one of them (`shapes`).")
    return [-1 if is_symbolic(size) else int(size) for size in shape]


HANDLERS: dict[str, Handler] = {
    "MatMul": matmul, "Gemm": gemm, "Einsum": einsum, "com.microsoft.FusedMatMul": fused_matmul,
}  # fmt: skip
