"""Print a plain script that makes a candidate's model without edgebuild, byte for byte."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edgebuild.errors import NoCandidateError, Problem, SpecError, did_you_mean

if TYPE_CHECKING:
    from edgebuild.core.wires import Artifact
    from edgebuild.plan.candidate import CandidatePlan
    from edgebuild.plan.lower import Plan


def arguments(parser: argparse.ArgumentParser) -> None:
    """Candidate, specs, where inputs go."""
    from edgebuild.cli.common import store_arguments

    parser.add_argument(
        "candidate", metavar="[TARGET/]CANDIDATE", help="a candidate, by its target where several have it"
    )
    parser.add_argument("--spec", action="append", default=[], metavar="SPEC", help="specs or folders")
    parser.add_argument("--inputs", metavar="FOLDER", help="write the script's inputs there, as `FOLDER/inputs/…`")
    store_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the script; write its inputs where asked to."""
    from edgebuild.cli.common import load_specs
    from edgebuild.plan.eject import eject, refusals
    from edgebuild.plan.lower import lower

    plan = lower(load_specs(args.spec))
    name, found = chosen(plan, args.candidate)
    for declined in refusals(plan.graph, found.model):
        refusal = declined.refusal
        raise NoCandidateError(Problem(name, f"cannot be made: {refusal.by}: {refusal.why}", refusal.fix))
    script = eject(plan.graph, found.model, f"{name}: {found.words}")
    if found.found is not None and not script.steps:
        what = "is what a search chose, as it is: there is nothing behind it for a script."
        fix = f"`edgebuild why {name}` says what the search chose; the model itself is in the package."
        raise SpecError(Problem(name, what, fix))
    if args.inputs:
        export(plan, script.inputs, Path(args.inputs), args)
    sys.stdout.write(script.text)
    return 0


def chosen(plan: Plan, wanted: str) -> tuple[str, CandidatePlan]:
    """The candidate of that name.

    Raises:
        SpecError: none or several have it.
    """
    every = {
        f"{target.name}/{candidate.name}": candidate
        for spec in plan.specs
        for target in spec.targets
        for candidate in target.candidates
    }
    matching = [name for name in every if wanted in (name, name.split("/", 1)[1])]
    if not matching:
        near = did_you_mean(wanted, list(every)) or "."
        raise SpecError(Problem(wanted, f"is no candidate{near}", f"Known: {', '.join(every)}."))
    if len({every[name].model for name in matching}) > 1:
        raise SpecError(Problem(wanted, "is a candidate of several targets.", f"Say which: {', '.join(matching)}."))
    return matching[0], every[matching[0]]


def export(plan: Plan, inputs: dict[str, Artifact], folder: Path, args: argparse.Namespace) -> None:
    """Build what the script starts from and write it out."""
    from edgebuild.cli.common import open_store
    from edgebuild.core.graph import Graph
    from edgebuild.engine.build import Options, build
    from edgebuild.errors import EdgebuildError

    wanted: set[str] = set()
    waiting = [artifact.id for artifact in inputs.values()]
    while waiting:
        step_id = waiting.pop()
        if step_id not in wanted:
            wanted.add(step_id)
            waiting += plan.graph.needs(step_id)
    part = Graph()
    for step_id, step in plan.graph.steps.items():
        if step_id in wanted:
            part.add(step, plan.graph.label(step_id))
    for place, artifact in inputs.items():
        part.want(place, artifact)
    with open_store(args) as store, build(part, store, Options(workspace=str(Path.cwd()))) as results:
        if results.failures:
            raise EdgebuildError(*results.problems())
        for place, artifact in inputs.items():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            results.export(artifact, folder / place)
