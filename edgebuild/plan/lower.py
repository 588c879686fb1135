"""Every spec as one graph that shares equal steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgebuild.compress.base import Recipe
from edgebuild.core.dossier import SOURCE
from edgebuild.core.graph import Graph
from edgebuild.core.versions import installed
from edgebuild.core.wires import Artifact
from edgebuild.deliver.package import ArchivePackage
from edgebuild.deliver.provenance.records import Basis
from edgebuild.deliver.report.step import RenderReport
from edgebuild.devices.facts import DeviceFacts
from edgebuild.devices.places import Place, StandIn, place_of
from edgebuild.errors import Problem, Refused, SpecError, did_you_mean
from edgebuild.plan.candidate import CandidatePlan
from edgebuild.plan.deciding import assemble, basis_of, decide, score
from edgebuild.plan.evidence import lower_candidate
from edgebuild.plan.held import Ground
from edgebuild.plan.measuring import time_target
from edgebuild.plan.shared import SPLITS, Shared
from edgebuild.plan.target import TargetLowering
from edgebuild.runtimes.base import Target
from edgebuild.spec import Spec


@dataclass(frozen=True)
class TargetPlan:
    """One target, as wires to what a person wants of it."""

    name: str
    target: Target
    place: Place
    candidates: tuple[CandidatePlan, ...]
    dossier: Artifact
    package: Artifact
    archive: Artifact
    basis: Basis


@dataclass(frozen=True)
class SpecPlan:
    """One spec, as wires."""

    spec: Spec
    shared: Shared
    targets: tuple[TargetPlan, ...]
    report: Artifact


@dataclass
class Plan:
    """The graph of a build and what each spec wants of it."""

    graph: Graph = field(default_factory=Graph)
    specs: list[SpecPlan] = field(default_factory=list)


def lower(
    specs: Sequence[Spec],
    targets: Sequence[str] = (),
    candidates: Sequence[str] = (),
    incumbents: Mapping[str, Mapping[str, str]] | None = None,
) -> Plan:
    """The graph of all specs, limited to the named targets and candidates where any are.

    Args:
        specs: loaded specs.
        targets: names; all where empty.
        candidates: names; all where empty, `source` is always there.
        incumbents: spec file → target → digest of the artifact that its lock holds.

    Raises:
        SpecError: a name matches no target or candidate; files that the specs name cannot be read.
    """
    plan = Plan()
    check_names(specs, targets, candidates)
    for spec in specs:
        wanted = {name: target for name, target in spec.targets.items() if not targets or name in targets}
        if wanted:
            ground = Ground((incumbents or {}).get(spec.file, {}))
            plan.specs.append(lower_spec(spec, plan.graph, wanted, candidates, ground))
    return plan


def check_names(specs: Sequence[Spec], targets: Sequence[str], candidates: Sequence[str]) -> None:
    """Raises: SpecError: a name on the command line is in no spec."""
    known_targets = {name for spec in specs for name in spec.targets}
    known = {name for spec in specs for name in candidate_names(spec)}
    refuse_unknown(sorted(known_targets), sorted(known), targets, candidates)


def candidate_names(spec: Spec) -> tuple[str, ...]:
    """Every candidate of a spec's targets, and every family of them."""
    recipes = (row for target in spec.targets.values() for row in spec.recipes(target).items())
    return tuple(dict.fromkeys(name for member, recipe in recipes for name in (member, recipe.family) if name))


def refuse_unknown(
    known_targets: Sequence[str], known: Sequence[str], targets: Sequence[str], candidates: Sequence[str]
) -> None:
    """Raises: SpecError: a name on the command line is none of a spec's."""
    problems = [
        Problem(
            option, f"no spec has a {kind} `{name}`{did_you_mean(name, names) or '.'}", f"Known: {', '.join(names)}."
        )
        for option, kind, given, names in (
            ("--target", "target", targets, known_targets),
            ("--candidate", "candidate", candidates, known),
        )
        for name in given
        if name not in names
    ]
    if problems:
        raise SpecError(*problems)


def lower_spec(
    spec: Spec, graph: Graph, targets: Mapping[str, Target], only: Sequence[str], ground: Ground
) -> SpecPlan:
    """One spec's part of the graph."""
    shared = Shared(spec, graph)
    plans = tuple(lower_target(shared, name, target, only, ground) for name, target in targets.items())
    report = shared.add(
        RenderReport(
            dossiers=tuple(plan.dossier for plan in plans),
            budgets=tuple(tuple(spec.budgets.get(plan.name, ())) for plan in plans),
            templates=shared.templates,
            shipped=shared.shipped,
        ),
        "write the report",
    )
    graph.want(f"{spec.file}:report", report)
    for plan in plans:
        for kind, artifact in (("dossier", plan.dossier), ("package", plan.package), ("archive", plan.archive)):
            graph.want(f"{spec.file}:{plan.name}:{kind}", artifact)
    return SpecPlan(spec=spec, shared=shared, targets=plans, report=report)


def lower_target(shared: Shared, name: str, target: Target, only: Sequence[str], ground: Ground) -> TargetPlan:
    """One target's part of the graph."""
    spec = shared.spec
    oldest = None if spec.max_age_s is None else int(spec.max_age_s // 86400)
    why = target.simulated()
    stand_in = StandIn(evidence=target.evidence_here, why=why) if why else None
    place = place_of(target.device, Path(spec.folder), max_age_days=oldest, stand_in=stand_in)
    # Not those that make the artifacts: a number depends on their bytes alone, and on what runs them.
    runs_on = installed(target.runs_on)
    facts = shared.add(DeviceFacts(device=target.device, versions=runs_on), "ask the device what it is")
    at_most = spec.effort.samples.get(place.worth("accuracy").evidence)
    measured = place.runs and ground.measures
    to = TargetLowering(
        shared=shared, name=name, target=target, measured=measured, facts=facts, at_most=at_most, ground=ground
    )
    for setting, variant in target.variants().items():
        to.target = variant
        for candidate, recipe in spec.recipes(target).items():
            if not only or {candidate, recipe.family} & {SOURCE, *only}:
                lower_candidate(to, candidate, recipe, beyond(spec, recipe, len(to.candidates)), setting)
    to.target = next(iter(target.variants().values()))
    entrants = tuple(to.candidates)
    latency = time_target(to, entrants, ground.incumbents.get(name, "")) if measured else None
    scores = {split: score(to, entrants, split) for split in SPLITS}
    judged = decide(to, place, entrants, latency, scores, ground)
    dossier = shared.add(judged, f"{name}: decide")
    package = shared.add(assemble(shared, to, dossier), f"{name}: assemble the package")
    return TargetPlan(
        name=name,
        target=target,
        place=place,
        candidates=entrants,
        dossier=dossier,
        package=package,
        archive=shared.add(ArchivePackage(package=package), f"{name}: archive the package"),
        basis=basis_of(to, entrants),
    )


def beyond(spec: Spec, recipe: Recipe, before: int) -> Refused | None:
    """Why a candidate is one too many, if it is."""
    most = spec.effort.candidates
    if most is None or before < most or recipe.required:
        return None
    why = f"`effort.candidates` allows {most} for each target, in the order they are written, `source` first."
    return Refused(by="effort", why=why, fix="Raise it, or put this candidate first.", kind="not applicable")
