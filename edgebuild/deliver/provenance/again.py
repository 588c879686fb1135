"""What is measured again under a lock: only a verdict that the new numbers contradict is a departure from it."""

from __future__ import annotations

from edgebuild.core.dossier import REPORT, Dossier
from edgebuild.core.evidence import Verdict
from edgebuild.deliver.provenance.lock import named
from edgebuild.deliver.provenance.observe import NOISE, TO_SOURCE, fingerprint, timed
from edgebuild.deliver.provenance.records import LockedTarget


def settled(dossier: Dossier, held: LockedTarget) -> Dossier:
    """The dossier with the lock's verdicts where the new numbers do not contradict them."""
    name = dossier.judged
    if name is None or dossier.choice != held.decided.choice:
        return dossier
    verdicts = []
    for label, verdict in named(dossier.verdicts).items():
        before = held.decided.verdicts.get(label)
        if before is None or before == verdict.status or not timed(verdict.quantity):
            verdicts.append(verdict)
            continue
        noise = noise_of(verdict, dossier, name, held) if before in ("pass", "fail") else ""
        verdicts.append(verdict.model_copy(update={"status": before, "why": noise}) if noise else verdict)
    return dossier.model_copy(update={"verdicts": tuple(verdicts)})


def noise_of(verdict: Verdict, dossier: Dossier, name: str, held: LockedTarget) -> str:
    """Why a verdict that turned says nothing against the lock's, or ""."""
    if verdict.status not in ("pass", "fail"):
        return f"The lock's verdict stands. {verdict.why}".rstrip()
    seen = held.observed.get(fingerprint(dossier))
    relative = verdict.unit == TO_SOURCE
    same = seen is not None and seen.artifact == dossier.candidate(name).digest
    figure = seen.figures.get(f"{verdict.quantity}.ratio" if relative else verdict.quantity) if seen and same else None
    if figure is None:
        return ""
    low, high = bounds(verdict, dossier, name, relative)
    if low * (1 - NOISE) <= figure.value <= high * (1 + NOISE):
        return f"The lock's verdict stands: {figure.value:.3g} and the new number differ by no more than noise."
    return ""


def bounds(verdict: Verdict, dossier: Dossier, name: str, relative: bool) -> tuple[float, float]:
    """The interval of the number that a verdict judged; the number itself where it has none."""
    file, value = dossier.candidate(name), verdict.value or 0.0
    if relative:
        _, low, high = file.ratio.get(verdict.quantity, (value, value, value))
        return low, high
    found = file.measured(verdict.quantity, REPORT)
    interval = found.interval if found is not None else None
    if interval is None:
        return value, value
    return value if interval.low is None else interval.low, value if interval.high is None else interval.high
