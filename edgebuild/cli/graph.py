"""Draw the build graph of the specs as mermaid, dot or SVG."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Specs, format, output."""
    from edgebuild.cli.common import output_file, spec_arguments

    spec_arguments(parser)
    parser.add_argument("--format", choices=("mermaid", "dot", "svg"), default="mermaid")
    parser.add_argument("--output", type=output_file, metavar="FILE", help="write it there instead of printing it")


def run(args: argparse.Namespace) -> int:
    """Print or write the drawing."""
    from edgebuild.cli.common import emit, make_plan
    from edgebuild.plan.drawing import draw

    emit(args.output, draw(make_plan(args).graph, args.format))
    return 0
