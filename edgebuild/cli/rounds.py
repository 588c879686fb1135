"""A build as rounds over the graph: the one that works, one where the lock moved, one that finds nothing to do."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from dataclasses import dataclass

from edgebuild.cli.build import execute
from edgebuild.cli.delivery import Delivery
from edgebuild.cli.planning import Planner
from edgebuild.engine.process.sighting import Sighting, state_of
from edgebuild.engine.results import Results
from edgebuild.engine.seal import Began, Said, begin, seal
from edgebuild.engine.store import Store
from edgebuild.engine.walk import UnknownError
from edgebuild.errors import EdgebuildError, worst_code

STAMPED_CODES = (0, 1, 3)
"""A failed step or a missing tool is looked at again by every build."""
AT_ONCE = 1000
"""Steps in a graph up to which a build that ran something walks once more to leave a stamp; with more than these, the
next build that finds nothing to do leaves it."""


@dataclass
class Round:
    """One walk and what was delivered after it."""

    delivery: Delivery
    results: Results
    sightings: list[Sighting]
    began: Began
    moved: bool
    """Whether the lock holds other choices now, which are an input of the next one."""

    @property
    def idle(self) -> bool:
        """Whether nothing ran and nothing was written."""
        return not self.results.ran and not self.delivery.wrote and self.results.lasting


def moved(last: Round) -> bool:
    """Whether somebody changed a file since a round read it; what the round itself wrote does not count."""
    ours = tuple(name for spec in last.delivery.plan.specs for name in (str(spec.lock), f"{spec.folder}{os.sep}"))
    files = [item for item in last.sightings if item["kind"] == "file" and not item.get("folder")]
    return any(not item["path"].startswith(ours) and state_of(item["path"]) != item["stat"] for item in files)


def plain_streams() -> bool:
    """Whether a stamp, which holds UTF-8, would say the same bytes."""
    return all(stream.encoding.lower().replace("-", "") == "utf8" for stream in (sys.stdout, sys.stderr))


class Rounds:
    """One command's rounds."""

    def __init__(self, args: argparse.Namespace, store: Store) -> None:
        self.args, self.store = args, store
        self.planner = Planner(args, store)
        self.ran = self.rounds = 0
        self.by_itself = not (
            args.summary
            or args.junit
            or args.no_fast_path
            or args.remeasure
            or args.retry
            or args.rehash
            or args.check_determinism
        )

    def run(self) -> int:
        """Build until the choice is settled; print; leave a stamp where the next build would find nothing to do."""
        last = self.round()
        if last.moved:
            # The incumbent is an input of the choice: settle it now, so that the next build finds nothing to do.
            last = self.round(quiet=True)
        text, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(text), contextlib.redirect_stderr(errors):
            code = last.delivery.conclude(self.args)
        sys.stdout.write(text.getvalue())
        sys.stderr.write(errors.getvalue())
        if self.args.check_determinism:
            code = worst_code([code, self.determinism(last)])
        if self.stampable(code):
            self.leave_stamp(last, Said(code, text.getvalue(), errors.getvalue()))
        return code

    def round(self, quiet: bool = False, known_only: bool = False) -> Round:
        """Plan, walk, deliver.

        Args:
            quiet: say nothing but what fails.
            known_only: stop where anything would have to run.
        """
        began = begin(self.store)
        # The first round measured; the others build on that.
        self.args.remeasure = self.args.remeasure and not self.rounds
        self.rounds += 1
        witness = self.planner.remembered.witness
        witness.young_after = began.young_after
        with witness.frame() as frame:
            plan = self.planner.plan()
            with execute(plan, self.store, self.args, quiet=quiet, known_only=known_only) as results:
                limited = bool(self.args.target or self.args.candidate)
                delivery = Delivery(plan, results, locked=self.args.locked, limited=limited, ran_before=self.ran)
                moved = delivery.write()
        self.ran = delivery.ran
        return Round(delivery, results, frame.sightings, began, moved)

    def determinism(self, last: Round) -> int:
        """Run a share of the steps again and say what came of it; 5 where bytes differ."""
        from edgebuild.engine.build import Options
        from edgebuild.engine.determinism import check_determinism

        graph = last.delivery.plan.graph
        found = check_determinism(graph, self.store, last.results, self.args.check_determinism, Options())
        for problem in found.problems:
            print(problem.render(), file=sys.stderr)
        print(f"{found.compared} steps were run again, {len(found.problems)} gave other bytes.", file=sys.stderr)
        return 5 if found.problems else 0

    def stampable(self, code: int) -> bool:
        """Whether the command may be answered from a stamp."""
        wanted = self.by_itself and os.environ.get("EDGEBUILD_FAST") != "0" and plain_streams()
        return wanted and code in STAMPED_CODES and bool(getattr(self.args, "argv", None))

    def leave_stamp(self, last: Round, said: Said) -> None:
        """From the last round where it was idle, else from one more."""
        if not last.idle:
            if len(last.delivery.plan.graph.nodes) > AT_ONCE or not last.results.lasting or moved(last):
                return
            self.ran = 0
            try:
                last = self.round(quiet=True, known_only=True)
            except (EdgebuildError, UnknownError):
                # Somebody edits; the next build sees to that, this one has said what it did.
                return
            text, errors = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(text), contextlib.redirect_stderr(errors):
                said = Said(last.delivery.conclude(self.args), text.getvalue(), errors.getvalue())
        if last.idle and not last.moved:
            seal(self.store, self.args.argv, last.sightings, last.results, said, last.began)
