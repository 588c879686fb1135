"""What a build gave: outcomes, files to read, files to export."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from edgebuild.core.records import digest_of
from edgebuild.core.wires import Artifact, Refusal
from edgebuild.engine.crew import Crew, RemadeError
from edgebuild.engine.export import export
from edgebuild.engine.oracle import Oracle
from edgebuild.engine.orders import Lacking
from edgebuild.engine.outcomes import Built, Declined, Failed, Outcome, Unmet, refusal_of
from edgebuild.errors import Problem, StepError, worst_code


class Results:
    """One build's end. Files it shows are valid until `close`."""

    def __init__(
        self,
        oracle: Oracle,
        outcomes: Mapping[str, Outcome],
        ran: list[str],
        hits: list[str],
        crew: Crew,
        life: ExitStack,
    ) -> None:
        self._oracle, self._crew, self._life = oracle, crew, life
        self._store = oracle.store
        self.graph = oracle.graph
        self._outcomes = outcomes
        self._views: dict[tuple[str, str], Path] = {}
        self.ran_steps: tuple[str, ...] = tuple(ran)
        self.hit_steps: tuple[str, ...] = tuple(hits)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the folders that were rebuilt for reading."""
        self._life.close()

    @property
    def ran(self) -> int:
        """Steps that ran, those that made lost bytes again included; what is asked in every build does not count."""
        return sum(not self.graph.nodes[step_id].volatile for step_id in self.ran_steps)

    @property
    def hits(self) -> int:
        """Steps that did not have to, and those that are asked in every build."""
        return len(self.hit_steps) + len(self.ran_steps) - self.ran

    def digests(self) -> set[str]:
        """Of every output there is."""
        return {outcome.digest for outcome in self._outcomes.values() if isinstance(outcome, Built)}

    @property
    def until(self) -> float | None:
        """When an output that was found will be too old, in seconds since 1970; None for never."""
        return self._oracle.until

    @property
    def lasting(self) -> bool:
        """Whether every outcome would be found again: no failure, nothing that holds for this build alone."""
        return not any(
            isinstance(outcome, Failed | Unmet) or bool(outcome.only_now) for outcome in self._outcomes.values()
        )

    # -- outcomes ------------------------------------------------------------------------------------------------

    def outcome(self, step_id: str) -> Outcome:
        """What became of a step.

        Raises:
            KeyError: it is no ancestor of anything that was wanted.
        """
        return self._outcomes[step_id]

    def refusal(self, artifact: Artifact) -> Refusal | None:
        """Why there is no such output, where that is so (a crash in this build included)."""
        return refusal_of(self._outcomes[artifact.id])

    def digest(self, artifact: Artifact) -> str:
        """`sha256:…` of a file, `tree:…` of a folder.

        Raises:
            StepError: it was not made.
        """
        return self._built(artifact).digest

    @property
    def failures(self) -> tuple[Failed, ...]:
        """Steps that failed, in the order of the graph."""
        found = (self._outcomes[step_id] for step_id in self._oracle.order)
        return tuple(outcome for outcome in found if isinstance(outcome, Failed))

    def dependents(self, failed: Failed) -> tuple[str, ...]:
        """Steps that were not started because of a failure."""
        return tuple(
            step_id
            for step_id, outcome in self._outcomes.items()
            if isinstance(outcome, Unmet) and failed.step_id in outcome.because
        )

    def problems(self) -> tuple[Problem, ...]:
        """All that failed, for a person; what was not started because of it is one sentence, not a problem each."""
        found: list[Problem] = []
        for failed in self.failures:
            waiting = len(self.dependents(failed))
            which = "" if failed.stops else " that read it" if waiting > 1 else " that reads it"
            folded = (
                f" {waiting} step{'s' if waiting > 1 else ''}{which} {'were' if waiting > 1 else 'was'} not started."
            )
            first, *rest = failed.problems
            found += [replace(first, what=first.what + (folded if waiting else "")), *rest]
        return tuple(found)

    def built(self, artifact: Artifact) -> bool:
        """Whether there are bytes."""
        return isinstance(self._outcomes[artifact.id], Built)

    @property
    def exit_code(self) -> int:
        """0, or the worst failure's. A crash that every wanted output could do without does not count."""
        codes = {failed.exit_code for failed in self.failures if not failed.passes}
        if any(self._crashed(artifact) for artifact in self._oracle.graph.wanted.values()):
            codes.add(5)
        return worst_code(codes)

    def _crashed(self, artifact: Artifact) -> bool:
        outcome = self._outcomes[artifact.id]
        if isinstance(outcome, Declined):
            return outcome.refusal.kind == "failed"
        return isinstance(outcome, Failed) and outcome.passes

    def settled(self, name: str, content: str) -> bool:
        """Whether this very content was settled under the name before: what follows from it alone need not be done."""
        row = self._store.rows.one("SELECT digest FROM settled WHERE name = ?", name)
        return row == (digest_of(content.encode()),)

    def settle(self, name: str, content: str) -> None:
        """Remember that nothing is left to be done for some content."""
        self._store.rows.run("INSERT OR REPLACE INTO settled VALUES (?, ?)", name, digest_of(content.encode()))

    # -- reading -------------------------------------------------------------------------------------------------

    def path(self, artifact: Artifact) -> Path:
        """A read-only file or folder, its bytes verified; made again where they were lost.

        Raises:
            StepError: it was not made, or its lost bytes cannot be made again.
        """
        built = self._built(artifact)
        self._provide(artifact, built)
        view = self._views.get((built.digest, artifact.filename))
        if view is None:
            view = self._crew.scratch / uuid.uuid4().hex[:12] / artifact.filename
            view.parent.mkdir()
            self._store.put(built.digest, view)
            self._views[built.digest, artifact.filename] = view
        return view

    def read_json(self, artifact: Artifact) -> Any:
        """The content of a JSON output."""
        return json.loads(self.path(artifact).read_bytes())

    def _built(self, artifact: Artifact) -> Built:
        outcome = self._outcomes[artifact.id]
        label = self._oracle.labels[artifact.id]
        if isinstance(outcome, Built):
            try:
                return self._store.member(outcome.digest, artifact.member)
            except KeyError:
                raise StepError(Problem(label, f"The output holds no `{artifact.member}`.")) from None
        refusal = refusal_of(outcome)
        why = f"It was refused by {refusal.by}: {refusal.why}" if refusal else "It was not made."
        raise StepError(Problem(label, why, refusal.fix if refusal else "See the failure above."))

    def _provide(self, artifact: Artifact, built: Built) -> None:
        if self._store.verify(built.digest):
            return
        label = self._oracle.labels[artifact.id]
        try:
            failed = self._crew.provide(Lacking(frozenset({artifact.id})))
        except RemadeError:
            raise StepError(
                Problem(label, "Its bytes were lost and came out differently when made again.", "Build again.")
            ) from None
        if failed:
            raise StepError(*failed.problems)

    def export(self, artifact: Artifact, destination: Path) -> bool:
        """Copy a file or folder out. Only what differs is written, each file in one move; what no longer belongs goes.

        Args:
            artifact: what to copy.
            destination: the file or folder itself, not the folder around it. A folder is the artifact's own: files in
                it that are not the artifact's are removed.

        Returns:
            Whether anything was written or removed.

        Raises:
            StepError: it was not made; the destination is a project's folder; the disk is full.
        """
        built = self._built(artifact)
        return export(self._store, built.digest, destination, lambda: self._provide(artifact, built))
