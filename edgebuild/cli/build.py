"""Make, measure, choose and package; exit 0 only when every budget of every target is met."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from edgebuild.errors import Problem, SpecError

if TYPE_CHECKING:
    from edgebuild.cli.planning import Planned
    from edgebuild.engine.results import Results
    from edgebuild.engine.store import Store


def arguments(parser: argparse.ArgumentParser) -> None:
    """Specs, how to run, what to print."""
    from edgebuild.cli.common import output_file, spec_arguments, store_arguments

    spec_arguments(parser)
    store_arguments(parser)
    parser.add_argument("--jobs", type=jobs, default=os.cpu_count() or 1, metavar="N", help="steps at once")
    parser.add_argument("--locked", action="store_true", help="fail where choices, bytes or verdicts leave the lock")
    parser.add_argument(
        "--fresh-choice", action="store_true", help="choose as if nothing were locked, not only what is surely better"
    )
    parser.add_argument("--accept", action="append", choices=("unproven",), default=[], help="your word for a verdict")
    parser.add_argument("--require-device", action="store_true", help="exit 4 where a device cannot be reached")
    parser.add_argument("--stop", action="store_true", help="stop at the first failed step instead of going on")
    parser.add_argument(
        "--no-fast-path", action="store_true", help="walk the whole graph, even where nothing seems to have changed"
    )
    parser.add_argument(
        "--check-determinism",
        type=share,
        nargs="?",
        const=0.1,
        metavar="SHARE",
        help="run a share (10 %% where none is given) of the steps found again, and compare bytes",
    )
    parser.add_argument(
        "--remeasure", action="store_true", help="time and weigh again; the new numbers replace the old"
    )
    parser.add_argument(
        "--rehash", action="store_true", help="read every file of yours again, whatever its size and times say"
    )
    parser.add_argument("--retry", action="store_true", help="run steps again that crashed twice before")
    parser.add_argument("--quiet", action="store_true", help="say nothing but the verdicts")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument(
        "--summary", type=output_file, metavar="FILE", help="write a short markdown summary there (`-` for stdout)"
    )
    parser.add_argument("--junit", type=output_file, metavar="FILE", help="write verdicts as JUnit XML there")


def jobs(text: str) -> int:
    """A number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def share(text: str) -> float:
    """`0.1`, `10%` or `10 %`."""
    number = float(text.rstrip(" %")) / (100 if "%" in text else 1)
    if not 0 < number <= 1:
        raise argparse.ArgumentTypeError("must be more than 0 and at most 1 (100 %)")
    return number


def run(args: argparse.Namespace) -> int:
    """Build, write what is to be delivered, print one line per target."""
    from edgebuild.cli.common import open_store
    from edgebuild.cli.rounds import Rounds

    if args.format == "json" and "-" in (args.summary, args.junit):
        raise SpecError(Problem("--format json", "fills stdout alone.", "Write the summary or JUnit file to a file."))
    store = open_store(args)
    try:
        return Rounds(args, store).run()
    finally:
        store.close()


def execute(
    plan: Planned, store: Store, args: argparse.Namespace, quiet: bool = False, known_only: bool = False
) -> Results:
    """Run the graph under the engine's watch; see `Options.known_only`."""
    from edgebuild.cli.watch import Watch
    from edgebuild.engine.build import Options, build

    watch = Watch(plan.graph, quiet=quiet or args.quiet or args.format == "json")
    options = Options(
        jobs=args.jobs,
        keep_going=not args.stop,
        remeasure=args.remeasure,
        retry=args.retry,
        known_only=known_only,
        workspace=str(Path.cwd()),
        folders=tuple(dict.fromkeys(str(Path(spec.file).parent) for spec in plan.specs)),
    )
    try:
        return build(plan.graph, store, options, watch)
    finally:
        watch.close()
