"""What a Core ML package holds, and on macOS where Core ML means to run it."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

from edgebuild.core.dossier import Account
from edgebuild.runtimes.account import SLOWEST, TraceModel, plural, tally

ELSEWHERE = "evaluator"
"""In the place of a compute device: its times tell nothing of one."""


class AccountCoreml(TraceModel):
    """Of an `.mlpackage`."""

    version: ClassVar[int] = 1

    def read(self, trace: dict[str, Any]) -> Account:
        """The account of the saved program."""
        return account(trace)


def account(trace: dict[str, Any]) -> Account:
    """Count operators, how weights are stored, and where Core ML would run what.

    Args:
        trace: `ops` and `graph` of the session, `contents` of the package.
    """
    held = trace["contents"]
    placement = Counter(op[2] for op in trace["ops"] if op[2] != ELSEWHERE)
    integer = held["heavy"].get("int8", 0)
    return Account(
        ops=trace["graph"],
        integer_ops=integer,
        float_ops=sum(held["heavy"].values()) - integer,
        conversions=held["conversions"],
        placement=dict(sorted(placement.items())),
        slowest=tuple((f"{op[1]} {op[0]}", op[3]) for op in trace["ops"][:SLOWEST]) if placement else (),
        words=explained(held, bool(placement)),
    )


def explained(held: dict[str, Any], placed: bool) -> str:
    """One sentence: weights, arithmetic, and that nobody here knows the compute unit."""
    parts = [f"weights: {tally(held['weights'])}" if held["weights"] else "no weights"]
    heavy = sum(held["heavy"].values())
    if heavy:
        parts.append(f"of {plural(heavy, 'heavy operator')}, {tally(held['heavy'])}")
    if "float16" in held["arithmetic"] and "float32" in held["arithmetic"]:
        parts.append(f"{held['arithmetic']['float32']} operators stay in float32")
    where = "" if placed else "; which compute unit runs them is decided on the device"
    return "; ".join(parts) + where + "."
