"""One process per step: its end by signal of the whole group, its words bounded."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from edgebuild.engine.process.log import Log
from edgebuild.engine.process.workspace import Progress

GRACE_S = 5.0
"""Between the request to end and the signal that cannot be refused."""


@dataclass
class Ended:
    """How a process ended."""

    status: int
    """As of `subprocess`: negative for a signal."""
    timed_out: bool
    log: Log


class Processes:
    """The groups that are running, so that all can be ended at once."""

    def __init__(self) -> None:
        self._running: set[int] = set()
        self._lock = threading.Lock()
        self._stopping = False

    def run(self, job: Path, env: dict[str, str], cwd: Path, timeout_s: float, tell: Progress) -> Ended:
        """Run the step described in `job.json` and wait for its end.

        `progress` of the job is filled in: the number of the pipe that carries it.
        """
        log_out, log_in = os.pipe()
        news_out, news_in = os.pipe()
        content = json.loads(job.read_text()) | {"progress": news_in}
        job.write_text(json.dumps(content))
        try:
            child = subprocess.Popen(  # noqa: S603 - our own module, in our own Python
                [sys.executable, "-s", "-P", "-m", "edgebuild.engine.process.child", str(job)],
                stdin=subprocess.DEVNULL,
                stdout=log_in,
                stderr=log_in,
                env=env,
                cwd=cwd,
                pass_fds=(news_in,),
                start_new_session=True,
            )
        finally:
            os.close(log_in)
            os.close(news_in)
        with self._lock:
            self._running.add(child.pid)
            late = self._stopping
        if late:
            _signal_group(child.pid, signal.SIGTERM)
        try:
            return _watch(child, log_out, news_out, timeout_s, tell)
        finally:
            with self._lock:
                self._running.discard(child.pid)
            os.close(log_out)
            os.close(news_out)

    def stop(self, grace_s: float = GRACE_S) -> None:
        """End every group: a request, a grace, then the signal that cannot be refused."""
        with self._lock:
            self._stopping = True
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


def _watch(child: subprocess.Popen[bytes], log_out: int, news_out: int, timeout_s: float, tell: Progress) -> Ended:
    """Read what the child says until it has ended or its time is over."""
    log, news = Log(), bytearray()
    deadline, killing = time.monotonic() + timeout_s, 0.0
    timed_out = False
    end = os.pidfd_open(child.pid) if hasattr(os, "pidfd_open") else -1
    poll = select.poll()
    for descriptor in (log_out, news_out, *([end] if end >= 0 else [])):
        poll.register(descriptor, select.POLLIN)
    try:
        while not _has_ended(child.pid):
            now = time.monotonic()
            if not timed_out and now >= deadline:
                timed_out, killing = True, now + GRACE_S
                _signal_group(child.pid, signal.SIGTERM)
            if timed_out and now >= killing:
                _signal_group(child.pid, signal.SIGKILL)
            left = (killing if timed_out else deadline) - now
            wait_s = min(max(left, 0.01), 0.05 if end < 0 else 60.0)
            for descriptor, _ in poll.poll(wait_s * 1000):
                if descriptor == end:
                    continue
                piece = os.read(descriptor, 65536)
                if not piece:
                    poll.unregister(descriptor)
                elif descriptor == log_out:
                    log.feed(piece)
                else:
                    _pass_on(news, piece, tell)
    finally:
        # Before the child is reaped its number cannot belong to another group.
        _signal_group(child.pid, signal.SIGKILL)
        status = child.wait()
        if end >= 0:
            os.close(end)
    _drain(log_out, log)
    return Ended(status, timed_out, log)


def _has_ended(process: int) -> bool:
    return os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


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
