"""A parent that has only imported: forks one process for each step it is asked for, and runs nothing itself.

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
from typing import Any

IDLE_S = 60.0
"""Without children and requests for so long, it ends: it holds the memory of what it imported."""


def main(descriptor: int, modules: list[str]) -> None:
    """Import, then serve until the other end is gone."""
    from edgebuild.engine.process import child  # noqa: F401 - what every step needs

    for module in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    # What is here stays: children do not copy its pages when they count references.
    gc.collect()
    gc.freeze()
    Parent(socket.socket(fileno=descriptor)).serve()


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
            with contextlib.suppress(ChildProcessError):
                os.waitpid(request["reap"], 0)
            return True
        process = os.fork()
        if process == 0:
            begin(request, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        self.children[process] = os.pidfd_open(process)
        self.say({"started": process})
        return True

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


def begin(request: dict[str, Any], descriptors: list[int]) -> None:
    """In the child: become what a fresh process would be, and run the step."""
    try:
        os.setsid()
        log, news = descriptors
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        os.environ.clear()
        os.environ.update(request["env"])
        os.chdir(request["cwd"])
        sys.path[:0] = [folder for folder in request["path"] if folder not in sys.path]
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115 - for the life of the process
        sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
        import tempfile

        tempfile.tempdir = None
        from edgebuild.engine.process import child

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
