"""Steps that are rough with whoever runs them: they kill, leave things behind, fail now and then."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from edgebuild.core.records import Here
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import StepError

SLEEPER = "import time; time.sleep(600)"


class KillsItsParent(Step):
    """Takes the process that it came from along, as often as a number says; notes each run."""

    version = 1
    filename = "orphan.txt"
    trace: Here
    times: int = 1

    def run(self, work: Workspace) -> None:
        with Path(self.trace).open("a") as trace:
            trace.write("ran\n")
        if len(Path(self.trace).read_text().split()) <= self.times:
            os.kill(os.getppid(), 9)
            time.sleep(600)
        work.output.write_text("well")


class FromASlowFamily(Step):
    """Comes from a parent that takes its time to import."""

    version = 1
    filename = "slow.txt"
    preload = ("tests.engine.slow_import",)
    text: str

    def run(self, work: Workspace) -> None:
        work.output.write_text(self.text)


class LeavesBehind(Step):
    """Starts processes: in a group of their own, with another parent, by another thread; then ends, or hangs."""

    version = 1
    filename = "left.txt"
    timeout_s = 1.5
    hangs: bool = False
    note: Here = ""

    def run(self, work: Workspace) -> None:
        command = [sys.executable, "-c", SLEEPER, str(work.scratch)]
        subprocess.Popen(command)
        subprocess.Popen(command, process_group=0)
        subprocess.run([sys.executable, "-c", f"import subprocess; subprocess.Popen({command!r})"], check=True)
        if self.note:
            Path(self.note).write_text("started")
        if self.hangs:
            time.sleep(600)
        work.output.write_text("left")


class SwellsElsewhere(Step):
    """Memory is taken by a process that another thread started, and whose parent is gone."""

    version = 1
    filename = "elsewhere.txt"
    megabytes: int

    def run(self, work: Workspace) -> None:
        import threading

        held = f"import time; x = bytearray({self.megabytes} * 10**6); x[::4096] = x[::4096]; time.sleep(20)"
        child = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {held!r}])"
        starter = threading.Thread(target=subprocess.run, args=([sys.executable, "-c", child],))
        starter.start()
        starter.join()
        time.sleep(20)
        work.output.write_text("done")


class Flaky(Step):
    """One trial; the second one crashes until a file is there."""

    version = 1
    filename = "flaky.txt"
    number: int
    cure: Here
    base: Artifact

    def run(self, work: Workspace) -> None:
        if self.number == 2 and not Path(self.cure).exists():
            os.kill(os.getpid(), 9)
        work.output.write_text(str(self.number))


class FlakySearch(Step):
    """Goes on without the trials that fail."""

    version = 1
    filename = "found.txt"
    cure: Here
    base: Artifact

    def run(self, work: Workspace) -> None:
        found = []
        for number in (1, 2, 3):
            try:
                found.append(work.run(Flaky(number=number, cure=self.cure, base=self.base)).read_text())
            except StepError:
                continue
        work.output.write_text(",".join(found))


class Draw(Step):
    """A trial that comes out differently every time."""

    version = 1
    filename = "draw.txt"
    deterministic = False
    base: Artifact

    def run(self, work: Workspace) -> None:
        work.output.write_text(os.urandom(8).hex())


class DrawSearch(Step):
    """Draws, and writes down what came of it."""

    version = 1
    filename = "drawn.txt"
    deterministic = False
    base: Artifact
    seed: int = 0

    def run(self, work: Workspace) -> None:
        work.output.write_text(f"{self.seed} {work.run(Draw(base=self.base)).read_text()}")


class SlowDraw(Step):
    """Random bytes, after a while."""

    version = 1
    filename = "draw.txt"
    deterministic = False

    def run(self, work: Workspace) -> None:
        time.sleep(0.5)
        work.output.write_text(os.urandom(8).hex())


class AloneTrial(Step):
    """A measurement that a search asks for."""

    version = 1
    filename = "trial.txt"
    alone = True
    base: Artifact
    trace: Here

    def run(self, work: Workspace) -> None:
        with Path(self.trace).open("a") as trace:
            trace.write("trial\n")
        time.sleep(0.2)
        work.output.write_text("measured")


class AloneSearch(Step):
    """Measures: first says that it has the host, then asks for a trial that another build may be about to make."""

    version = 1
    filename = "search.txt"
    alone = True
    base: Artifact
    trace: Here
    note: Here

    def run(self, work: Workspace) -> None:
        Path(self.note).write_text("here")
        time.sleep(1.5)
        work.output.write_text(work.run(AloneTrial(base=self.base, trace=self.trace)).read_text())


class Patient(Step):
    """A search with little time of its own, whose trial somebody else takes long to make."""

    version = 1
    filename = "patient.txt"
    timeout_s = 1.5
    base: Artifact
    trace: Here

    def run(self, work: Workspace) -> None:
        work.output.write_text(work.run(Long(base=self.base, trace=self.trace)).read_text())


class Long(Step):
    """Takes three seconds."""

    version = 1
    filename = "long.txt"
    base: Artifact
    trace: Here

    def run(self, work: Workspace) -> None:
        with Path(self.trace).open("a") as trace:
            trace.write("long\n")
        time.sleep(3)
        work.output.write_text("long")
