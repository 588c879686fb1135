"""Numbers of a dossier → what the lock remembers of them, by machine; stronger evidence stands."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from edgebuild.core.dossier import REPORT, CandidateFile, Dossier
from edgebuild.core.evidence import EVIDENCE, Measurement, Verdict
from edgebuild.core.records import canonical_json, digest_of
from edgebuild.decide.budgets import family
from edgebuild.decide.verdicts import RUN
from edgebuild.deliver.provenance.records import Figure, Observation
from edgebuild.deliver.report.numbers import metrics_of
from edgebuild.devices.facts import summary

ALWAYS = ("latency.p50", "latency.p95", "memory.model", "memory.process")
"""Numbers of runs that are kept whether or not a budget asks for them."""

NOISE = 0.03
"""Two runs of the same bytes on one machine differ by as much (the dead band of choosing); the older number stands."""

NOT_COUNTED = "The timing run does not count"
"""How a dossier's notes begin where the machine was contended."""

NEAR = 0.01
"""Margin to a limit below which three digits could lie on its other side."""

TO_SOURCE = "× source"
"""Unit of a verdict on a ratio."""

IDENTITY = (
    "cpu", "stepping", "isa", "arch", "cores", "quota", "memory_gib", "system", "kernel", "hypervisor", "governor",
    "power",
)  # fmt: skip
"""Facts that make two machines different ones for a measurement."""


def fingerprint(dossier: Dossier) -> str:
    """The machine that a target's numbers come from: in words, then a short digest of what the words leave out."""
    builds = {name: version for name, version in sorted(dossier.versions.items()) if dossier.runtime in name}
    runtime = ", ".join(f"{name} {version}" for name, version in builds.items())
    if dossier.device != "here":
        return ", ".join(filter(None, (dossier.device, runtime)))
    facts = {name: dossier.facts.get(name) for name in IDENTITY}
    mark = digest_of(canonical_json([facts, builds])).removeprefix("sha256:")[:8]
    return f"{', '.join(filter(None, (summary(dossier.facts), runtime)))} ({mark})"


def observation(dossier: Dossier, name: str) -> Observation:
    """What this build knows of one candidate; what is unavailable is left out."""
    file = dossier.candidate(name)
    numbers = ["size"]
    for metric in metrics_of(dossier):
        numbers += [metric, f"{metric}.drop", f"{metric}.worst_class_drop"]
    counted = not any(note.startswith(NOT_COUNTED) for note in dossier.notes)
    asked = [verdict for verdict in dossier.verdicts if counted and timed(verdict.quantity)]
    if counted:
        numbers += dict.fromkeys((*ALWAYS, *(verdict.quantity for verdict in asked)))
    figures: dict[str, Figure] = {}
    for quantity in numbers:
        found = file.measured(quantity, REPORT)
        if found is None or found.value is None:
            continue
        figures[quantity] = Figure(value=rounded(found, asked), unit=found.unit, evidence=found.evidence)
        figures |= ratio(file, quantity, found, asked)
        if found.upper is not None and found.upper.high is not None:
            bound = round(found.upper.high, 2) if found.unit == "pp" else significant(found.upper.high)
            figures[f"{quantity}.bound"] = Figure(value=bound, unit=found.unit, evidence=found.evidence)
    for quantity, figure in judged(asked).items():
        figures.setdefault(quantity, figure)
    return Observation(artifact=file.digest, figures=figures)


def ratio(file: CandidateFile, quantity: str, number: Measurement, asked: Collection[Verdict]) -> dict[str, Figure]:
    """The quotient to the source within one run, which another machine can be compared by."""
    if quantity not in file.ratio:
        return {}
    value = near(file.ratio[quantity][0], [item for item in about(asked, quantity) if item.unit == TO_SOURCE])
    return {f"{quantity}.ratio": Figure(value=value, unit="1", evidence=number.evidence)}


def judged(asked: Collection[Verdict]) -> dict[str, Figure]:
    """Numbers of runs that verdicts rest on and nothing else tells: quotients of memory, bounds."""
    found: dict[str, Figure] = {}
    for verdict in asked:
        relative = verdict.unit == TO_SOURCE
        name = f"{verdict.quantity}.ratio" if relative else verdict.quantity
        unit = "1" if relative else verdict.unit
        if relative and verdict.value is not None:
            found[name] = Figure(value=near(verdict.value, [verdict]), unit=unit, evidence=verdict.evidence)
        if verdict.limit.startswith(("upper", "lower")) and verdict.bound is not None:
            bound = near(verdict.bound, [verdict])
            found[f"{name}.bound"] = Figure(value=bound, unit=unit, evidence=verdict.evidence)
    return found


def about(asked: Collection[Verdict], quantity: str) -> list[Verdict]:
    """The verdicts on one quantity."""
    return [verdict for verdict in asked if verdict.quantity == quantity]


def near(value: float, verdicts: Collection[Verdict]) -> float:
    """Three digits; six where a limit is so near that three could lie beyond it."""
    tight = any(verdict.margin is not None and abs(verdict.margin) <= NEAR for verdict in verdicts)
    return significant(value, 6 if tight else 3)


def significant(value: float, digits: int = 3) -> float:
    """Rounded to so many digits."""
    return float(f"{value:.{digits}g}")


def rounded(number: Measurement, asked: Collection[Verdict]) -> float:
    """Three significant digits or more; percentages and their drops to a hundredth, bytes of a file whole."""
    value = number.value
    assert value is not None
    if number.quantity == "size":
        return float(round(value))
    if number.unit in ("%", "pp"):
        return round(value, 2) + 0.0
    return near(value, [item for item in about(asked, number.quantity) if item.unit != TO_SOURCE])


def observed(
    previous: Mapping[str, Observation] | None, dossier: Dossier, name: str | None, turned: Collection[str]
) -> dict[str, Observation]:
    """All machines' observations after this build.

    A number of this machine is replaced by one of evidence not weaker. Another machine's observation stands beside it,
    until what ships is known by evidence as strong: then numbers of bytes that ship no more are left out.

    Args:
        previous: the observations before.
        dossier: of this build.
        name: of what ships.
        turned: quantities on which a verdict is another one now.
    """
    before = previous or {}
    if name is None:
        return dict(before)
    here, new = fingerprint(dossier), observation(dossier, name)
    own = merged(before.get(here), new, turned)
    others = {
        machine: seen
        for machine, seen in before.items()
        if machine != here and (seen.artifact == new.artifact or not outshone(seen, own))
    }
    return {**others, here: own}


def merged(old: Observation | None, new: Observation, turned: Collection[str]) -> Observation:
    """The old observation of a machine with the new one written over it; numbers of other bytes are gone."""
    if old is None or old.artifact != new.artifact:
        return new
    figures = {
        quantity: newer(quantity, old.figures.get(quantity), figure, subject(quantity) in turned)
        for quantity, figure in new.figures.items()
    }
    kept = {quantity: figure for quantity, figure in old.figures.items() if timed(quantity)}
    return new.model_copy(update={"figures": figures | {name: kept[name] for name in kept if name not in figures}})


def newer(quantity: str, old: Figure | None, new: Figure, turned: bool) -> Figure:
    """The new number, unless it is weaker, or says the same but for noise and no verdict turned on it."""
    if old is None or strength(new) > strength(old) or new.unit != old.unit:
        return new
    if strength(new) < strength(old):
        return old
    return old if timed(quantity) and not turned and abs(new.value - old.value) <= NOISE * abs(old.value) else new


def subject(quantity: str) -> str:
    """The quantity that a quotient or bound is about."""
    return quantity.removesuffix(".bound").removesuffix(".ratio")


def timed(quantity: str) -> bool:
    """Whether a number comes from a run on the device; metrics and sizes are known in every build."""
    return family(quantity) in RUN


def of_runs(seen: Observation) -> bool:
    """Whether an observation holds a number that comes from a run."""
    return any(timed(quantity) for quantity in seen.figures)


def outshone(old: Observation, new: Observation) -> bool:
    """Whether the new observation has each number of the old one, by evidence at least as strong."""
    return all(
        strength(new.figures[quantity]) >= strength(figure) if quantity in new.figures else not timed(quantity)
        for quantity, figure in old.figures.items()
    )


def strength(figure: Figure) -> int:
    """Place of its evidence among the classes, the weakest first."""
    return EVIDENCE.index(figure.evidence)
