"""Check packages: bytes against checksums, the manifest against the files, golden outputs in the runtime."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from edgebuild.errors import Problem, SpecError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Packages."""
    parser.add_argument("packages", nargs="+", metavar="PACKAGE", help="package folders or .tar.gz archives")


def run(args: argparse.Namespace) -> int:
    """Print every problem; 0 where there is none, else 1."""
    from edgebuild.deliver.verify import verify

    absent = [name for name in args.packages if not Path(name).exists()]
    if absent:
        fix = "Name a folder of `build/…` or its `.tar.gz`."
        raise SpecError(*(Problem(name, "no such package.", fix) for name in absent))
    bad = 0
    for name in args.packages:
        problems = verify(Path(name))
        bad += bool(problems)
        for problem in problems:
            print(problem.render(), file=sys.stderr)
        if not problems:
            print(f"{name}: good")
    return 1 if bad else 0
