"""Find every problem of the specs, and say how many samples their bounds need, before any work."""

from __future__ import annotations

import argparse
import json


def arguments(parser: argparse.ArgumentParser) -> None:
    """Specs."""
    from edgebuild.cli.common import spec_arguments

    spec_arguments(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text")


def run(args: argparse.Namespace) -> int:
    """Print one line per spec; every problem at once otherwise."""
    from edgebuild.cli.common import make_plan
    from edgebuild.plan.advice import advice

    plan = make_plan(args)
    rows = []
    for spec in plan.specs:
        rows.append(
            {
                "spec": spec.spec.file,
                "name": spec.spec.name,
                "targets": {target.name: [c.name for c in target.candidates] for target in spec.targets},
                "advice": advice(spec),
            }
        )
    if args.format == "json":
        print(json.dumps({"specs": rows, "problems": []}, indent=2, ensure_ascii=False))
        return 0
    for row in rows:
        print(f"{row['name']}: good; targets: {', '.join(row['targets'])}")
        for words in row["advice"]:
            print(f"    {words}")
    return 0
