"""Random edit scripts: the fast path, the whole walk and a clean build always agree."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lent import lend

ROOT = Path(__file__).resolve().parents[2]


class Bench:
    """The project under edit, and its three answers."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.random = folder, random.Random(seed)
        self.specs, self.store, self.lent = folder / "specs", folder / "store", lend(folder / "venv")
        self.specs.mkdir()
        (self.specs / "parts").mkdir()
        self.flavour: str | None = None
        self.old: dict[Path, bytes] = {}
        for number in range(3):
            self.add(number)
        self.install("1.0")

    def add(self, number: int) -> None:
        (self.specs / f"s{number}.txt").write_text(f"source {number:03d}")
        (self.specs / f"s{number}.spec").write_text(f"source: s{number}.txt\nword: w{number:03d}\n")

    def install(self, version: str) -> None:
        for old in self.lent.site.glob("edgebuild_test_tool-*"):
            shutil.rmtree(old)
        info = self.lent.site / f"edgebuild_test_tool-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: edgebuild-test-tool\nVersion: {version}\n")
        (info / "RECORD").write_text("")

    def run(self, store: Path, *words: str) -> tuple[str, str]:
        """How it was answered, and what was made."""
        environment = {name: value for name, value in os.environ.items() if name not in ("FLAVOUR", "PYTHONPATH")}
        if self.flavour is not None:
            environment["FLAVOUR"] = self.flavour
        command = [str(self.lent.python), "-P", "-m", "tests.engine.edited"]
        command += [str(self.specs), "--store", str(store), *words]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        how, _, answer = done.stdout.partition(" ")
        return how, answer

    # -- edits ---------------------------------------------------------------------------------------------------

    def some(self, suffix: str) -> Path:
        return self.random.choice(sorted(self.specs.glob(f"*{suffix}")))

    def edit(self) -> None:
        path = self.some(self.random.choice([".spec", ".txt"]))
        self.old[path] = path.read_bytes()
        text = path.read_text().rstrip("\n")
        path.write_text(text[:-1] + self.random.choice("0123456789"))

    def edit_and_restore_times(self) -> None:
        path = self.some(".txt")
        before = path.stat()
        path.write_text(path.read_text()[:-1] + self.random.choice("0123456789"))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def replace_by_rename(self) -> None:
        path = self.some(".txt")
        before, other = path.stat(), path.with_suffix(".new")
        other.write_text(path.read_text()[:-1] + self.random.choice("0123456789"))
        os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
        other.replace(path)

    def revert(self) -> None:
        for path, content in list(self.old.items())[-1:]:
            if path.exists():
                path.write_bytes(content)

    def touch(self) -> None:
        self.some(".spec").touch()

    def into_the_future(self) -> None:
        os.utime(self.some(".txt"), (time.time() + 9999, time.time() + 9999))

    def into_the_past(self) -> None:
        os.utime(self.some(".txt"), (1e9, 1e9))

    def come_and_go(self) -> None:
        number = self.random.randrange(3, 6)
        spec = self.specs / f"s{number}.spec"
        spec.unlink() if spec.exists() else self.add(number)

    def rename(self) -> None:
        specs = sorted(self.specs.glob("s?.spec"))
        specs[-1].rename(self.specs / f"s{self.random.randrange(6, 9)}.spec")

    def note(self) -> None:
        note = self.specs / "note.txt"
        note.unlink() if note.exists() else note.write_text(self.random.choice("ab"))

    def strew(self) -> None:
        part = self.specs / "parts" / self.random.choice(["a", ".b", "build", "measurements", "c.lock", "__pycache__"])
        part.unlink() if part.exists() else part.write_text("x")

    def environment(self) -> None:
        self.flavour = self.random.choice([None, "", "plain", "sweet"])

    def upgrade(self) -> None:
        self.install(self.random.choice(["1.0", "1.1", "2.0"]))

    def lose_a_blob(self) -> None:
        blobs = [path for path in (self.store / "blobs").rglob("*") if path.is_file()]
        self.random.choice(sorted(blobs)).unlink()

    def damage_a_blob(self) -> None:
        blobs = sorted(path for path in (self.store / "blobs").rglob("*") if path.is_file())
        path = self.random.choice(blobs)
        before = path.stat()
        path.chmod(0o644)
        path.write_bytes(bytes(byte ^ 1 for byte in path.read_bytes()))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def nothing(self) -> None:
        time.sleep(self.random.choice([0.0, 2.2]))

    @property
    def edits(self) -> list[Callable[[], None]]:
        return [
            self.edit, self.edit_and_restore_times, self.replace_by_rename, self.revert, self.touch,
            self.into_the_future, self.into_the_past, self.come_and_go, self.rename, self.note, self.strew,
            self.environment, self.upgrade, self.lose_a_blob, self.damage_a_blob,
            self.nothing, self.nothing, self.nothing,
        ]  # fmt: skip


def script(folder: Path, rounds: int, seed: int) -> Counter[str]:
    """Edit, ask all three, compare."""
    bench = Bench(folder, seed)
    hows: Counter[str] = Counter()
    bench.run(bench.store)
    for number in range(rounds):
        edits = bench.random.sample(bench.edits, bench.random.choice([1, 1, 2]))
        for edit in edits:
            edit()
        what = [edit.__name__ for edit in edits]
        how, quick = bench.run(bench.store)
        _, whole = bench.run(bench.store, "--no-fast-path")
        clean = bench.folder / "clean"
        _, truth = bench.run(clean)
        shutil.rmtree(clean)
        assert quick == truth, (number, what, how)
        assert whole == truth, (number, what)
        again, same = bench.run(bench.store)
        assert same == truth, (number, what, again)
        hows[how] += 1
        # What was edited is nothing new any more: from here on the stamp answers, if the next edit lets it.
        hows[bench.run(bench.store)[0]] += 1
    return hows


def test_random_edits(tmp_path: Path) -> None:
    hows = script(tmp_path, 12, seed=1)
    assert min(hows["fast"], hows["walk"]) > 1, hows


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 14))
def test_many_random_edits(seed: int, tmp_path: Path) -> None:
    hows = script(tmp_path, 40, seed)
    assert min(hows["fast"], hows["walk"]) > 5, hows
