"""Print the JSON Schema of `deployment.edge.yaml`, generated from the models that read it."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """It takes none."""
    parser.add_argument("--output", metavar="FILE", help="write it there instead of printing it")


def run(args: argparse.Namespace) -> int:
    """Print or write the schema."""
    from pathlib import Path

    from edgebuild.spec.schema import schema_text

    if args.output:
        Path(args.output).write_text(schema_text(), encoding="utf-8")
    else:
        print(schema_text(), end="")
    return 0
