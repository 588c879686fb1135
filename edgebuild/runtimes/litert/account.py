"""What LiteRT executes: operators, the arithmetic of each, and which of them XNNPACK took."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

from edgebuild.core.dossier import Account
from edgebuild.runtimes.account import TraceModel, plural, tally
from edgebuild.runtimes.roofline import bound_words, memory_bound

HEAVY = frozenset(
    {
        "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "BATCH_MATMUL", "CONV_3D",
        "UNIDIRECTIONAL_SEQUENCE_LSTM", "LSTM",
    }
)  # fmt: skip
CONVERSIONS = frozenset({"QUANTIZE", "DEQUANTIZE"})


class AccountTflite(TraceModel):
    """Of a TFLite model in LiteRT."""

    version: ClassVar[int] = 3

    wanted: str = ""
    """A delegate of the product that does not run here, as people know it."""

    def read(self, trace: dict[str, Any]) -> Account:
        """The account of what the interpreter holds."""
        found = account(trace)
        if not self.wanted:
            return found
        words = f"Counted on this machine's processor; what the {self.wanted} takes is known on the device alone."
        return found.model_copy(update={"words": f"{found.words} {words}"})


def account(trace: dict[str, Any]) -> Account:
    """Count the operators; LiteRT's Python API gives no time of single ones, so `slowest` stays empty.

    Args:
        trace: `ops`, `graph`, `arithmetic` and `partitions` of the session.
    """
    kinds: dict[str, Counter[str]] = {"integer": Counter(), "float": Counter(), "dynamic": Counter()}
    for name, op, _, _ in trace["ops"]:
        if op in HEAVY:
            kinds[trace["arithmetic"][name]][op] += 1
    integer = kinds["integer"] + kinds["dynamic"]
    conversions = sum(count for op, count in trace["graph"].items() if op in CONVERSIONS)
    bound = memory_bound(trace, HEAVY)
    words = explained(kinds, conversions, outside(trace), trace["partitions"])
    return Account(
        ops=trace["graph"],
        integer_ops=sum(integer.values()),
        float_ops=sum(kinds["float"].values()),
        conversions=conversions,
        placement=dict(sorted(Counter(op[2] for op in trace["ops"]).items())),
        memory_bound=bound,
        words=f"{words} {bound_words(bound)}".strip(),
    )


def outside(trace: dict[str, Any]) -> dict[str, int]:
    """Operators that no delegate took, by type."""
    return dict(Counter(op[1] for op in trace["ops"] if op[2] == "builtin"))


def explained(kinds: dict[str, Counter[str]], conversions: int, left: dict[str, int], partitions: int) -> str:
    """One sentence: what runs in integers, what does not, what XNNPACK left to the built-in kernels."""
    heavy = sum(sum(kind.values()) for kind in kinds.values())
    if not heavy:
        return "the graph has no convolution or matrix product."
    parts = []
    if kinds["integer"]:
        parts.append(f"{tally(kinds['integer'])} on integer kernels")
    if kinds["dynamic"]:
        parts.append(f"{tally(kinds['dynamic'])} with integer weights and activations quantized at run time")
    if kinds["float"]:
        parts.append(f"{tally(kinds['float'])} in floating point")
    words = f"of {plural(heavy, 'heavy operator')}, {'; '.join(parts)}"
    if conversions:
        words += f"; {plural(conversions, 'conversion')} left"
    if partitions and left:
        words += f"; XNNPACK left {tally(left)} to the built-in kernels, in {plural(partitions, 'partition')}"
    elif not partitions:
        words += "; XNNPACK took none of them"
    return words + "."
