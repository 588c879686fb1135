"""Explain a rerun, a refusal or a choice, from the code that decides.

`edgebuild why` lists what is not up to date and what changed. `edgebuild why NAME` explains a target, a candidate
(`target/candidate` or its name) or the steps whose name holds NAME.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from edgebuild.core.dossier import Dossier
from edgebuild.errors import Problem, SpecError, did_you_mean

if TYPE_CHECKING:
    from edgebuild.engine.store import Store
    from edgebuild.plan.lower import Plan, TargetPlan


def arguments(parser: argparse.ArgumentParser) -> None:
    """A name, specs, store."""
    from edgebuild.cli.common import store_arguments

    parser.add_argument(
        "name", nargs="?", default="", metavar="NAME", help="target, candidate or part of a step's name"
    )
    parser.add_argument("--spec", action="append", default=[], metavar="SPEC", help="specs or folders")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    store_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the explanation."""
    from edgebuild.cli.common import load_specs, lock_incumbents, open_store
    from edgebuild.plan.lower import lower

    specs = load_specs(args.spec)
    plan = lower(specs, incumbents=lock_incumbents(specs))
    store = open_store(args)
    try:
        told = explain(plan, store, args.name)
    finally:
        store.close()
    if args.format == "json":
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return 0
    for subject, lines in told.items():
        print(subject)
        for line in lines:
            print(f"    {line}")
    if not told:
        print("everything is up to date")
    return 0


def explain(plan: Plan, store: Store, name: str) -> dict[str, list[str]]:
    """Subject → sentences.

    Raises:
        SpecError: the name is nothing's.
    """
    from edgebuild.plan.outputs import build_folder

    told: dict[str, list[str]] = {}
    for spec in plan.specs:
        for target in spec.targets:
            dossier = dossier_of(build_folder(spec.spec.file, spec.spec.name), target)
            names = {candidate.name for candidate in target.candidates}
            if name == target.name:
                told[f"{spec.spec.name}: {target.name}"] = choice(dossier)
            wanted = name.removeprefix(f"{target.name}/")
            if wanted in names:
                told[f"{spec.spec.name}: {target.name}: {wanted}"] = candidate_words(dossier, wanted)
    if not told or not name:
        told |= reruns(plan, store, name)
    if not told and name:
        told[name] = known_step(plan, name)
    return told


def known_step(plan: Plan, name: str) -> list[str]:
    """What to say of a step that nothing is to be said of.

    Raises:
        SpecError: there is none of that name, nor a target or candidate.
    """
    if any(name in plan.graph.label(step_id) for step_id in plan.graph.steps):
        return ["is up to date"]
    targets = [target for spec in plan.specs for target in spec.targets]
    known = sorted(
        {target.name for target in targets} | {item.name for target in targets for item in target.candidates}
    )
    near = did_you_mean(name, known) or "."
    raise SpecError(Problem(name, f"is no target, candidate or step{near}", f"Known: {', '.join(known)}."))


def dossier_of(folder: Path, target: TargetPlan) -> Dossier | None:
    """What the last build found out about a target, if there was one."""
    file = folder / "dossiers" / f"{target.name}.json"
    return Dossier.model_validate_json(file.read_bytes()) if file.exists() else None


def choice(dossier: Dossier | None) -> list[str]:
    """Why this candidate ships."""
    if dossier is None:
        return ["was never built: run `edgebuild build`."]
    from edgebuild.decide.words import why_choice

    return why_choice(dossier)


def candidate_words(dossier: Dossier | None, name: str) -> list[str]:
    """What became of a candidate: its refusal, its verdicts, its account."""
    if dossier is None:
        return ["was never built: run `edgebuild build`."]
    file = dossier.candidate(name)
    lines = [file.recipe] if file.recipe else []
    if file.refusal is not None:
        lines.append(f"{file.refusal.kind} by {file.refusal.by}: {file.refusal.why}")
        if file.refusal.fix:
            lines.append(f"fix: {file.refusal.fix}")
        return lines
    lines += [f"{verdict.status}: {verdict.budget} {verdict.limit} {verdict.why}".rstrip() for verdict in file.verdicts]
    if file.barred:
        lines.append(file.barred)
    if file.account is not None and file.account.words:
        lines.append(file.account.words)
    lines += searched(dossier, name)
    return [
        *lines,
        "it ships" if dossier.choice == name else f"`{dossier.choice}` ships instead" if dossier.choice else "",
    ]


def searched(dossier: Dossier, name: str) -> list[str]:
    """What a search that a candidate comes of knows of it."""
    from edgebuild.deliver.report.networks import finalist
    from edgebuild.deliver.report.tried import sentence

    lines = [
        sentence(dossier, search, item)
        for search in dossier.searches
        for item in search.finalists
        if item.candidate == name
    ]
    lines += [
        finalist(dossier, search, item)
        for search in dossier.architectures
        for item in search.trials
        if item.candidate == name
    ]
    return [told.replace("*", "") for told in lines]


def reruns(plan: Plan, store: Store, name: str) -> dict[str, list[str]]:
    """Each step that is not up to date and whose name holds `name`: what changed since its last run here."""
    from edgebuild.engine.explain import explain as explain_step
    from edgebuild.engine.states import states

    told: dict[str, list[str]] = {}
    found = states(plan.graph, store, str(Path.cwd()))
    for step_id, state in found.items():
        label = plan.graph.label(step_id)
        if name not in label or state.name in ("cached", "refused"):
            continue
        told[f"{label} ({state.name})"] = explain_step(plan.graph, store, step_id, str(Path.cwd())).words().splitlines()
    return told
