"""What is known of a target → its decision, and the package of what was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgebuild.core.dossier import REPORT
from edgebuild.core.wires import Artifact
from edgebuild.decide.choice import DEFAULT_OBJECTIVE
from edgebuild.decide.dossier import DecideTarget, Entrant
from edgebuild.deliver.package import AssemblePackage
from edgebuild.deliver.provenance.records import Basis
from edgebuild.devices.places import Place
from edgebuild.measure.score import Score
from edgebuild.plan.candidate import CandidatePlan
from edgebuild.plan.held import Ground
from edgebuild.plan.interface import as_packaged
from edgebuild.plan.making import tools_of
from edgebuild.plan.shared import Shared
from edgebuild.plan.target import TargetLowering


def score(to: TargetLowering, entrants: Sequence[CandidatePlan], split: str) -> Artifact:
    """Every candidate on one split."""
    shared = to.shared
    spread = shared.spread(split, to.at_most) if to.judges_parity else None
    step = Score(
        candidates=tuple(entrant.predictions[split].attempt() for entrant in entrants),
        reference=shared.reference(split, to.at_most),
        spread=spread.attempt() if spread else None,
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
    ground: Ground,
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
        call=shared.looped(target.call()),
        entrants=tuple(entrant_of(entrant, to.searched) for entrant in entrants),
        model=shared.facts.attempt(),
        taken=shared.taken.attempt() if shared.loop else None,
        period_ms=shared.period_ms,
        scores={split: artifact.attempt() for split, artifact in scores.items()},
        metrics=tuple(spec.metrics),
        latency=latency.attempt() if latency else None,
        facts=to.facts.attempt(),
        indexes={split: (to.split(split) / "index.json").attempt() for split in spec.data.splits},
        budgets=tuple(spec.budgets.get(to.name, ())),
        floors=spec.floors,
        objective=tuple(spec.objective.get(to.name, DEFAULT_OBJECTIVE)),
        choose=target.choose,
        incumbent=ground.incumbents.get(to.name, ""),
        held=ground.held(to.name),
        shape=next(iter(spec.model.shapes), ""),
        labels=shared.labels,
        interface=as_packaged(spec.interface),
        versions=shared.versions(target),
        seed=spec.data.seed,
    )


def entrant_of(plan: CandidatePlan, searched: bool) -> Entrant:
    """A candidate as the decision takes it; `searched`: candidates differ in how they are loaded."""
    found = plan.found
    return Entrant(
        name=plan.name,
        recipe=plan.words,
        required=plan.required,
        changes=plan.changes,
        model=plan.model.attempt(),
        predictions=tuple(item.attempt() for item in plan.predictions.values()),
        memory=plan.memory.attempt() if plan.memory else None,
        account=plan.account.attempt(),
        layers=plan.layers.attempt() if plan.layers else None,
        call=plan.call if searched else None,
        search=found.front.attempt() if found else None,
        slot=found.slot if found else 0,
        searched=found.words if found else "",
        told=tuple(item.attempt() for item in plan.told),
    )


def assemble(shared: Shared, to: TargetLowering, dossier: Artifact) -> AssemblePackage:
    """The package of whatever the dossier chose."""
    return AssemblePackage(
        dossier=dossier,
        models=tuple(entrant.model.attempt() for entrant in to.candidates),
        predictions=tuple(entrant.predictions[REPORT].attempt() for entrant in to.candidates),
        beside=tuple(entrant.beside.attempt() for entrant in to.candidates if entrant.beside),
        samples=to.split(REPORT),
        config=to.target.package_config(shared.spec.model.shapes),
        raw=to.target.raw_golden,
        configs=tuple(entrant.config for entrant in to.candidates) if to.searched else (),
        files=shared.package_files,
        templates=shared.templates,
        shipped=shared.shipped,
    )


def basis_of(to: TargetLowering, entrants: Sequence[CandidatePlan]) -> Basis:
    """What decides a target and is no measurement."""
    terms = to.shared.spec.objective.get(to.name, DEFAULT_OBJECTIVE)
    ties = [f" (tie {term.tie:.3g})" if term.tie else "" for term in terms]
    words = [f"{term.direction} {term.quantity}{tie}" for term, tie in zip(terms, ties, strict=True)]
    return Basis(
        objective=", ".join(words),
        recipes={entrant.name: entrant.recipe for entrant in entrants},
        tools={entrant.name: tools_of(to.shared.graph, entrant.made) for entrant in entrants},
    )
