"""A parent that has only imported: starts one process for each step it is asked for, and runs nothing itself.

`python -m edgebuild.engine.process.parent SOCKET MODULE…`. TensorFlow takes ten seconds to import; a fork of a process
that has done so takes milliseconds and gives the same bytes, as long as no operation ever ran in the parent: after one,
a forked child was seen to hang.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
from typing import Any

from edgebuild.engine.process import child
from edgebuild.engine.process.child import FRESH
from edgebuild.engine.process.kin import adopt_orphans, children, die_with, end_all, kin

CLEARING_S = 5.0
IDLE_S = 60.0
"""Without children and requests for so long, it ends: it holds the memory of what it imported."""


def main(descriptor: int, modules: list[str]) -> None:
    """Import, then serve until the other end is gone; nothing that was started here outlives that."""
    adopt_orphans()
    for module in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    # What is here stays: children do not copy its pages when they count references.
    gc.collect()
    gc.freeze()
    try:
        Parent(socket.socket(fileno=descriptor)).serve()
    finally:
        clear_away()


def clear_away() -> None:
    """End every descendant; those that ended meanwhile hand theirs to us."""
    until = time.monotonic() + CLEARING_S
    while (left := set(children(os.getpid()))) and time.monotonic() < until:
        end_all(left)
        for process in left:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process, 0)


class Parent:
    """Children by process number, each with the descriptor that tells of its end."""

    def __init__(self, line: socket.socket) -> None:
        """Args: line: to the engine; requests with two descriptors come in, numbers and ends go out."""
        self.line, self.children = line, dict[int, int]()
        self.buffer = b""

    def serve(self) -> None:
        """Until the engine is gone, or nothing was wanted for long."""
        while True:
            waiting = [self.line.fileno(), *self.children.values()]
            ready, _, _ = select.select(waiting, [], [], IDLE_S)
            if not ready and not self.children:
                return
            for process, end in list(self.children.items()):
                if end in ready:
                    self.ended(process)
            if self.line.fileno() in ready and not self.listen():
                return

    def listen(self) -> bool:
        """One request, or the news that a child's number may be used again; False where the engine is gone."""
        content, descriptors, _, _ = socket.recv_fds(self.line, 1 << 20, 2)
        if not content:
            return False
        request = json.loads(content)
        if "reap" in request:
            self.reap(int(request["reap"]))
            return True
        parent, process = os.getpid(), os.fork()
        if process == 0:
            begin(request, descriptors, parent, self.line.fileno())
        for descriptor in descriptors:
            os.close(descriptor)
        self.children[process] = os.pidfd_open(process)
        self.say({"started": process, "number": request["number"]})
        return True

    def reap(self, leader: int) -> None:
        """The engine is done with a step: so is whatever is left of its session."""
        end_all(kin(leader, os.getpid()) - {leader})
        with contextlib.suppress(ChildProcessError):
            os.waitpid(leader, 0)
        for process in set(children(os.getpid())) - set(self.children):
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process, os.WNOHANG)

    def ended(self, process: int) -> None:
        """Tell how; its number stays taken until the engine says that it is done with the group."""
        os.close(self.children.pop(process))
        found = os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
        status = 0 if found is None else found.si_status
        by_signal = found is not None and found.si_code in (os.CLD_KILLED, os.CLD_DUMPED)
        self.say({"ended": process, "status": -status if by_signal else status})

    def say(self, news: dict[str, Any]) -> None:
        """One message."""
        self.line.sendall(json.dumps(news).encode() + b"\n")


def begin(request: dict[str, Any], descriptors: list[int], parent: int, line: int) -> None:
    """In the child: become what a fresh process would be, and run the step.

    Args:
        request: job, environment, folders; whether to begin as a new interpreter.
        descriptors: where its words and its news go.
        parent: process number of the one that forked.
        line: the parent's own descriptor, which its end must close.
    """
    try:
        die_with(parent)
        os.close(line)
        os.setsid()
        log, news = descriptors
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.chdir(request["cwd"])
        if request["apart"]:
            os.set_inheritable(news, True)
            os.execve(sys.executable, [*FRESH, request["job"], str(news)], request["env"])  # noqa: S606
        os.environ.clear()
        os.environ.update(request["env"])
        sys.path[:0] = [folder for folder in request["path"] if folder not in sys.path]
        sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115 - for the life of the process
        sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
        import tempfile

        tempfile.tempdir = None
        child.main(request["job"], news)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(70)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
    # What was only imported needs no taking down.
    os._exit(0)
