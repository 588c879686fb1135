"""Run one step: its inputs in a folder of its own, its end as an outcome, its output in the store."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgebuild.core.step import Step
from edgebuild.core.wires import Refusal
from edgebuild.engine import crashes, observations
from edgebuild.engine.failing import bug, failed, no_room, unfinished
from edgebuild.engine.keys import Parts, key_of
from edgebuild.engine.leases import Leases
from edgebuild.engine.observations import Sitting
from edgebuild.engine.orders import Answer, Lacking, Order, Replaced
from edgebuild.engine.outcomes import Built, Declined, Failed
from edgebuild.engine.peaks import Peaks
from edgebuild.engine.process.child import NO_ROOM, Result, read_inputs, result_of
from edgebuild.engine.process.folder import StepFolder
from edgebuild.engine.process.groups import Ended, Processes
from edgebuild.engine.process.launch import launch_of
from edgebuild.engine.process.memory import available_bytes, total_bytes
from edgebuild.engine.process.parents import NoParentError
from edgebuild.engine.process.workspace import ASK, FolderWorkspace, Progress
from edgebuild.engine.seen import Seen, check_code, ignored_folders, roots_of, seen_now, still_so
from edgebuild.engine.store import Store
from edgebuild.engine.store.history import Last
from edgebuild.engine.store.locks import bump_generation
from edgebuild.engine.store.rows import NoRoomError
from edgebuild.engine.store.scratch import remove_folder
from edgebuild.engine.trials import Trials
from edgebuild.errors import EdgebuildError, Problem


class Executor:
    """Runs orders for one build; safe to call from several threads."""

    def __init__(
        self,
        store: Store,
        scratch: Path,
        workspace: str,
        *,
        memory: int | None = None,
        retry: bool = False,
        waiting: Callable[[str, str], None] = lambda *_: None,
    ) -> None:
        """Run orders.

        Args:
            store: where outputs go.
            scratch: the build's own folder.
            workspace: name of the checkout.
            memory: bytes that steps may take together; what this machine has free where None.
            retry: whether steps that crashed again and again are run all the same.
            waiting: see `Listener.waiting`.
        """
        self.waiting = waiting
        self.most_bytes, self._granted, self.retry = memory or available_bytes(), memory or total_bytes(), retry
        self.store, self.scratch, self.workspace = store, scratch, workspace
        self.peaks = Peaks(store)
        self.processes, self.leases = Processes(), Leases(store.state / "leases")

    def _limits(self, order: Order) -> str:
        return crashes.limits_of(order, self._granted)

    def known(self, order: Order) -> Built | Declined | None:
        """What another build has made of it since the store was asked."""
        prekey, roots = order.prekey, roots_of(order.codes)
        keys = [prekey]
        if roots:
            sets = self.store.seen_sets(prekey)
            keys = [key_of({**order.parts, "seen": seen}) for seen in sets if still_so(seen, roots, self.store)]
        age = order.step.max_age()
        return next((self.store.action(key) for key in keys if age is None or self.store.valid_until(key, age)), None)

    def perform(self, order: Order, tell: Progress) -> Answer:
        """Run a step to its outcome; nothing is raised but what ends the whole build."""
        try:
            found = None if self.retry else crashes.known(self.store, order.prekey, self._limits(order))
            if found:
                return replace(failed(order, (found.problem(order),), 5, passes=True), details=found.log)
            lacking = frozenset(
                given.id for given in order.given if given.digest and not self.store.verify(given.digest)
            )  # fmt: skip
            if lacking:
                return Lacking(lacking)
            try:
                return self._attempt(order, tell)
            except NoParentError:
                # What it was forked from died, and it with it: no fault of the step's.
                return self._attempt(order, tell, apart=True)
        except NoRoomError:
            return no_room(order, self.store.root)
        except NoParentError as error:
            return failed(
                order, (Problem(order.label, f"The step's process was lost twice: {error}."),), 5, passes=True
            )
        except EdgebuildError as error:
            return failed(order, error.problems, error.exit_code)
        except OSError as error:
            if error.errno in NO_ROOM:
                return no_room(order, self.store.root)
            return bug(order, traceback.format_exc())
        except Exception:
            return bug(order, traceback.format_exc())

    def _attempt(self, order: Order, tell: Progress, *, apart: bool = False) -> Answer:
        folder, started = None, time.monotonic()
        try:
            folder = StepFolder(self.scratch, order.step.output_name())
            return self._finish(order, *self._run(order, folder, tell, apart), folder, time.monotonic() - started)
        finally:
            if folder:
                remove_folder(folder.path)

    # -- running -------------------------------------------------------------------------------------------------

    def _run(self, order: Order, folder: StepFolder, tell: Progress, apart: bool) -> tuple[Result, Ended | None]:
        lines = self._lay_out(order, folder)
        if order.step.inline:
            work = FolderWorkspace(folder.output, Path(folder.work), read_inputs(lines), tell)
            return _run_inline(order.step, work), None
        roots = roots_of(order.codes)
        trials = Trials(self, order, folder.path / "trials")

        def heard(done: int, total: int, what: str) -> None:
            if total == ASK:
                trials.answer(done)
            else:
                tell(done, total, what)

        folder.tell(
            {
                "id": order.step.id,
                "kind": order.step.kind(),
                "step": order.step.model_dump_json(serialize_as_any=True),
                "inputs": lines,
                "output": str(folder.output),
                "roots": [str(root) for root in roots],
                "ignored": ignored_folders(self.store, roots) if roots else [],
                "observed": self._observed(order, folder.path),
                "trials": str(trials.folder),
            }
        )
        ended = self.processes.run(launch_of(order.step, order.codes, folder, self.most_bytes, apart=apart), heard)
        result = folder.answer()
        if "peak_bytes" in result:
            self.peaks.learn(order.step.kind(), int(result["peak_bytes"]))
        if ended.timed_out or ended.starved:
            result = {"outcome": "time" if ended.timed_out else "starved"}
        return trials.judged(result), ended

    def _observed(self, order: Order, folder: Path) -> dict[str, Any] | None:
        sitting = Sitting.of(order)
        if sitting is None:
            return None
        (folder / "earlier").mkdir()
        place, age = folder / "earlier", order.step.max_age()
        return observations.plain(observations.earlier(self.store, sitting, place, fresh=order.fresh, max_age=age))

    def _lay_out(self, order: Order, folder: StepFolder) -> list[dict[str, Any]]:
        """Inputs under fixed names, each in a folder of its own; copies where the user's code could write to them."""
        lines = []
        for number, given in enumerate(order.given):
            path = ""
            if given.digest:
                place = folder.input(number, given.filename)
                self.store.put(given.digest, place, copy=bool(order.codes))
                path = str(place)
            refusal = given.refusal.model_dump() if given.refusal else None
            lines.append({"id": given.id, "member": given.member, "path": path, "refusal": refusal})
        return lines

    # -- ending --------------------------------------------------------------------------------------------------

    def _finish(self, order: Order, result: Result, ended: Ended | None, folder: StepFolder, seconds: float) -> Answer:
        if ended and ended.log.total:
            (self.store.root / "logs" / f"{order.step.id}.log").write_bytes(ended.log.content())
        kind = result["outcome"]
        if kind == "refused":
            declined = Declined(Refusal(**result["refusal"]), only_now=result.get("only_now", ""))
            return self._keep(order, declined, {}, self._seen(order, result), seconds)
        if kind != "built":
            return self._unfinished(order, result, ended)
        if not folder.output.exists():
            return bug(order, f"{order.step.kind()} ended without writing `{folder.output.name}`.", ended)
        seen = self._seen(order, result)
        self._check_inputs(order)
        built, stats = self.store.publish(folder.output, order.label, durable=not type(order.step).deterministic)
        return self._keep(
            order, replace(built, only_now=result["only_now"], repeats=result["repeats"]), stats, seen, seconds
        )

    def _unfinished(self, order: Order, result: Result, ended: Ended | None) -> Failed:
        end = unfinished(order, result, ended, self.store.root, self.most_bytes)
        crash = result.get("crashed", "") if result["outcome"] == "problems" else end.problems[0].what
        if crash and end.exit_code == 5 and end.passes and not self.processes.stopping:
            crashes.note(self.store, order.prekey, self._limits(order), crash, end.details)
        return end

    def _seen(self, order: Order, result: Result) -> Seen | None:
        if not order.codes:
            return None
        check_code(order.codes, self.store, order.label)
        return seen_now(result.get("seen", []), roots_of(order.codes), self.store, order.label)

    def _check_inputs(self, order: Order) -> None:
        """A step of ours that wrote into a linked input has damaged the store: the bytes go, the step is named."""
        for given in order.given:
            if given.digest and not self.store.verify(given.digest):
                raise RuntimeError(f"{order.step.kind()} wrote to its input `{given.filename}`")

    def _keep(
        self, order: Order, outcome: Built | Declined, stats: dict[str, Any], seen: Seen | None, seconds: float
    ) -> Answer:
        """One transaction: blobs, row, the files seen and the history of the step's name."""
        if order.trial:
            return outcome
        prekey = order.prekey
        parts = order.parts if seen is None else {**order.parts, "seen": seen}
        key = prekey if seen is None else key_of(parts)
        only_now = outcome.only_now
        sitting = Sitting.of(order) if isinstance(outcome, Built) else None
        other = bool(order.expected) and (not isinstance(outcome, Built) or outcome.digest != order.expected)
        with self.store.rows.transaction():
            self.store.record(stats)
            kept: Built | Declined = outcome
            before: Built | Declined | None = None
            if not (only_now or type(order.step).volatile):
                if seen is not None:
                    self.store.keep_seen(prekey, key, seen)
                crashes.forget(self.store, prekey)
                anew = other or order.fresh or order.step.max_age() is not None
                before = self.store.action(key) if anew else None
                kept = self.store.keep(key, outcome, cost=seconds, step=type(order.step), replace=anew)
            if sitting and isinstance(outcome, Built) and isinstance(kept, Built) and kept.digest == outcome.digest:
                how = {"fresh": order.fresh, "repeats": outcome.repeats, "only_now": bool(only_now)}
                observations.keep(self.store, sitting, kept.digest, **how)
            if order.noted:
                self._note(order, key, parts, kept)
        if before not in (None, kept):
            # A walk that began before this may leave a stamp of what it found until now.
            bump_generation(self.store.root)
        if not other:
            return replace(kept, only_now=only_now)
        # What the user's code draws at random is his; its bytes are kept, not claimed.
        if isinstance(kept, Built) and (order.codes or not type(order.step).deterministic):
            return Replaced(kept)
        words = f"{order.step.kind()} made other bytes than before ({order.expected}) from the same inputs."
        return bug(order, words)

    def _note(self, order: Order, key: str, parts: Parts, kept: Built | Declined) -> None:
        named = kept if isinstance(kept, Built) else Built("", 0)
        self.store.history.note(self.workspace, order.label, Last(key, parts, named.digest, named.size, time.time()))


def _run_inline(step: Step, work: FolderWorkspace) -> Result:
    try:
        step.run(work)
    except Exception as error:
        return result_of(error)
    return {"outcome": "built", "only_now": work.only_now, "repeats": work.repeats}
