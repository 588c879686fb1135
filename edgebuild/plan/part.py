"""The part that one spec has in a build's graph."""

from __future__ import annotations

from pathlib import Path

from edgebuild.core.graph import Graph
from edgebuild.plan.held import Asked, Ground, lock_of
from edgebuild.plan.lower import SpecPlan, candidate_names, lower_spec
from edgebuild.plan.outputs import SpecOutputs, TargetOutputs
from edgebuild.spec import Spec, load


def outputs(
    file: Path, graph: Graph, targets: tuple[str, ...], candidates: tuple[str, ...], asked: Asked | None = None
) -> SpecOutputs:
    """Load one spec and add its part of the graph, with what it takes from its lock.

    Args:
        file: of the spec.
        graph: to add to.
        targets: names; all where empty.
        candidates: names; all where empty, `source` is always there.
        asked: how the lock is to be treated.

    Raises:
        SpecError: every problem of the spec, or its lock is damaged.
    """
    asked = asked or Asked()
    spec = load(file)
    wanted = {name: target for name, target in spec.targets.items() if not targets or name in targets}
    ground = Ground.of(lock_of(Path(spec.file)), asked)
    plan = lower_spec(spec, graph, wanted, candidates, ground) if wanted else None
    found = described(spec, plan)
    return found.model_copy(update={"candidates": candidates, "locked": asked.locked, "measured": ground.measures})


def described(spec: Spec, plan: SpecPlan | None) -> SpecOutputs:
    """The outputs of a plan."""
    return SpecOutputs(
        file=spec.file,
        name=spec.name,
        targets=tuple(
            TargetOutputs(
                name=target.name,
                here=target.place.runs,
                dossier=target.dossier,
                package=target.package,
                archive=target.archive,
                basis=target.basis,
            )
            for target in (plan.targets if plan else ())
        ),
        report=plan.report if plan else None,
        sources=spec.sources,
        known_targets=tuple(spec.targets),
        known_candidates=candidate_names(spec),
    )
