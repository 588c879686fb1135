"""Print the JSON Schema of `deployment.edge.yaml`, generated from the models that read it."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """It takes none."""
    from edgebuild.cli.common import output_file

    parser.add_argument("--output", type=output_file, metavar="FILE", help="write it there instead of printing it")


def run(args: argparse.Namespace) -> int:
    """Print or write the schema."""
    from edgebuild.cli.common import emit
    from edgebuild.spec.schema import schema_text

    emit(args.output, schema_text())
    return 0
