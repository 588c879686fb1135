"""What ONNX Runtime executes: its graph after its own rewriting, kernels by arithmetic, and where time goes."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

from edgebuild.core.dossier import Account
from edgebuild.runtimes.account import SLOWEST, TraceModel, plural, tally

INTEGER = frozenset(
    {
        "QLinearConv", "ConvInteger", "QLinearMatMul", "MatMulInteger", "MatMulIntegerToFloat", "QGemm",
        "DynamicQuantizeMatMul", "DynamicQuantizeLSTM", "QAttention", "QLinearConvTranspose",
    }
)  # fmt: skip
FLOAT = frozenset(
    {
        "Conv", "FusedConv", "NhwcFusedConv", "ConvTranspose", "Gemm", "FusedGemm", "MatMul", "FusedMatMul",
        "TransposeMatMul", "LSTM", "GRU", "RNN", "Attention", "MultiHeadAttention", "Einsum",
    }
)  # fmt: skip
CONVERSIONS = frozenset({"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"})
"""Operators of ONNX Runtime 1.32, from its list of contrib and standard operators."""


class AccountOnnx(TraceModel):
    """Of an ONNX model in ONNX Runtime."""

    version: ClassVar[int] = 1

    def read(self, trace: dict[str, Any]) -> Account:
        """The account of a profile."""
        return account(trace)


def account(trace: dict[str, Any]) -> Account:
    """Count the executed operators.

    Args:
        trace: `ops` (name, type, provider, mean us) and `graph` (type to count) of the session.
    """
    graph: dict[str, int] = trace["graph"]
    integer = {name: count for name, count in graph.items() if name in INTEGER}
    floating = {name: count for name, count in graph.items() if name in FLOAT}
    conversions = {name: count for name, count in graph.items() if name in CONVERSIONS}
    return Account(
        ops=graph,
        integer_ops=sum(integer.values()),
        float_ops=sum(floating.values()),
        conversions=sum(conversions.values()),
        placement=dict(sorted(Counter(op[2] for op in trace["ops"] if op[2]).items())),
        slowest=tuple((f"{op[1]} {op[0]}", op[3]) for op in trace["ops"][:SLOWEST]),
        words=explained(integer, floating, conversions, graph.get("Cast", 0)),
    )


def explained(integer: dict[str, int], floating: dict[str, int], conversions: dict[str, int], casts: int) -> str:
    """One sentence: what runs in integers, what does not, what lies between."""
    whole, left, between = sum(integer.values()), sum(floating.values()), sum(conversions.values())
    heavy = whole + left
    if not heavy:
        return "the graph has no convolution or matrix product."
    if not whole and between:
        return (
            f"ONNX Runtime fused none of the {plural(heavy, 'heavy operator')} into an integer kernel: "
            f"{tally(floating)} run in floating point between {plural(between, 'conversion')} ({tally(conversions)})."
        )
    if not whole:
        cast = f", with {plural(casts, 'cast')} around them" if casts else ""
        return f"{tally(floating)} run in floating point{cast}."
    rest = f", {tally(floating)} in floating point" if floating else ""
    some = f"{whole} of {plural(heavy, 'heavy operator')} run on integer kernels ({tally(integer)}){rest}"
    return f"{some}; {plural(between, 'conversion')} left ({tally(conversions)})." if between else f"{some}."
