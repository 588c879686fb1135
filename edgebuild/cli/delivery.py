"""What leaves the store after a build: packages, reports, the lock; and the words and number it ends with."""

from __future__ import annotations

import argparse
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgebuild.core.dossier import Dossier
from edgebuild.core.wires import Artifact
from edgebuild.data.sources import digest_path
from edgebuild.decide.exits import exit_code
from edgebuild.engine.installation import identity
from edgebuild.errors import Problem, StepError, worst_code
from edgebuild.reads import probed

if TYPE_CHECKING:
    from edgebuild.cli.planning import Planned
    from edgebuild.deliver.provenance.departures import Departure
    from edgebuild.engine.results import Results
    from edgebuild.plan.outputs import SpecOutputs, TargetOutputs


class Delivery:
    """One build's results on their way out."""

    def __init__(
        self, plan: Planned, results: Results, locked: bool = False, limited: bool = False, ran_before: int = 0
    ) -> None:
        """Take a build's results.

        Args:
            plan: what was built.
            results: of the build.
            locked: compare with the lock instead of writing it.
            limited: only some targets were built.
            ran_before: steps that ran before the choice was settled.
        """
        self.plan, self.results, self.locked, self.limited = plan, results, locked, limited
        self.ran = results.ran + ran_before
        self.hits = max(0, results.hits - ran_before)
        self.dossiers = {spec.file: self.read(spec) for spec in plan.specs}
        self.departures: list[Departure] = []
        self.installation = identity()
        self.wrote = False
        """Whether anything outside the store was not what it had to be."""

    def read(self, spec: SpecOutputs) -> list[Dossier]:
        """The dossiers of one spec; what was measured again under a lock counts where it contradicts it."""
        found = [
            Dossier.model_validate(self.results.read_json(target.dossier))
            for target in spec.targets
            if self.built(target.dossier)
        ]
        if not (spec.locked and spec.measured):
            return found
        from edgebuild.deliver.provenance.again import settled
        from edgebuild.deliver.provenance.lock import read_lock

        held = read_lock(spec.lock).targets
        return [settled(item, held[item.target]) if item.target in held else item for item in found]

    def built(self, artifact: Artifact) -> bool:
        """Whether the build has these bytes."""
        from edgebuild.engine.outcomes import Built

        return isinstance(self.results.outcome(artifact.id), Built)

    def write(self) -> bool:
        """Export everything; returns whether the lock's choices changed.

        Raises:
            StepError: a file or folder cannot be written.
        """
        try:
            return self.write_all()
        except OSError as error:
            fix = "Make room, or see that the folder can be written; what was built is kept in the store."
            what = f"cannot be written: {error.strerror or error}."
            raise StepError(Problem(str(error.filename or "build"), what, fix)) from error

    def write_all(self) -> bool:
        """See `write`. Raises: OSError: a file or folder cannot be written."""
        changed = False
        for spec in self.plan.specs:
            for target, dossier in zip(self.complete(spec), self.dossiers[spec.file], strict=True):
                self.export(spec, target, dossier)
                self.put(target.dossier, spec.folder / "dossiers" / f"{target.name}.json")
            if spec.report and self.built(spec.report):
                self.put(spec.report, spec.folder / "report")
            changed |= self.lock(spec)
        return changed

    def complete(self, spec: SpecOutputs) -> list[TargetOutputs]:
        """The targets that have a dossier."""
        return [target for target in spec.targets if self.built(target.dossier)]

    def export(self, spec: SpecOutputs, target: TargetOutputs, dossier: Dossier) -> None:
        """The package of one target: in its place where it passed, apart where it is the nearest miss."""
        good, miss = spec.folder / target.name, spec.folder / f"{target.name}.nearest-miss"
        chosen, other = (good, miss) if dossier.passed else (miss, good)
        self.remove(other)
        self.remove(other.with_name(other.name + ".tar.gz"))
        if self.built(target.package):
            self.put(target.package, chosen)
        if self.built(target.archive):
            self.put(target.archive, chosen.with_name(chosen.name + ".tar.gz"))

    def put(self, artifact: Artifact, place: Path) -> None:
        """Export one artifact."""
        self.wrote |= self.results.export(artifact, place)

    def remove(self, place: Path) -> None:
        """A package that is not this build's answer any more."""
        if probed(place).is_dir() and not place.is_symlink():
            shutil.rmtree(place, ignore_errors=True)
        elif os.path.lexists(place):
            place.unlink()
        else:
            return
        self.wrote = True

    def lock(self, spec: SpecOutputs) -> bool:
        """Write or compare the lock; returns whether a later build would choose against another incumbent."""
        from edgebuild.deliver.provenance.departures import Comparison
        from edgebuild.deliver.provenance.lock import incumbents, lock_text, read_lock

        dossiers = self.dossiers[spec.file]
        if not self.locked and self.results.settled(spec.file, self.basis(spec)):
            return False
        previous = read_lock(spec.lock)
        bases = {target.name: target.basis for target in spec.targets}
        if self.locked:
            whole = Comparison(previous, spec.lock.name, bases, spec.known_targets, limited=bool(spec.candidates))
            self.departures += whole.differences(dossiers)
            return False
        if not dossiers or spec.candidates:
            return False
        keep_others = self.limited or len(dossiers) < len(spec.known_targets)
        text = lock_text(dossiers, previous, keep_others, bases)
        if not probed(spec.lock).exists() or spec.lock.read_text(encoding="utf-8") != text:
            spec.lock.write_text(text, encoding="utf-8")
            self.wrote = True
        changed = incumbents(read_lock(spec.lock)) != incumbents(previous)
        if not changed:
            self.results.settle(spec.file, self.basis(spec))
        return changed

    def basis(self, spec: SpecOutputs) -> str:
        """All that a lock follows from, itself included: with the same it comes out the same."""
        dossiers = [(item.name, self.results.digest(item.dossier)) for item in self.complete(spec)]
        held = digest_path(spec.lock) if probed(spec.lock).exists() else ""
        bases = [item.basis for item in spec.targets]
        return repr((self.installation, dossiers, held, bases, spec.known_targets, self.limited))

    def code(self, accept: tuple[str, ...], require_device: bool) -> int:
        """The exit code of the whole build."""
        every = [dossier for dossiers in self.dossiers.values() for dossier in dossiers]
        codes = [self.results.exit_code, exit_code(every, accept), *(item.code for item in self.departures)]
        if require_device and any(not target.here for spec in self.plan.specs for target in spec.targets):
            codes.append(4)
        return worst_code(codes)

    def problems(self) -> list[Problem]:
        """Every failure by name, with how many steps could not be started because of it."""
        found: list[Problem] = []
        for failed in self.results.failures:
            unmet = len(self.results.dependents(failed))
            for row, problem in enumerate(failed.problems):
                last = row == len(failed.problems) - 1
                wait = f" {unmet} steps that need it were not started." if unmet and last else ""
                told = problem.where.startswith(failed.label)
                where = problem.where if told else f"{failed.label}: {problem.where}".removesuffix(": ")
                found.append(
                    replace(problem, where=where, what=sentence(problem.what) + wait if wait else problem.what)
                )
        return [*found, *(item.problem for item in self.departures)]

    def traces(self) -> list[str]:
        """Tracebacks of failures that are bugs of ours."""
        return [failed.details for failed in self.results.failures if failed.exit_code == 70 and failed.details]

    def conclude(self, args: argparse.Namespace) -> int:
        """Print what happened, write the side outputs, return the exit code."""
        from edgebuild.cli import outcome
        from edgebuild.cli.common import emit

        code = self.code(tuple(args.accept), args.require_device)
        if args.format == "json":
            print(json.dumps(outcome.as_json(self, code), indent=2, ensure_ascii=False))
        else:
            outcome.print_lines(self, tuple(args.accept))
        every = [dossier for dossiers in self.dossiers.values() for dossier in dossiers]
        if args.summary:
            from edgebuild.deliver.report.summary import summary

            emit(args.summary, summary(every))
        if args.junit:
            from edgebuild.deliver.report.junit import junit

            emit(args.junit, junit(every))
        return code


def sentence(text: str) -> str:
    """A text that another sentence can follow."""
    return text if text.endswith((".", "!", "?")) else f"{text}."
