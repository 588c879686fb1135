"""Draw the build graph of the specs as mermaid, dot or SVG."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Specs, format, output."""
    from edgebuild.cli.common import spec_arguments

    spec_arguments(parser)
    parser.add_argument("--format", choices=("mermaid", "dot", "svg"), default="mermaid")
    parser.add_argument("--output", metavar="FILE", help="write it there instead of printing it")


def run(args: argparse.Namespace) -> int:
    """Print or write the drawing."""
    from pathlib import Path

    from edgebuild.cli.common import make_plan
    from edgebuild.plan.drawing import draw

    text = draw(make_plan(args).graph, args.format)
    if args.output:
        Path(args.output).write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return 0
