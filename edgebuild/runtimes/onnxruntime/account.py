"""What ONNX Runtime executes: its graph after its own rewriting, kernels by arithmetic, and where time goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

from edgebuild.core.dossier import Account
from edgebuild.runtimes.account import SLOWEST, TraceModel, plural, tally
from edgebuild.runtimes.onnxruntime.providers import CPU
from edgebuild.runtimes.roofline import bound_words, memory_bound

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

    version: ClassVar[int] = 4

    wanted: tuple[str, ...] = ()
    """Providers whose share is to be told, the preferred one first."""

    def read(self, trace: dict[str, Any]) -> Account:
        """The account of a profile."""
        found = account(trace)
        words = placed(found, trace["ops"], self.wanted, self.call.options.get("providers", ()))
        return found.model_copy(update={"words": f"{found.words} {words}".strip()})


def placed(found: Account, ops: list[Any], wanted: tuple[str, ...], asked: Sequence[Any]) -> str:
    """One sentence on what the preferred provider left to the processor; "" where none was preferred.

    Args:
        found: with the operators of each provider.
        ops: name, type, provider and time of each executed operator.
        wanted: providers in order of preference, of the product.
        asked: those of this run, each a name or a name with options.
    """
    if not wanted:
        return ""
    here = [item if isinstance(item, str) else item[0] for item in asked]
    if wanted[0] not in here:
        return f"Counted on this machine's processor; what {wanted[0]} takes is known on the device alone."
    left = Counter(op[1] for op in ops if op[2] == CPU)
    if not left:
        return f"{wanted[0]} left nothing to the processor."
    return f"{left.total()} of {sum(found.placement.values())} executed operators fell to the processor: {tally(left)}."


def account(trace: dict[str, Any]) -> Account:
    """Count the executed operators.

    Args:
        trace: `ops` (name, type, provider, us) and `graph` (type to count) of the session.
    """
    graph: dict[str, int] = trace["graph"]
    integer = {name: count for name, count in graph.items() if name in INTEGER}
    floating = {name: count for name, count in graph.items() if name in FLOAT}
    conversions = {name: count for name, count in graph.items() if name in CONVERSIONS}
    bound = memory_bound(trace, INTEGER | FLOAT)
    words = explained(integer, floating, conversions, graph.get("Cast", 0))
    return Account(
        ops=graph,
        integer_ops=sum(integer.values()),
        float_ops=sum(floating.values()),
        conversions=sum(conversions.values()),
        placement=dict(sorted(Counter(op[2] for op in trace["ops"] if op[2]).items())),
        slowest=tuple((f"{op[1]} {op[0]}", op[3]) for op in trace["ops"][:SLOWEST]),
        times=spent(trace["ops"]),
        memory_bound=bound,
        words=f"{words} {bound_words(bound)}".strip(),
    )


def spent(ops: list[Any]) -> dict[str, float]:
    """Microseconds by what they are spent on, see `Account.times`."""
    found = {"integer": 0.0, "float": 0.0, "conversions": 0.0, "other": 0.0}
    for _, kind, _, time in ops:
        parts = {"integer": INTEGER, "float": FLOAT, "conversions": CONVERSIONS}
        found[next((part for part, kinds in parts.items() if kind in kinds), "other")] += time
    return {part: round(time, 1) for part, time in found.items()}


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
