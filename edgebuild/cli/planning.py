"""The plan of a build: one part for each spec, remembered where nothing that was read has changed."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebuild import reads
from edgebuild.cli.common import no_spec, twins
from edgebuild.core.graph import Graph
from edgebuild.engine.remembered import Remembered
from edgebuild.engine.store import Store
from edgebuild.errors import Problem, SpecError
from edgebuild.plan.outputs import SpecOutputs
from edgebuild.spec.find import candidates

if TYPE_CHECKING:
    from edgebuild.plan.held import Asked


@dataclass
class Planned:
    """The graph of all specs, and what each gives."""

    graph: Graph = field(default_factory=Graph)
    specs: list[SpecOutputs] = field(default_factory=list)


class Planner:
    """Plans the specs that the arguments name, as often as asked."""

    def __init__(self, args: argparse.Namespace, store: Store) -> None:
        self.paths: list[str] = args.paths
        self.targets, self.candidates = tuple(args.target), tuple(args.candidate)
        self.remembered = Remembered(store)
        self.locked = bool(getattr(args, "locked", False))
        self.remeasure = bool(getattr(args, "remeasure", False))
        self.fresh_choice = bool(getattr(args, "fresh_choice", False))

    def plan(self) -> Planned:
        """The whole plan.

        Raises:
            SpecError: every problem of every spec; a name on the command line that no spec has.
        """
        plan = Planned()
        self.remembered.afresh()
        wrong: dict[Path, tuple[Problem, ...]] = {}
        named, found = candidates(map(Path, self.paths))
        files = list(dict.fromkeys(file.absolute() for file in (*named, *found)))
        if not files:
            raise no_spec(self.paths)
        for file in files:
            try:
                plan.specs.append(self.part(file, plan.graph))
            except SpecError as error:
                wrong[file] = error.problems
        self.leave_out_bases(wrong, plan.specs, [file.absolute() for file in named])
        problems = [problem for found in wrong.values() for problem in found] + twins(plan.specs)
        if problems:
            raise SpecError(*problems)
        self.check_names(plan.specs)
        return plan

    def leave_out_bases(
        self, wrong: dict[Path, tuple[Problem, ...]], specs: list[SpecOutputs], named: list[Path]
    ) -> None:
        """Forget the problems of a file that is no whole spec in itself, where another one extends it."""
        if not wrong:
            return
        from edgebuild.spec.compose import extended
        from edgebuild.spec.find import complete

        bases = {Path(name).resolve() for spec in specs for name in spec.sources[1:]}
        bases |= {base for file in wrong for base in extended(file)}
        for file in list(wrong):
            if file not in named and file.resolve() in bases and not complete(file):
                del wrong[file]

    def part(self, file: Path, graph: Graph) -> SpecOutputs:
        """One spec's part of the graph."""

        def make(part: Graph) -> Any:
            from edgebuild.plan.part import outputs

            with reads.digested_by(self.remembered.store.user_files.digest):
                return outputs(file, part, self.targets, self.candidates, asked).model_dump(mode="json")

        asked = self.asked(file)
        name = repr((str(file), self.targets, self.candidates, *([asked] if asked else [])))
        return SpecOutputs.model_validate(self.remembered.part(name, graph, make))

    def asked(self, file: Path) -> Asked | None:
        """How the lock beside a spec is to be treated, and which of its bytes the store has; None for the usual."""
        if not (self.locked or self.fresh_choice):
            return None
        from edgebuild.engine.pinned import at_hand
        from edgebuild.plan.held import Asked, pinned_digests

        found = at_hand(self.remembered.store, pinned_digests(file)) if self.locked else {}
        return Asked(locked=self.locked, remeasure=self.remeasure, fresh_choice=self.fresh_choice, at_hand=found)

    def check_names(self, specs: list[SpecOutputs]) -> None:
        """Raises: SpecError: a name on the command line is none of a spec's."""
        if self.targets or self.candidates:
            from edgebuild.plan.lower import refuse_unknown

            targets = {name for spec in specs for name in spec.known_targets}
            candidates = {name for spec in specs for name in spec.known_candidates}
            refuse_unknown(sorted(targets), sorted(candidates), self.targets, self.candidates)
