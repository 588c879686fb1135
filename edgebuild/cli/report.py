"""Print the report of the last build of each spec, or say where it is."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from edgebuild.errors import MissingToolError, Problem


def arguments(parser: argparse.ArgumentParser) -> None:
    """Specs; only the path."""
    parser.add_argument("paths", nargs="*", metavar="SPEC", help="specs or folders")
    parser.add_argument("--path", action="store_true", help="print where the report is instead of its text")


def run(args: argparse.Namespace) -> int:
    """Print each report."""
    from edgebuild.cli.common import load_specs
    from edgebuild.plan.outputs import build_folder

    missing = []
    for spec in load_specs(args.paths):
        report = build_folder(spec.file, spec.name) / "report" / "report.md"
        if not report.exists():
            missing.append(Problem(Path(spec.file).name, "has no report yet.", "Run `edgebuild build` first."))
        elif args.path:
            print(report)
        else:
            sys.stdout.write(report.read_text(encoding="utf-8"))
    if missing:
        raise MissingToolError(*missing)
    return 0
