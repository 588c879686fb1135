"""Dossiers → exit code."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from edgebuild.core.dossier import Dossier
from edgebuild.errors import worst_code


def exit_code(dossiers: Iterable[Dossier], accept: Collection[str] = (), require_device: bool = False) -> int:
    """The exit code of a build whose targets ended so; arguments as in `code_of`."""
    return worst_code(code_of(dossier, accept, require_device) for dossier in dossiers)


def code_of(dossier: Dossier, accept: Collection[str] = (), require_device: bool = False) -> int:
    """The exit code of one target.

    Args:
        dossier: what became of it.
        accept: verdicts the caller takes for a pass by his own word (`--accept unproven`).
        require_device: the caller asked for the device itself (`--require-device`).

    Returns:
        0 all verdicts pass or are accepted, 1 one does not, 3 nothing or not all that is required can be made, 4 the
        device was asked for and gave no latency, 5 a required candidate or the whole target was lost to a failed step.
    """
    lost = [item for item in dossier.candidates if item.refusal is not None]
    missing = [item for item in lost if item.required]
    if missing or (dossier.judged is None):
        causes = missing or lost
        return 5 if any(item.refusal and item.refusal.kind == "failed" for item in causes) else 3
    if require_device and not reached(dossier):
        return 4
    if dossier.choice is None:
        return 1
    return 0 if all(verdict.status in ("pass", *accept) for verdict in dossier.verdicts) else 1


def reached(dossier: Dossier) -> bool:
    """Whether the device, or a committed measurement of it, gave a latency of what would ship."""
    number = dossier.candidate(dossier.judged).measured("latency.p50") if dossier.judged else None
    return number is not None and number.value is not None
