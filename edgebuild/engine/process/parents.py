"""The engine's end of import-only parents: one for each family of modules, started when first wanted."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import socket
import subprocess
import sys
import threading
from typing import Any

from edgebuild.engine.process.environment import ENVIRONMENT
from edgebuild.engine.process.launch import Family, Launch

START_S = 120.0
"""TensorFlow on a busy machine took 40."""
GONE = -1000
"""In place of a process number or a status: there will be none."""


class NoParentError(Exception):
    """It cannot be had, or it is gone; the step runs in a process that imports for itself."""


class Parent:
    """One parent, and the ends of its children as they come."""

    def __init__(self, family: Family, path: list[str]) -> None:
        """Start it.

        Raises:
            NoParentError: it could not be started.
        """
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-s", "-P", "-m", "edgebuild.engine.process.parent", str(its.fileno()), *family]
        env = {**ENVIRONMENT, "PATH": os.defpath, "PYTHONPATH": os.pathsep.join(path), "HOME": os.devnull}
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own module, in our own Python
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=env,
                cwd="/",
                pass_fds=(its.fileno(),),
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise NoParentError(str(error)) from error
        finally:
            its.close()
        self._line = ours
        self._asking = threading.Lock()
        self._numbers = itertools.count()
        self._answers: dict[int, queue.Queue[int]] = {}
        """Processes that were started, by the number of the request."""
        self._ends: dict[int, queue.Queue[int]] = {}
        self._gone = False
        self._known = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()

    def start(self, launch: Launch, log: int, news: int) -> int:
        """A child that runs the step of a job; returns its process number.

        Raises:
            NoParentError: the parent is gone, or so slow that it was ended.
        """
        number = next(self._numbers)
        request = {
            "number": number,
            "job": launch.job,
            "env": launch.env,
            "cwd": launch.cwd,
            "path": launch.path,
            "apart": launch.family is None,
        }
        answer = self._queue(self._answers, number)
        try:
            with self._asking:
                socket.send_fds(self._line, [json.dumps(request).encode()], [log, news])
            process = answer.get(timeout=START_S)
        except (OSError, queue.Empty) as error:
            # Whatever it may still start dies with it: the step must not run twice.
            self.process.kill()
            self.process.wait()
            raise NoParentError(str(error)) from error
        with self._known:
            self._answers.pop(number, None)
        if process == GONE:
            raise NoParentError("it ended")
        return process

    def wait(self, child: int) -> int:
        """Status of a child that has ended or will; its number may be used again afterwards.

        Raises:
            NoParentError: the parent died, and its children with it.
        """
        status = self._queue(self._ends, child).get()
        if status == GONE:
            raise NoParentError("it died, and what it had started with it")
        with contextlib.suppress(OSError), self._asking:
            self._line.sendall(json.dumps({"reap": child}).encode())
        with self._known:
            self._ends.pop(child, None)
        return status

    def close(self) -> None:
        """End it, and whatever is left of its children."""
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=5)
        if self.process.poll() is None:
            self.process.kill()

    def _queue(self, queues: dict[int, queue.Queue[int]], number: int) -> queue.Queue[int]:
        with self._known:
            found = queues.setdefault(number, queue.Queue())
            if self._gone:
                found.put(GONE)
            return found

    def _listen(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while content := self._line.recv(1 << 16):
                news: dict[str, Any] = json.loads(content)
                if "started" in news:
                    self._queue(self._answers, int(news["number"])).put(int(news["started"]))
                else:
                    self._queue(self._ends, int(news["ended"])).put(int(news["status"]))
        with self._known:
            # Whoever waits now is told here, whoever comes later by `_queue`.
            self._gone = True
            for waiting in (*self._answers.values(), *self._ends.values()):
                waiting.put(GONE)


class Parents:
    """The families of one build."""

    def __init__(self) -> None:
        self._parents: dict[Family, Parent] = {}
        self._lock = threading.Lock()
        self._failures = 0
        self.usable = sys.platform == "linux" and hasattr(os, "pidfd_open")

    def get(self, family: Family, path: list[str]) -> Parent:
        """The parent of a family.

        Raises:
            NoParentError: this system has none, or they do not stay alive.
        """
        if not self.usable or self._failures > 1:
            raise NoParentError("not on this system")
        with self._lock:
            found = self._parents.get(family)
            if found is None or found.process.poll() is not None:
                self._failures += found is not None and found.process.returncode != 0
                found = self._parents[family] = Parent(family, path)
            return found

    def close(self, keep: tuple[Family, ...] = ()) -> None:
        """End them: before something is measured, so that they hold no memory, and at the end of a build."""
        with self._lock:
            for family in [family for family in self._parents if family not in keep]:
                self._parents.pop(family).close()
