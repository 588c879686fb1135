"""Show what a build would do: states, what each candidate becomes, the samples a bound needs, a time guess."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgebuild.engine.states import State
    from edgebuild.plan.lower import Plan, SpecPlan


def arguments(parser: argparse.ArgumentParser) -> None:
    """Specs, store."""
    from edgebuild.cli.common import spec_arguments, store_arguments

    spec_arguments(parser)
    store_arguments(parser)
    parser.add_argument("--steps", action="store_true", help="list every step, not the candidates alone")
    parser.add_argument("--format", choices=("text", "json"), default="text")


def run(args: argparse.Namespace) -> int:
    """Print the plan; runs nothing."""
    from edgebuild import reads
    from edgebuild.cli.common import make_plan, open_store
    from edgebuild.engine.states import states

    store = open_store(args)
    try:
        with reads.digested_by(store.user_files.digest):
            plan = make_plan(args)
        found = states(plan.graph, store, str(Path.cwd()))
    finally:
        store.close()
    view = describe(plan, {step_id: (state.name, state.why) for step_id, state in found.items()})
    view["guess"] = guess(found)
    if args.format == "json":
        print(json.dumps(view, indent=2, ensure_ascii=False))
    else:
        show(view, args.steps)
    return 0


NEVER_RAN_S = 0.7
"""Seconds for a step that never ran here: 66 steps of the digits example took 46 CPU seconds from cold."""


def guess(found: Mapping[str, State]) -> dict[str, Any]:
    """Seconds of the steps which will or may run: their last time here, a mean for those that never ran."""
    costs = [state.last_s for state in found.values() if state.name in ("will run", "may run", "measurement due")]
    unknown = sum(cost is None for cost in costs)
    known = sum(cost for cost in costs if cost is not None)
    return {"seconds": round(known + unknown * NEVER_RAN_S, 1), "never_ran": unknown}


def describe(plan: Plan, states: dict[str, tuple[str, str]]) -> dict[str, Any]:
    """The plan as plain data."""
    return {
        "counts": dict(Counter(name for name, _ in states.values())),
        "specs": [describe_spec(spec, states) for spec in plan.specs],
        "steps": [
            {
                "step": plan.graph.label(step_id),
                "kind": type(plan.graph.steps[step_id]).__name__,
                "state": name,
                "why": why,
            }
            for step_id, (name, why) in states.items()
        ],
    }


def describe_spec(spec: SpecPlan, states: dict[str, tuple[str, str]]) -> dict[str, Any]:
    """One spec: its routes, its targets with their candidates, its advice."""
    from edgebuild.spec.advice import advice

    return {
        "name": spec.spec.name,
        "routes": {route: [hop.words for hop in hops] for route, hops in spec.shared.routes.items()},
        "targets": [
            {
                "name": target.name,
                "runtime": target.target.runtime,
                "device": target.target.device,
                "candidates": [
                    {
                        "name": candidate.name,
                        "becomes": candidate.words,
                        "state": "refused"
                        if candidate.refusal
                        else states.get(candidate.model.id, ("will run", ""))[0],
                        "why": candidate.refusal.why if candidate.refusal else "",
                    }
                    for candidate in target.candidates
                ],
            }
            for target in spec.targets
        ],
        "advice": advice(spec.spec),
    }


def show(view: dict[str, Any], steps: bool) -> None:
    """The plan for people."""
    for spec in view["specs"]:
        print(spec["name"])
        for route, hops in spec["routes"].items():
            print(f"  route {route}: {', then '.join(hops) or 'as it is'}")
        for target in spec["targets"]:
            print(f"  {target['name']} ({target['runtime']} on {target['device']})")
            width = max(len(candidate["name"]) for candidate in target["candidates"])
            for candidate in target["candidates"]:
                why = f" – {candidate['why']}" if candidate["why"] else ""
                print(f"    {candidate['name']:<{width}}  {candidate['state']:<10} {candidate['becomes']}{why}")
        for words in spec["advice"]:
            print(f"  {words}")
    if steps:
        for step in view["steps"]:
            print(f"  {step['state']:<16} {step['step']}" + (f"  ({step['why']})" if step["why"] else ""))
    counts = ", ".join(f"{count} {name}" for name, count in sorted(view["counts"].items()))
    never = f", {view['guess']['never_ran']} of the steps never ran here" if view["guess"]["never_ran"] else ""
    print(f"{counts}; a guess at the time: {view['guess']['seconds']:.0f} CPU s{never}")
