"""One process per step: its end by signal of the whole group, its words bounded."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import Protocol

from edgebuild.engine.process.child import FRESH
from edgebuild.engine.process.kin import kin, resident_bytes
from edgebuild.engine.process.launch import Launch
from edgebuild.engine.process.log import Log
from edgebuild.engine.process.parents import NoParentError, Parent, Parents
from edgebuild.engine.process.workspace import Progress

MEMORY_POLL_S = 0.25
GRACE_S = 5.0
"""Between the request to end and the signal that cannot be refused."""


@dataclass
class Ended:
    """How a process ended."""

    status: int
    """As of `subprocess`: negative for a signal."""
    timed_out: bool
    log: Log
    starved: bool = False
    """Whether it was ended for the memory it took."""


class Child(Protocol):
    """A process that runs a step: started, or forked from a parent."""

    pid: int
    adopter: int | None
    """The process that takes in what it leaves behind."""

    def wait(self) -> int:
        """Its status; afterwards its number may be another's.

        Raises:
            NoParentError: whoever started it is gone, and it with it.
        """


class Descendant:
    """A child of a parent of ours."""

    def __init__(self, parent: Parent, pid: int) -> None:
        self.pid, self._parent = pid, parent
        self.adopter: int | None = parent.process.pid

    def wait(self) -> int:
        """As the parent says."""
        return self._parent.wait(self.pid)


class Own:
    """A child of this very process."""

    adopter: int | None = None

    def __init__(self, launch: Launch, log: int, news: int) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own module, in our own Python
            [*FRESH, launch.job, str(news), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=launch.env,
            cwd=launch.cwd,
            pass_fds=(news,),
            start_new_session=True,
        )
        self.pid = self._process.pid

    def wait(self) -> int:
        """As the system says."""
        return self._process.wait()


class Processes:
    """The groups that are running, so that all can be ended at once."""

    def __init__(self) -> None:
        self._running: set[int] = set()
        self._lock = threading.Lock()
        self.stopping = False
        self.parents = Parents()

    def run(self, launch: Launch, tell: Progress) -> Ended:
        """Run the step described in `job.json` and wait for its end.

        Raises:
            NoParentError: the parent it came from died, and it with it; it may be run again.
        """
        log_out, log_in = os.pipe()
        news_out, news_in = os.pipe()
        try:
            child = self._start(launch, log_in, news_in)
        finally:
            os.close(log_in)
            os.close(news_in)
        with self._lock:
            self._running.add(child.pid)
            late = self.stopping
        if late:
            _signal_group(child.pid, signal.SIGTERM)
        try:
            return Watch(child, log_out, news_out, launch, tell).until_end()
        finally:
            with self._lock:
                self._running.discard(child.pid)
            os.close(log_out)
            os.close(news_out)

    def _start(self, launch: Launch, log: int, news: int) -> Child:
        with contextlib.suppress(NoParentError):
            parent = self.parents.get(launch.family or (), launch.path)
            return Descendant(parent, parent.start(launch, log, news))
        return Own(launch, log, news)

    def stop(self, grace_s: float = GRACE_S) -> None:
        """End every group: a request, a grace, then the signal that cannot be refused."""
        with self._lock:
            self.stopping = True
        self._signal(signal.SIGTERM)
        until = time.monotonic() + grace_s
        try:
            while self._running and time.monotonic() < until:
                time.sleep(0.02)
        finally:
            self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with self._lock:
            for group in self._running:
                _signal_group(group, number)


class Watch:
    """Reads what a child says until it has ended, its time is over, or it takes too much memory."""

    def __init__(self, child: Child, log: int, news: int, launch: Launch, tell: Progress) -> None:
        """Args: child: to be watched. log, news: where it writes. launch: its limits. tell: who hears of progress."""
        self.child, self.launch, self.tell = child, launch, tell
        self.log, self.news = Log(), bytearray()
        self.log_out, self.news_out = log, news
        self.deadline, self.killing = time.monotonic() + launch.timeout_s, 0.0
        self.timed_out = self.starved = False
        self.weighed = time.monotonic()
        try:
            self.end = os.pidfd_open(child.pid) if hasattr(os, "pidfd_open") else -1
        except ProcessLookupError as error:
            raise NoParentError("the step was gone at once") from error

    def until_end(self) -> Ended:
        """Status, log, and whether a limit was passed."""
        poll = select.poll()
        for descriptor in (self.log_out, self.news_out, *([self.end] if self.end >= 0 else [])):
            poll.register(descriptor, select.POLLIN)
        try:
            while not self.has_ended():
                self.hold_to_limits()
                for descriptor, _ in poll.poll(self.patience() * 1000):
                    if descriptor == self.end:
                        continue
                    piece = os.read(descriptor, 65536)
                    if not piece:
                        poll.unregister(descriptor)
                    elif descriptor == self.log_out:
                        self.log.feed(piece)
                    else:
                        began = time.monotonic()
                        _pass_on(self.news, piece, self.tell)
                        # What was asked of us in the meantime (a trial) has limits of its own.
                        self.deadline += time.monotonic() - began
        finally:
            # Before the child is reaped its number cannot belong to another group.
            _signal_group(self.child.pid, signal.SIGKILL)
            if self.end >= 0:
                os.close(self.end)
            status = self.child.wait()
        _drain(self.log_out, self.log)
        return Ended(status, self.timed_out, self.log, self.starved)

    def has_ended(self) -> bool:
        """Whether it has, without taking its number away."""
        if self.end >= 0:
            return bool(select.select([self.end], [], [], 0)[0])
        return os.waitid(os.P_PID, self.child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def hold_to_limits(self) -> None:
        """A request to end at the first limit; after the grace the signal that cannot be refused."""
        now = time.monotonic()
        if not self.timed_out and now >= self.deadline:
            self.timed_out, self.killing = True, now + GRACE_S
            _signal_group(self.child.pid, signal.SIGTERM)
        if self.timed_out and now >= self.killing:
            _signal_group(self.child.pid, signal.SIGKILL)
        if self.launch.most_bytes and not self.starved and now - self.weighed >= MEMORY_POLL_S:
            self.weighed = now
            if resident_bytes(kin(self.child.pid, self.child.adopter)) > self.launch.most_bytes:
                # At once: it may take what is left in less than any grace.
                self.starved = True
                _signal_group(self.child.pid, signal.SIGKILL)

    def patience(self) -> float:
        """Seconds until somebody must look again."""
        left = max((self.killing if self.timed_out else self.deadline) - time.monotonic(), 0.01)
        return min(left, 0.05 if self.end < 0 else 60.0, MEMORY_POLL_S if self.launch.most_bytes else 60.0)


def _drain(descriptor: int, log: Log) -> None:
    """What is left in the pipe; a grandchild that fled the group cannot hold us."""
    os.set_blocking(descriptor, False)
    with contextlib.suppress(BlockingIOError):
        while piece := os.read(descriptor, 65536):
            log.feed(piece)


def _pass_on(buffer: bytearray, piece: bytes, tell: Progress) -> None:
    buffer += piece
    *lines, rest = bytes(buffer).split(b"\n")
    buffer[:] = rest
    for line in lines:
        with contextlib.suppress(ValueError):
            done, total, what = json.loads(line)
            tell(done, total, what)


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
