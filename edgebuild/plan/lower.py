"""Every spec as one graph that shares equal steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgebuild.compress.base import Recipe
from edgebuild.core.graph import Graph
from edgebuild.core.wires import Artifact
from edgebuild.decide.choice import DEFAULT_OBJECTIVE
from edgebuild.decide.dossier import DecideTarget, Entrant
from edgebuild.deliver.package import ArchivePackage, AssemblePackage
from edgebuild.deliver.report.step import RenderReport
from edgebuild.devices.facts import DeviceFacts
from edgebuild.devices.places import Place, place_of
from edgebuild.errors import Problem, Refused, SpecError, did_you_mean
from edgebuild.measure.score import Score
from edgebuild.plan.interface import as_packaged
from edgebuild.plan.measuring import time_target
from edgebuild.plan.shared import SPLITS, Shared
from edgebuild.plan.target import CandidatePlan, TargetLowering
from edgebuild.runtimes.base import Target
from edgebuild.spec import Spec
from edgebuild.spec.records import SOURCE


@dataclass(frozen=True)
class TargetPlan:
    """One target, as wires to what a person wants of it."""

    name: str
    target: Target
    place: Place
    candidates: tuple[CandidatePlan, ...]
    timing: Artifact | None
    latency: Artifact | None
    scores: dict[str, Artifact]
    dossier: Artifact
    package: Artifact
    archive: Artifact


@dataclass(frozen=True)
class SpecPlan:
    """One spec, as wires."""

    spec: Spec
    shared: Shared
    targets: tuple[TargetPlan, ...]
    report: Artifact

    @property
    def lock(self) -> Path:
        """`deployment.edge.lock` beside `deployment.edge.yaml`."""
        return Path(self.spec.file).with_suffix(".lock")

    @property
    def folder(self) -> Path:
        """`build/<name>` beside the spec."""
        return Path(self.spec.folder) / "build" / self.spec.name


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
            held = (incumbents or {}).get(spec.file, {})
            plan.specs.append(lower_spec(spec, plan.graph, wanted, candidates, held))
    return plan


def check_names(specs: Sequence[Spec], targets: Sequence[str], candidates: Sequence[str]) -> None:
    """Raises: SpecError: a name on the command line is in no spec."""
    known_targets = {name for spec in specs for name in spec.targets}
    known = {name for spec in specs for target in spec.targets.values() for name in spec.recipes(target)}
    refuse_unknown(sorted(known_targets), sorted(known), targets, candidates)


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
    spec: Spec, graph: Graph, targets: Mapping[str, Target], only: Sequence[str], held: Mapping[str, str]
) -> SpecPlan:
    """One spec's part of the graph."""
    shared = Shared(spec, graph)
    plans = tuple(lower_target(shared, name, target, only, held.get(name, "")) for name, target in targets.items())
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


def lower_target(shared: Shared, name: str, target: Target, only: Sequence[str], held: str) -> TargetPlan:
    """One target's part of the graph."""
    spec = shared.spec
    oldest = None if spec.max_age_s is None else int(spec.max_age_s // 86400)
    place = place_of(target.device, Path(spec.folder), max_age_days=oldest)
    versions = shared.versions(target)
    facts = shared.add(DeviceFacts(device=target.device, versions=versions), "ask the device what it is")
    at_most = spec.effort.samples.get(place.worth("accuracy").evidence)
    to = TargetLowering(shared=shared, name=name, target=target, here=place.here, facts=facts, at_most=at_most)
    for candidate, recipe in spec.recipes(target).items():
        if not only or candidate == SOURCE or candidate in only:
            to.lower(candidate, recipe, beyond(spec, recipe, len(to.candidates)))
    entrants = tuple(to.candidates)
    timing, latency = time_target(to, entrants, held) if place.here else (None, None)
    scores = {split: score(to, entrants, split) for split in SPLITS}
    judged = decide(to, place, entrants, latency, scores, held)
    dossier = shared.add(judged, f"{name}: decide")
    package = shared.add(assemble(shared, to, dossier), f"{name}: assemble the package")
    return TargetPlan(
        name=name,
        target=target,
        place=place,
        candidates=entrants,
        timing=timing,
        latency=latency,
        scores=scores,
        dossier=dossier,
        package=package,
        archive=shared.add(ArchivePackage(package=package), f"{name}: archive the package"),
    )


def beyond(spec: Spec, recipe: Recipe, before: int) -> Refused | None:
    """Why a candidate is one too many, if it is."""
    most = spec.effort.candidates
    if most is None or before < most or recipe.required:
        return None
    why = f"`effort.candidates` allows {most} for each target, in the order they are written, `source` first."
    return Refused(by="effort", why=why, fix="Raise it, or put this candidate first.", kind="not applicable")


def score(to: TargetLowering, entrants: Sequence[CandidatePlan], split: str) -> Artifact:
    """Every candidate on one split."""
    shared = to.shared
    step = Score(
        candidates=tuple(entrant.predictions[split].attempt() for entrant in entrants),
        reference=shared.reference(split, to.at_most),
        samples=to.split(split),
        metrics=tuple(shared.spec.metrics.values()),
        versions=shared.metric_versions,
        functions=shared.functions,
        seed=shared.spec.data.seed,
    )
    return shared.add(step, f"{to.name}: score {split}")


def decide(
    to: TargetLowering,
    place: Place,
    entrants: Sequence[CandidatePlan],
    latency: Artifact | None,
    scores: Mapping[str, Artifact],
    held: str,
) -> DecideTarget:
    """Everything that is known of the target, by name, against its budgets."""
    shared, spec, target = to.shared, to.shared.spec, to.target
    return DecideTarget(
        name=spec.name,
        release=spec.release,
        target=to.name,
        runtime=target.runtime,
        place=place,
        source=spec.model.source,
        source_digest=shared.source_digest,
        call=target.call(),
        entrants=tuple(
            Entrant(
                name=entrant.name,
                recipe=entrant.words,
                required=entrant.required,
                changes=entrant.changes,
                model=entrant.model.attempt(),
                predictions=tuple(item.attempt() for item in entrant.predictions.values()),
                memory=entrant.memory.attempt() if entrant.memory else None,
                account=entrant.account.attempt(),
            )
            for entrant in entrants
        ),
        model=shared.facts.attempt(),
        scores={split: artifact.attempt() for split, artifact in scores.items()},
        metrics=tuple(spec.metrics),
        latency=latency.attempt() if latency else None,
        facts=to.facts.attempt(),
        indexes={split: (to.split(split) / "index.json").attempt() for split in spec.data.splits},
        budgets=tuple(spec.budgets.get(to.name, ())),
        floors=spec.floors,
        objective=tuple(spec.objective.get(to.name, DEFAULT_OBJECTIVE)),
        choose=target.choose,
        incumbent=held,
        shape=next(iter(spec.model.shapes), ""),
        labels=shared.labels,
        interface=as_packaged(spec.interface),
        versions=shared.versions(target),
        seed=spec.data.seed,
    )


def assemble(shared: Shared, to: TargetLowering, dossier: Artifact) -> AssemblePackage:
    """The package of whatever the dossier chose."""
    return AssemblePackage(
        dossier=dossier,
        models=tuple(entrant.model.attempt() for entrant in to.candidates),
        predictions=tuple(entrant.predictions["report"].attempt() for entrant in to.candidates),
        samples=to.split("report"),
        config=to.target.config(),
        files=shared.package_files,
        templates=shared.templates,
        shipped=shared.shipped,
    )
