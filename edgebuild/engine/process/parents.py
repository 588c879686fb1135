"""The engine's end of import-only parents: one for each family of modules, started when first wanted."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import socket
import subprocess
import sys
import threading
from typing import Any

from edgebuild.engine.process.environment import ENVIRONMENT

Family = tuple[str, ...]
START_S = 120.0
"""TensorFlow on a busy machine took 40."""


class NoParentError(Exception):
    """It cannot be had; the step runs in a process that imports for itself."""


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
        self._started: queue.Queue[int] = queue.Queue()
        self._ends: dict[int, queue.Queue[int]] = {}
        self._known = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()

    def fork(self, job: str, env: dict[str, str], cwd: str, path: list[str], log: int, news: int) -> int:
        """A child that runs the step of a job; returns its process number.

        Raises:
            NoParentError: the parent is gone.
        """
        request = {"job": job, "env": env, "cwd": cwd, "path": path}
        with self._asking:
            try:
                socket.send_fds(self._line, [json.dumps(request).encode()], [log, news])
                number = self._started.get(timeout=START_S)
            except (OSError, queue.Empty) as error:
                raise NoParentError(str(error)) from error
        if number < 0:
            raise NoParentError("it ended")
        return number

    def wait(self, child: int) -> int:
        """Status of a child that has ended or will; its number may be used again afterwards.

        Raises:
            NoParentError: the parent died, and its children with it.
        """
        status = self._end(child).get()
        with contextlib.suppress(OSError), self._asking:
            self._line.sendall(json.dumps({"reap": child}).encode())
        with self._known:
            self._ends.pop(child, None)
        return status

    def close(self) -> None:
        """End it once its children have ended."""
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=5)
        if self.process.poll() is None:
            self.process.kill()

    def _end(self, child: int) -> queue.Queue[int]:
        with self._known:
            return self._ends.setdefault(child, queue.Queue())

    def _listen(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while content := self._line.recv(1 << 16):
                news: dict[str, Any] = json.loads(content)
                if "started" in news:
                    self._started.put(int(news["started"]))
                else:
                    self._end(int(news["ended"])).put(int(news["status"]))
        # Whoever waits is told, with the signal that its children died by.
        self._started.put(-1)
        with self._known:
            for end in self._ends.values():
                end.put(-9)


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
