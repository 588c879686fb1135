"""Find every problem of the specs, and say how many samples their bounds need, before any work."""

from __future__ import annotations

import argparse
import json


def arguments(parser: argparse.ArgumentParser) -> None:
    """Specs."""
    parser.add_argument(
        "paths", nargs="*", metavar="SPEC", help="specs or folders; all of the project where none is given"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text")


def run(args: argparse.Namespace) -> int:
    """Print one line per spec; every problem at once otherwise."""
    from edgebuild.cli.common import load_specs
    from edgebuild.spec.advice import advice

    rows = [
        {
            "spec": spec.file,
            "name": spec.name,
            "targets": {name: list(spec.recipes(target)) for name, target in spec.targets.items()},
            "advice": advice(spec),
        }
        for spec in load_specs(args.paths)
    ]
    if args.format == "json":
        print(json.dumps({"specs": rows, "problems": []}, indent=2, ensure_ascii=False))
        return 0
    for row in rows:
        print(f"{row['name']}: good; targets: {', '.join(row['targets'])}")
        for words in row["advice"]:
            print(f"    {words}")
    return 0
