"""How far each artifact of each runtime is from the source, on the same samples."""

from __future__ import annotations

from collections.abc import Sequence

from edgebuild.core.dossier import REPORT, CandidateFile, Dossier
from edgebuild.deliver.report.numbers import NOTHING, known, number

QUANTITIES = ("parity", "parity.sqnr", "parity.agreement")


def across(dossiers: Sequence[Dossier]) -> list[dict[str, str]]:
    """A row for each candidate of each target that was compared; none where there is one target alone."""
    if len(dossiers) < 2:
        return []
    return [row for dossier in dossiers for file in dossier.candidates if (row := compared(dossier, file))]


def compared(dossier: Dossier, file: CandidateFile) -> dict[str, str]:
    """One artifact; nothing where it was not made, or says nothing that can be compared."""
    found = [file.measured(quantity, REPORT) for quantity in QUANTITIES]
    there = [item for item in found if item is not None and known(item)]
    if not there:
        return {}
    cells = [number(item.value, item.unit) if item is not None else NOTHING for item in found]
    return {
        "target": dossier.target,
        "runtime": dossier.runtime,
        "name": f"**`{file.name}`** (ships)" if file.name == dossier.choice else f"`{file.name}`",
        "error": cells[0],
        "sqnr": cells[1],
        "agreement": cells[2],
        "samples": f"{max(item.samples for item in there):,}",
        "evidence": " / ".join(dict.fromkeys(item.evidence for item in there)),
    }
