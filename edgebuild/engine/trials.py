"""Steps that a running step asks for: trials of a search, segments of a training; same keys, store and leases."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebuild.core.node import Inlet, Node
from edgebuild.core.step import Step, load_step
from edgebuild.engine.failing import failed, no_room
from edgebuild.engine.keys import parts_of
from edgebuild.engine.leases import POLL_S, Lease
from edgebuild.engine.orders import Given, Lacking, Order, Replaced
from edgebuild.engine.outcomes import Built, Declined, Failed
from edgebuild.engine.process.child import NO_ROOM, Result
from edgebuild.engine.store.rows import NoRoomError
from edgebuild.errors import Problem

if TYPE_CHECKING:
    from edgebuild.engine.execute import Executor

Ended = Built | Declined | Failed


class Trials:
    """What one running step has asked for.

    A trial runs in the place of the step that waits for it: it needs no token of its own, since the step that asked
    holds what its trials need. A trial that ended is stored at once: a search that is killed goes on where it was.
    """

    def __init__(self, executor: Executor, order: Order, folder: Path) -> None:
        """Args: executor: runs them. order: of the step that asks. folder: where requests come and answers go."""
        self._executor, self._outer, self.folder = executor, order, folder
        self._known = {(given.id, given.member): given for given in order.given}
        self._orders: dict[str, Order] = {}
        self._ended: dict[str, Ended] = {}
        self.failed: list[Failed] = []
        """Those that ended for a reason that is no property of theirs: what was made without them must not stay."""

    def answer(self, number: int) -> None:
        """Run what a request names, or find it, and say where its output is."""
        request = json.loads((self.folder / f"{number}.json").read_text())
        try:
            step = load_step(request["kind"], request["step"])
            said = self._say(step, self._end(step), self.folder / str(number))
        except Exception as error:
            problem = self._problem(str(error))
            said = {"problems": [_plain(problem)]}
            full = isinstance(error, NoRoomError) or (isinstance(error, OSError) and error.errno in NO_ROOM)
            root = self._executor.store.root
            self.failed.append(no_room(self._outer, root) if full else failed(self._outer, (problem,), 5))
        part = self.folder / f"{number}.part"
        part.write_text(json.dumps(said))
        part.replace(self.folder / f"{number}.answer.json")

    def judged(self, result: Result) -> Result:
        """The end of the step that asked: one that went on without a trial that failed is asked again next time."""
        if not self.failed:
            return result
        if any(item.stops for item in self.failed):
            return {"outcome": "disk"}
        what = "; ".join(dict.fromkeys(problem.what for item in self.failed for problem in item.problems))
        return {**result, "only_now": result.get("only_now") or f"a step it asked for failed: {what}"}

    def _end(self, step: Step) -> Ended:
        if type(step).alone and not type(self._outer.step).alone:
            raise ValueError(f"{step.kind()} measures alone, but {self._outer.step.kind()} does not")
        order = self._order(step.within(self._outer.step.environment))
        with self._turn(order):
            ended = self._executor.known(order) or self._perform(order)
            if isinstance(ended, Built) and not self._executor.store.verify(ended.digest):
                ended = self._perform(replace(order, expected=ended.digest))
        # By the name under which the step that asks knows it.
        self._orders[step.id], self._ended[step.id] = order, ended
        if isinstance(ended, Failed):
            self.failed.append(ended)
        return ended

    def _order(self, step: Step) -> Order:
        node = Node.of(step)
        given = {wire.place: self._give(wire) for wire in node.wires}
        digest = self._executor.store.user_files.digest
        parts = parts_of(node, {place: item.name for place, item in given.items()}, digest)
        label = f"{self._outer.label}: {type(step).__name__}"
        return Order(step, label, tuple(dict.fromkeys(given.values())), parts, noted=False)

    def _give(self, wire: Inlet) -> Given:
        ended = self._ended.get(wire.id)
        if ended is not None:
            if isinstance(ended, Failed):
                return Given(wire.id, wire.member, wire.filename, "", ended.as_refusal())
            if isinstance(ended, Declined):
                return Given(wire.id, wire.member, wire.filename, "", ended.refusal)
            digest = self._executor.store.member(ended.digest, wire.member).digest
            return Given(wire.id, wire.member, wire.filename, digest)
        member, inside = wire.member, ""
        while (wire.id, member) not in self._known:
            if not member:
                raise ValueError(f"it reads `{wire.filename}` of a step that {self._outer.step.kind()} does not read")
            member, _, last = member.rpartition("/")
            inside = f"{last}/{inside}".rstrip("/")
        found = self._known[wire.id, member]
        digest = self._executor.store.member(found.digest, inside).digest if found.digest else ""
        return Given(wire.id, wire.member, wire.filename, digest, found.refusal)

    @contextmanager
    def _turn(self, order: Order) -> Iterator[None]:
        """Nobody else makes the step meanwhile.

        One that measures needs no lease: the step that asks has the host. Whoever holds the lease may be waiting for
        just that.
        """
        if type(order.step).alone:
            yield
            return
        told = False
        while not isinstance(found := self._executor.leases.attempt(order.prekey, order.label), Lease):
            if not told:
                told = True
                self._executor.waiting(self._outer.step.id, f"{order.label} is made by {found.words()}")
            time.sleep(POLL_S)
        try:
            yield
        finally:
            found.release()

    def _perform(self, order: Order) -> Ended:
        for _ in range(3):
            answer = self._executor.perform(order, _untold)
            if isinstance(answer, Replaced):
                return answer.built
            if not isinstance(answer, Lacking):
                return answer
            for step_id in answer.steps:
                lost = self._ended.get(step_id)
                if isinstance(lost, Built):
                    self._ended[step_id] = self._perform(replace(self._orders[step_id], expected=lost.digest))
            order = self._again(order)
        raise ValueError("its inputs were lost and could not be made again")

    def _again(self, order: Order) -> Order:
        """The same order with what its inputs have become."""
        return replace(self._order(order.step), expected=order.expected)

    def _say(self, step: Step, ended: Ended, folder: Path) -> dict[str, Any]:
        if isinstance(ended, Declined):
            return {"refusal": ended.refusal.model_dump()}
        if isinstance(ended, Failed):
            return {"problems": [_plain(problem) for problem in ended.problems], "exit_code": ended.exit_code}
        path = folder / (step.output_name() or "output")
        folder.mkdir()
        self._executor.store.put(ended.digest, path)
        return {"path": str(path)}

    def _problem(self, what: str) -> Problem:
        return Problem(self._outer.label, f"A step it asked for could not be run: {what}.")


def _plain(problem: Problem) -> dict[str, Any]:
    return dataclasses.asdict(problem)


def _untold(done: int, total: int, what: str) -> None:
    """The step that asked tells how far it is."""
