"""Tiny real steps: they write files, decline, crash, and nothing else."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from edgebuild.core.records import Here
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact, Attempt, Refusal, UserCode
from edgebuild.errors import DataError, Problem, Refused, StepError


class Say(Step):
    """Write a text."""

    version = 1
    filename = "text.txt"
    text: str

    def run(self, work: Workspace) -> None:
        work.output.write_text(self.text)


class Quick(Step):
    """A text behind its inputs, in the engine's own process."""

    version = 1
    filename = "quick.txt"
    inline = True
    text: str
    sources: tuple[Artifact, ...] = ()

    def run(self, work: Workspace) -> None:
        work.output.write_text("".join(work.path(source).read_text() for source in self.sources) + self.text)


class Upper(Step):
    """The input in capitals: an input that differs by case alone gives equal bytes."""

    version = 1
    filename = "upper.txt"
    source: Artifact

    def run(self, work: Workspace) -> None:
        work.output.write_text(work.path(self.source).read_text().upper())


class Join(Step):
    """All inputs in a row."""

    version = 1
    filename = "joined.txt"
    sources: tuple[Artifact, ...]
    separator: str = "+"

    def run(self, work: Workspace) -> None:
        work.output.write_text(self.separator.join(work.path(source).read_text() for source in self.sources))


class Gather(Step):
    """All attempts as JSON: a text, or the refusal."""

    version = 1
    filename = "gathered.json"
    attempts: tuple[Attempt, ...]

    def run(self, work: Workspace) -> None:
        found = [work.attempt(attempt) for attempt in self.attempts]
        work.output.write_text(
            json.dumps([item.model_dump() if isinstance(item, Refusal) else item.read_text() for item in found])
        )


class Split(Step):
    """A folder with nested files."""

    version = 1
    filename = "parts"
    left: str
    right: str

    def run(self, work: Workspace) -> None:
        (work.output / "deep" / "empty").mkdir(parents=True)
        (work.output / "left.txt").write_text(self.left)
        (work.output / "deep" / "right.txt").write_text(self.right)


class Decline(Step):
    version = 1
    filename = "never.txt"
    why: str
    trace: Here = ""
    now: bool = False
    """Whether it may be otherwise the next time."""

    def run(self, work: Workspace) -> None:
        if self.trace:
            with Path(self.trace).open("a") as trace:
                trace.write("ran\n")
        if self.now:
            work.for_this_build_only(self.why)
        raise Refused(by="a tool 1.0", why=self.why, fix="give it something else")


class Crash(Step):
    """End by a fault of the processor, as a native library does."""

    version = 1
    filename = "crash.txt"
    after: str = ""

    def run(self, work: Workspace) -> None:
        print(self.after, flush=True)
        ctypes.string_at(0)


class Hungry(Step):
    """Needs more memory than there is, until a file appears."""

    version = 1
    filename = "hungry.txt"
    flag: Here

    def run(self, work: Workspace) -> None:
        if not Path(self.flag).exists():
            raise MemoryError
        work.output.write_text("fed")


class Complain(Step):
    version = 1
    filename = "complaint.txt"

    def run(self, work: Workspace) -> None:
        raise DataError(
            Problem("data", "labels go to 12, the model has 10 classes", "Give `labels:`."), Problem("x", "y")
        )


class Stumble(Step):
    version = 1
    filename = "stumble.txt"

    def run(self, work: Workspace) -> None:
        raise ZeroDivisionError("a bug of ours")


class Nothing(Step):
    version = 1
    filename = "nothing.txt"

    def run(self, work: Workspace) -> None:
        return


class Hang(Step):
    """Never end, with a grandchild that does not either and that ignores the polite signal."""

    version = 1
    filename = "hang.txt"
    timeout_s = 1.0
    note: Here

    def run(self, work: Workspace) -> None:
        code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
        child = subprocess.Popen([sys.executable, "-c", code])
        Path(self.note).write_text(str(child.pid))
        child.wait()


class Doze(Step):
    """Write when it began and ended."""

    version = 1
    filename = "times.json"
    name: str
    seconds: float
    source: Artifact | None = None

    def run(self, work: Workspace) -> None:
        begun = time.monotonic()
        time.sleep(self.seconds)
        work.output.write_text(json.dumps([begun, time.monotonic()]))


class DozeAlone(Doze):
    alone = True
    deterministic = False


class CountAlone(Step):
    """Measures nothing, alone."""

    version = 1
    filename = "count.txt"
    alone = True
    deterministic = False
    name: str

    def run(self, work: Workspace) -> None:
        work.output.write_text(str(time.perf_counter_ns()))


class Stamp(Step):
    """Other bytes each time."""

    version = 1
    filename = "stamp.txt"
    deterministic = False
    name: str = ""

    def run(self, work: Workspace) -> None:
        work.output.write_text(str(time.time_ns()))


class Liar(Stamp):
    """Other bytes each time, and claims otherwise."""

    deterministic = True


class Facts(Step):
    """Asked in every build."""

    version = 1
    filename = "facts.txt"
    volatile = True
    inline = True
    place: Here

    def run(self, work: Workspace) -> None:
        work.output.write_text(Path(self.place).read_text())


class Noise(Step):
    """A value of this build only."""

    version = 1
    filename = "noise.txt"

    def run(self, work: Workspace) -> None:
        work.output.write_text("contended")
        work.for_this_build_only("contended")


class Chatter(Step):
    version = 1
    filename = "chatter.txt"
    megabytes: int

    def run(self, work: Workspace) -> None:
        os.write(1, b"the beginning\n")
        for _ in range(self.megabytes):
            os.write(1, b"." * (1 << 20))
        os.write(2, b"\nthe end\n")
        work.output.write_text("done")


class Big(Step):
    version = 1
    filename = "big.bin"
    megabytes: int

    def run(self, work: Workspace) -> None:
        with work.output.open("wb") as output:
            for number in range(self.megabytes):
                output.write(number.to_bytes(4, "big") * (1 << 18))


class Environment(Step):
    """What a step sees of the machine."""

    version = 1
    filename = "environment.json"

    def run(self, work: Workspace) -> None:
        print("to the log")
        work.progress(1, 2, "half")
        work.output.write_text(
            json.dumps({**os.environ, "cwd": str(Path.cwd()), "files": [path.name for path in Path.cwd().iterdir()]})
        )


class Spoil(Step):
    """Write into its own input."""

    version = 1
    filename = "spoilt.txt"
    source: Artifact

    def run(self, work: Workspace) -> None:
        path = work.path(self.source)
        path.chmod(0o644)
        path.write_text("spoilt")
        work.output.write_text("done")


class CallUser(Step):
    """Import and call the user's function."""

    version = 1
    filename = "called.txt"
    code: UserCode

    def run(self, work: Workspace) -> None:
        from edgebuild.data.usercode import load

        work.output.write_text(str(load(self.code)()))


class Needs(Step):
    version = 1
    filename = "needs.txt"
    tools = ("no-such-distribution",)

    def run(self, work: Workspace) -> None:
        work.output.write_text("never")


class Uses(Step):
    version = 1
    filename = "uses.txt"
    tools = ("edgebuild-test-tool",)

    def run(self, work: Workspace) -> None:
        work.output.write_text("used")


class Traced(Step):
    """Note each run in a file, take some time, join the inputs."""

    version = 1
    filename = "traced.txt"
    trace: Here
    name: str
    sources: tuple[Artifact, ...] = ()
    seconds: float = 0.0

    def run(self, work: Workspace) -> None:
        with Path(self.trace).open("a") as trace:
            trace.write(self.name + "\n")
        time.sleep(self.seconds)
        work.output.write_text("".join(work.path(source).read_text() for source in self.sources) + self.name + ";")


class TracedInline(Traced):
    """The same in the engine's own process."""

    inline = True


class TracedAlone(Traced):
    """The same, with nothing beside it on this host."""

    alone = True


class Square(Step):
    """One trial: notes its run, takes some time."""

    version = 1
    filename = "square.txt"
    trace: Here
    number: int
    base: Artifact
    seconds: float = 0.0

    def run(self, work: Workspace) -> None:
        with Path(self.trace).open("a") as trace:
            trace.write(f"{self.number}\n")
        time.sleep(self.seconds)
        if self.number == 13:
            raise Refused(by="square", why="an unlucky number")
        if self.number == 14:
            os.kill(os.getpid(), 11)
        work.output.write_text(str(self.number**2 + int(work.path(self.base).read_text())))


class Sum(Step):
    """Of two trials."""

    version = 1
    filename = "sum.txt"
    parts: tuple[Artifact, ...]

    def run(self, work: Workspace) -> None:
        work.output.write_text(str(sum(int(work.path(part).read_text()) for part in self.parts)))


class Search(Step):
    """Runs trials, one after the other, and writes a front of the greatest."""

    version = 1
    filename = "front"
    trace: Here
    numbers: tuple[int, ...]
    base: Artifact
    seconds: float = 0.0
    keep: int = 2

    def run(self, work: Workspace) -> None:
        from edgebuild.compress.search.front import Member, write_front

        found = []
        last = None
        for done, number in enumerate(self.numbers):
            step = Square(trace=self.trace, number=number, base=self.base, seconds=self.seconds)
            try:
                found.append((int(work.run(step).read_text()), number, work.run(step)))
            except (Refused, StepError):
                continue
            if last:
                work.run(Sum(parts=(last, step.out())))
            last = step.out()
            work.progress(done + 1, len(self.numbers), "trials")
        best = sorted(found, reverse=True)[: self.keep]
        write_front(work.output, [Member(path, f"number {number}", {"value": value}) for value, number, path in best])


class Inside(Step):
    """What a process is like: its environment, arguments and modules."""

    version = 1
    filename = "inside.json"
    name: str = ""

    def run(self, work: Workspace) -> None:
        import random
        import threading

        found = {
            "environment": sorted(name for name in os.environ if name not in ("HOME", "TMPDIR")),
            "cwd": Path.cwd().name,
            "session": os.getsid(0) == os.getpid(),
            "hash": hash("a text"),
            "threads": threading.active_count(),
            "stdin": sys.stdin.read() if sys.stdin else "",
            "random": 0 <= random.random() < 1,
        }
        work.output.write_text(json.dumps(found, sort_keys=True))


class Forkless(Inside):
    """The same, by the user's side: never forked."""


class Once(Step):
    """Crashes until a file is there; notes each run."""

    version = 1
    filename = "once.txt"
    trace: Here
    cure: Here

    def run(self, work: Workspace) -> None:
        with Path(self.trace).open("a") as trace:
            trace.write("ran\n")
        if not Path(self.cure).exists():
            os.write(2, b"the last words\n")
            os.kill(os.getpid(), 11)
        work.output.write_text("well")


class Swell(Step):
    """Takes memory until somebody stops it."""

    version = 1
    filename = "swollen.txt"
    megabytes: int

    def run(self, work: Workspace) -> None:
        held = []
        for _ in range(self.megabytes // 10):
            held.append(bytearray(os.urandom(1 << 20) * 10))
            time.sleep(0.01)
        work.output.write_text("done")


class Reads(Step):
    """Some variables of its environment."""

    version = 1
    filename = "read.json"
    names: tuple[str, ...]

    def run(self, work: Workspace) -> None:
        work.output.write_text(json.dumps({name: os.environ.get(name) for name in self.names}))


class Asks(Step):
    """The same, by a step that it asks for."""

    version = 1
    filename = "asked.json"
    names: tuple[str, ...]

    def run(self, work: Workspace) -> None:
        work.output.write_text(work.run(Reads(names=self.names)).read_text())
