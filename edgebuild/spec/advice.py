"""What a user should know before any run: samples that a bound needs, files that nobody sees read."""

from __future__ import annotations

from pathlib import Path

from edgebuild.decide.budgets import Budget
from edgebuild.metrics.intervals import samples_needed
from edgebuild.spec.records import Spec

UNSEEN = frozenset(
    {"av", "cv2", "h5py", "keras", "netCDF4", "onnxruntime", "pyarrow", "soundfile", "tables", "tensorflow", "torch"}
)
"""Packages that open files in C, where no hook of Python's hears of it."""
PROGRAMS = frozenset({"subprocess"})
"""Modules of Python's that have others read for them."""


def advice(spec: Spec) -> list[str]:
    """A sentence for each bound, and for each function whose files may change unnoticed."""
    have = spec.data.splits["report"].count
    seen: dict[str, Budget] = {}
    for budgets in spec.budgets.values():
        for budget in budgets:
            if budget.form == "upper" and budget.unit == "pp":
                seen.setdefault(f"{budget.quantity} {budget.limit}", budget)
    return [*(sentence(budget, have) for budget in seen.values()), *unseen_reads(spec)]


def sentence(budget: Budget, have: int | None) -> str:
    """`accuracy.drop upper 1.5 pp: …`."""
    low, high = samples_needed(budget.limit)
    enough = "" if have is None else f"; the report split asks for {have:,}"
    short = ", too few unless the two models hardly differ" if have is not None and have < low else ""
    return f"{budget.typed} upper {budget.text}: takes about {low:,} to {high:,} samples to prove{enough}{short}."


def unseen_reads(spec: Spec) -> list[str]:
    """A sentence for each of the user's functions that may read files no hook sees, where the spec names none."""
    if spec.data.inputs:
        return []
    loader = [spec.data.reference] if spec.data.kind == "function" else []
    references = dict.fromkeys([*loader, *spec.functions.values(), *spec.decoders.values()])
    found = {reference: readers(Path(spec.folder), reference) for reference in references}
    return [
        f"{reference}: uses {', '.join(names)}, which may read files no hook sees; name them in `data.inputs`, "
        "or a change of them goes unnoticed."
        for reference, names in found.items()
        if names
    ]


def readers(folder: Path, reference: str) -> list[str]:
    """What a function's files import that reads where nobody hears it."""
    from edgebuild.data.closure import Closure

    file = (folder / reference.rpartition(":")[0]).resolve()
    closure = Closure((file.parent, folder.resolve()))
    closure.add(file)
    found = (closure.packages & UNSEEN) | (closure.standard & PROGRAMS)
    return sorted(found | ({"multiprocessing (spawn)"} if closure.spawns else set()))
