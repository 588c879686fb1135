"""Who runs when: tokens, priority, and the making again of bytes that were lost."""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from edgebuild.engine.execute import Executor
from edgebuild.engine.failing import bug, no_room
from edgebuild.engine.jobs import Job
from edgebuild.engine.leases import Holder, Lease, measuring
from edgebuild.engine.listener import Listener
from edgebuild.engine.lost import Lost
from edgebuild.engine.orders import Answer, Lacking, Order, Replaced
from edgebuild.engine.outcomes import Built, Declined, Failed, Outcome
from edgebuild.engine.process.child import NO_ROOM
from edgebuild.engine.process.workspace import Progress


class RemadeError(Exception):
    """Bytes that could not be made again identically were replaced: all who read them must be asked again."""


class Crew:
    """Admits jobs while tokens last, in the order of the graph.

    A job first has its lease, then its tokens, then the host where it measures; the other way round two builds would
    wait for each other. One whose step another build makes steps aside and comes back.

    A step that must be alone takes every token. When it is the first in the queue nothing behind it is admitted, so it
    gets its turn as soon as the running ones have ended.
    """

    def __init__(
        self,
        executor: Executor,
        tokens: int,
        listener: Listener,
        remake: Callable[[str], Order],
        place: Callable[[str], int],
    ) -> None:
        """Args: remake: the order that makes a step's lost bytes again. place: a step's place in the graph."""
        self._executor, self._listener = executor, listener
        self._remake, self._place = remake, place
        self._tokens = self._free = tokens
        self._ready: list[Job] = []
        self._aside: list[Job] = []
        self._leased: list[Job] = []
        self._told: set[str] = set()
        self._numbers = itertools.count()
        self._done: queue.Queue[tuple[Job, Answer, float]] = queue.Queue()
        self._running = 0
        self._taken = 0
        """Bytes of memory that the running steps are expected to take."""
        self._lost = Lost()
        self.ran: list[str] = []
        self.stopping = False

    def add(self, order: Order) -> None:
        """Queue a step."""
        heapq.heappush(self._ready, Job(self._place(order.step.id), next(self._numbers), order))

    @property
    def busy(self) -> bool:
        """Whether there is anything to wait for."""
        waiting = (self._ready or self._aside) and not self.stopping
        return bool(self._running or not self._done.empty() or waiting)

    def wait(self) -> tuple[str, Outcome, float | None] | None:
        """The next step that has its outcome, with the seconds it took, None where another build made it.

        Returns:
            None where no step is left.

        Raises:
            RemadeError: a walk made with the old bytes must begin again.
        """
        while self.busy:
            self._admit()
            job, answer, seconds = self._next()
            if isinstance(answer, Replaced):
                raise RemadeError
            if isinstance(answer, Lacking):
                self._send_for(answer, job)
            elif job.order.expected:
                self._remade(job, answer)
            elif job.known:
                return job.step.id, answer, None
            else:
                self.ran.append(job.step.id)
                return job.step.id, answer, seconds
        return None

    def provide(self, lacking: Lacking) -> Failed | None:
        """Make lost bytes again after the walk; returns the failure where that cannot be.

        Raises:
            RemadeError: they came out differently.
        """
        self.stopping = False
        failed: list[Failed] = []
        self._send_for(lacking)
        while self.busy:
            self._admit()
            job, answer, _ = self._next()
            if isinstance(answer, Replaced):
                self.finish()
                raise RemadeError
            if isinstance(answer, Lacking):
                self._send_for(answer, job)
                continue
            self._remade(job, answer)
            if isinstance(answer, Failed) and job.step.id in lacking.steps:
                failed.append(answer)
        return failed[0] if failed else None

    @property
    def scratch(self) -> Path:
        """The build's own folder."""
        return self._executor.scratch

    def finish(self) -> None:
        """Let what runs come to its end, without admitting more."""
        self.stopping = True
        while self._running:
            self._next()

    def stop(self) -> None:
        """End what runs; a second interrupt kills at once."""
        self.stopping = True
        self._executor.processes.stop()
        for job in list(self._leased):
            self._release(job)

    # -- admission -----------------------------------------------------------------------------------------------

    def _need(self, job: Job) -> int:
        if type(job.step).alone:
            return self._tokens
        return 0 if type(job.step).inline else 1

    def _admit(self) -> None:
        self._come_back()
        while self._ready and not self.stopping:
            need = self._need(self._ready[0])
            # A free count of 0 may mean that one runs alone: then even what needs no token waits.
            if need > self._free or (need == 0 and self._free == 0 and self._running):
                return
            if self._running and self._taken + self._bytes(self._ready[0]) > (self._executor.most_bytes or 1 << 60):
                return
            job = heapq.heappop(self._ready)
            if self._lease(job):
                self._start(job, need)

    def _bytes(self, job: Job) -> int:
        """Memory that it is expected to take."""
        return 0 if type(job.step).inline else self._executor.peaks.of(job.step.kind())

    def _lease(self, job: Job) -> bool:
        """Whether the job may run now: nobody else makes the step, and nobody has made it since it was asked about."""
        if type(job.step).volatile or job.lease:
            return True
        try:
            found = self._executor.leases.attempt(job.order.prekey, job.order.label)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            return self._elsewhere(job, no_room(job.order, self._executor.store.root))
        if not isinstance(found, Lease):
            self._aside.append(job)
            if job.step.id not in self._told:
                self._told.add(job.step.id)
                self._listener.waiting(job.step.id, f"made by {found.words()}")
            return False
        job.lease = found
        self._leased.append(job)
        job.known = self._known(job.order)
        return True if job.known is None else self._elsewhere(job, job.known)

    def _elsewhere(self, job: Job, answer: Answer) -> bool:
        """An answer of another build's; the job does not run now."""
        job.known = answer
        self._end(job, answer)
        return False

    def _end(self, job: Job, answer: Answer) -> None:
        """An answer without a run, through the queue like every other."""
        self._running += 1
        self._free -= self._need(job)
        self._done.put((job, answer, 0.0))

    def _known(self, order: Order) -> Answer | None:
        """What another build has made of it since the store was asked."""
        found = None if order.fresh else self._executor.known(order)
        if not order.expected or not isinstance(found, Built):
            return None if order.expected else found
        # Lost bytes that somebody else has made again meanwhile: the same, or others that all adopt.
        if not self._executor.store.verify(found.digest):
            return None
        return found if found.digest == order.expected else Replaced(found)

    def _come_back(self) -> None:
        """Put those that stepped aside into the queue again; asked a few times a second."""
        aside, self._aside = self._aside, []
        for job in aside:
            heapq.heappush(self._ready, job)

    def _start(self, job: Job, need: int) -> None:
        self._free -= need
        self._running += 1
        job.bytes = self._bytes(job)
        self._taken += job.bytes
        self._listener.started(job.step.id)
        if type(job.step).inline:
            self._work(job)
        else:
            # A daemon: an interrupted build ends its processes and does not wait for the threads that watch them.
            threading.Thread(target=self._work, args=(job,), daemon=True).start()

    def _work(self, job: Job) -> None:
        started = time.monotonic()

        def tell(done: int, total: int, what: str) -> None:
            self._listener.progress(job.step.id, done, total, what)

        try:
            if type(job.step).alone:
                answer, started = self._measure(job, tell)
            else:
                answer = self._executor.perform(job.order, tell)
        except Exception:
            # A thread that ended without an answer would be waited for for ever.
            answer = bug(job.order, traceback.format_exc())
        self._done.put((job, answer, time.monotonic() - started))

    def _measure(self, job: Job, tell: Progress) -> tuple[Answer, float]:
        """Run a step that must be alone on this host; its answer, and when it began."""
        # Light ones stay: they sleep, and the step itself is forked from one.
        self._executor.processes.parents.close(keep=((), ("numpy",)))

        def waits(holder: Holder) -> None:
            self._listener.waiting(job.step.id, f"{holder.words()} measures `{holder.what}` on this machine")

        with measuring(job.order.label, waits):
            # Somebody may have measured the very same while we waited.
            job.known = self._known(job.order)
            return job.known or self._executor.perform(job.order, tell), time.monotonic()

    def _next(self) -> tuple[Job, Answer, float]:
        while True:
            try:
                # With a time-out, so that an interrupt is seen on every platform.
                job, answer, seconds = self._done.get(timeout=0.1 if self._aside else 1.0)
            except queue.Empty:
                self._admit()
                continue
            self._running -= 1
            self._free += self._need(job)
            self._taken -= job.bytes
            job.bytes = 0
            self._release(job)
            return job, answer, seconds

    def _release(self, job: Job) -> None:
        if job.lease:
            self._leased.remove(job)
            job.lease.release()
            job.lease = None

    # -- lost bytes ----------------------------------------------------------------------------------------------

    def _send_for(self, lacking: Lacking, job: Job | None = None) -> None:
        """Queue the makers of lost bytes, and a job behind them."""
        for step_id in self._lost.missing(lacking, job):
            self.add(self._remake(step_id))

    def _remade(self, job: Job, answer: Built | Declined | Failed) -> None:
        self.ran.append(job.step.id)
        self._listener.finished(job.step.id, answer, 0.0, cached=False)
        ready, ended = self._lost.made(job.step.id, answer)
        for waiting in ready:
            heapq.heappush(self._ready, waiting)
        for waiting, failed in ended:
            self._end(waiting, failed)
