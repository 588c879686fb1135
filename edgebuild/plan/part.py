"""The part that one spec has in a build's graph."""

from __future__ import annotations

from pathlib import Path

from edgebuild.core.graph import Graph
from edgebuild.deliver.provenance.lock import incumbents, read_lock
from edgebuild.plan.lower import SpecPlan, lower_spec
from edgebuild.plan.outputs import SpecOutputs, TargetOutputs
from edgebuild.spec import Spec, load


def outputs(file: Path, graph: Graph, targets: tuple[str, ...], candidates: tuple[str, ...]) -> SpecOutputs:
    """Load one spec and add its part of the graph, with the incumbents of its lock.

    Raises:
        SpecError: every problem of the spec, or its lock is damaged.
    """
    spec = load(file)
    wanted = {name: target for name, target in spec.targets.items() if not targets or name in targets}
    held = incumbents(read_lock(Path(spec.file).with_suffix(".lock")))
    plan = lower_spec(spec, graph, wanted, candidates, held) if wanted else None
    return described(spec, plan)


def described(spec: Spec, plan: SpecPlan | None) -> SpecOutputs:
    """The outputs of a plan."""
    return SpecOutputs(
        file=spec.file,
        name=spec.name,
        targets=tuple(
            TargetOutputs(
                name=target.name,
                here=target.place.here,
                dossier=target.dossier,
                package=target.package,
                archive=target.archive,
            )
            for target in (plan.targets if plan else ())
        ),
        report=plan.report if plan else None,
        sources=spec.sources,
        known_targets=tuple(spec.targets),
        known_candidates=tuple({name: None for target in spec.targets.values() for name in spec.recipes(target)}),
    )
