"""What TensorFlow Lite Micro executes: operators, and the arithmetic of each."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

from edgebuild.core.dossier import Account
from edgebuild.runtimes.account import TraceModel, plural, tally

HEAVY = frozenset(
    {
        "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "BATCH_MATMUL", "SVDF",
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
    }
)  # fmt: skip
CONVERSIONS = frozenset({"QUANTIZE", "DEQUANTIZE"})


class AccountMicro(TraceModel):
    """Of a TFLite model in TensorFlow Lite Micro."""

    version: ClassVar[int] = 1

    def read(self, trace: dict[str, Any]) -> Account:
        """The account of what the interpreter runs."""
        return account(trace)


def account(trace: dict[str, Any]) -> Account:
    """Count the operators; there is no time of single ones, so `slowest` stays empty.

    Args:
        trace: `ops`, `graph` and `arithmetic` of the session.
    """
    kinds: dict[str, Counter[str]] = {"integer": Counter(), "float": Counter()}
    for name, op, _, _ in trace["ops"]:
        if op in HEAVY:
            kinds[trace["arithmetic"][name]][op] += 1
    whole, left = kinds["integer"].total(), kinds["float"].total()
    conversions = sum(count for op, count in trace["graph"].items() if op in CONVERSIONS)
    words = "the graph has no convolution or matrix product"
    if whole + left:
        parts = [f"{tally(kinds['integer'])} on integer kernels"] if whole else []
        parts += [f"{tally(kinds['float'])} in floating point"] if left else []
        words = f"of {plural(whole + left, 'heavy operator')}, {'; '.join(parts)}"
    if conversions:
        words += f"; {plural(conversions, 'conversion')} left"
    return Account(
        ops=trace["graph"],
        integer_ops=whole,
        float_ops=left,
        conversions=conversions,
        placement={"tflite-micro": len(trace["ops"])},
        words=f"{words}.",
    )
