"""A no-op over 10,000 steps of 2,000 specs beside ninja, make and plain doit on the same graph; prints, never fails.

`BENCH_SPECS` sets another number of specs.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bench.figures import show
from tests.bench.noop.others import write_doit, write_make, write_ninja, write_specs

pytestmark = pytest.mark.bench

ROOT = Path(__file__).resolve().parents[2]
SPECS = int(os.environ.get("BENCH_SPECS", "2000"))
MAIN = str(ROOT / "tests" / "bench" / "noop" / "main.py")


def wall(command: list[str], cwd: Path, said: str = "") -> float:
    """Seconds of a whole process."""
    devnull, environment = os.open(os.devnull, os.O_RDWR), {**os.environ, "PYTHONPATH": str(ROOT)}
    here = Path.cwd()
    os.chdir(cwd)
    try:
        began = time.perf_counter()
        actions = [(os.POSIX_SPAWN_DUP2, devnull, number) for number in (0, 1, 2)]
        pid = os.posix_spawnp(command[0], command, environment, file_actions=[] if said else actions)
        status = os.waitpid(pid, 0)[1]
        spent = time.perf_counter() - began
    finally:
        os.chdir(here)
        os.close(devnull)
    assert status == 0, command
    return spent


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Callable[[], float]]:
    """Everything built once; each entry runs one builder again."""
    folder = tmp_path_factory.mktemp("noop")
    write_specs(folder / "specs", SPECS)
    (folder / "out").mkdir()
    ours = [sys.executable, MAIN, str(folder / "specs"), "--store", str(folder / "store")]
    commands: dict[str, list[str]] = {"edgebuild": ours, "edgebuild, whole walk": [*ours, "--no-fast-path"]}
    for name, write in (("ninja", write_ninja), ("make", write_make), ("doit", write_doit)):
        program = shutil.which(name) or (str(Path(sys.executable).parent / name) if name == "doit" else None)
        if program and Path(program).exists():
            write(folder, SPECS)
            commands[name] = [program, *(["-f", "Makefile"] if name == "make" else [])]
    for command in commands.values():
        for _ in range(3):
            wall(command, folder)
    time.sleep(2.5)
    for command in commands.values():
        wall(command, folder)
    yard = {name: (lambda command=command: wall(command, folder)) for name, command in commands.items()}  # type: ignore[misc]

    def one_changed() -> float:
        spec = folder / "specs" / "s0007.edge.yaml"
        old, _, rest = spec.read_text().partition("\nx-note-0")
        spec.write_text(f"{old.rpartition(' ')[0]} {time.time_ns()}\nx-note-0{rest}")
        return wall(ours, folder)

    yard["edgebuild, one spec changed"] = one_changed
    return yard


def test_noop(yard: dict[str, Callable[[], float]]) -> None:
    taken: dict[str, list[float]] = {name: [] for name in yard}
    for number in range(11):
        for name, run in yard.items():
            if name == "edgebuild, one spec changed":
                continue
            if number < 3 or name not in ("doit", "make"):
                taken[name].append(run())
    for _ in range(5):
        taken["edgebuild, one spec changed"].append(yard["edgebuild, one spec changed"]())
    print(f"\n{SPECS * 5} steps of {SPECS} specs, medians of interleaved runs, ms")
    middle = {name: statistics.median(values) for name, values in taken.items() if values}
    for name, value in middle.items():
        beside = f"{value / middle['ninja']:.2f} × ninja" if "ninja" in middle else ""
        show(name, f"{value * 1000:.0f} ms", beside)


def test_memory_of_a_plan(tmp_path: Path) -> None:
    write_specs(tmp_path / "specs", SPECS)
    command = [sys.executable, MAIN, str(tmp_path / "specs"), "--store", str(tmp_path / "store"), "--plan"]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print()
    show(f"plan of {SPECS * 5} steps, peak memory", f"{peak:.0f} MB", "≤ 200 MB")
