"""Random edits of a whole project: the command, the command without its fast path, and a build from nothing agree."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Project, write_samples

ROUNDS = 10


class Editor:
    """Somebody at work on a project."""

    def __init__(self, project: Project, seed: int) -> None:
        self.project, self.random = project, random.Random(seed)

    def swap(self, file: str, one: str, other: str) -> None:
        path = self.project.folder / file
        text = path.read_text()
        before = path.stat()
        path.write_text(text.replace(one, other) if one in text else text.replace(other, one))
        if self.random.random() < 0.5:
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def there_or_not(self, path: Path, content: str) -> None:
        path.parent.mkdir(exist_ok=True)
        path.unlink() if path.exists() else path.write_text(content)

    def budget(self) -> None:
        self.swap("deployment.edge.yaml", "size: 2x", "size: 0.01x")

    def metric(self) -> None:
        self.swap("deployment.edge.yaml", "\ncandidates:", "  sqnr: {metric: sqnr}\n\ncandidates:")

    def loader(self) -> None:
        self.swap("scaling.py", "1.00", "1.02")

    def comment(self) -> None:
        self.swap("data.py", "\n\ndef samples", "\n# said\n\ndef samples")

    def data(self) -> None:
        write_samples(self.project.folder, seed=self.random.choice([1, 3]))

    def variable(self) -> None:
        self.swap("deployment.edge.yaml", "release: 0.1.0", 'release: "${env:RELEASE:-0.1.0}"')
        self.project.environment["RELEASE"] = self.random.choice(["0.1.0", "0.2.0"])

    def file_in_the_package(self) -> None:
        assets = self.project.folder / "assets"
        assets.mkdir(exist_ok=True)
        (assets / "plain.txt").write_text("plain")
        if "package:" not in self.project.spec.read_text():
            self.project.spec.write_text(self.project.spec.read_text() + "\npackage: {files: [assets]}\n")
        self.there_or_not(
            assets / self.random.choice([".hidden", "poetry.lock", "build", "measurements", "b.txt"]), "x"
        )

    def template(self) -> None:
        self.there_or_not(self.project.folder / "unrelated.j2", "x")

    def touch(self) -> None:
        (self.project.folder / self.random.choice(["data.py", "tiny.onnx", "deployment.edge.yaml"])).touch()

    def into_the_future(self) -> None:
        os.utime(self.project.folder / "scaling.py", (time.time() + 9999, time.time() + 9999))

    def lose_an_output(self) -> None:
        shutil.rmtree(self.project.folder / "build", ignore_errors=True)

    def stranger_in_an_output(self) -> None:
        if self.project.package.is_dir():
            (self.project.package / self.random.choice([".secret", "x.lock", "mine.txt"])).write_text("x")

    def lose_the_lock(self) -> None:
        self.project.spec.with_suffix(".lock").unlink(missing_ok=True)

    def lose_a_blob(self) -> None:
        blobs = sorted(path for path in (self.project.store / "blobs").rglob("*") if path.is_file())
        self.random.choice(blobs).unlink()

    def nothing(self) -> None:
        time.sleep(self.random.choice([0.0, 2.2]))

    @property
    def edits(self) -> list[Callable[[], None]]:
        return [
            self.budget, self.metric, self.loader, self.comment, self.data, self.variable, self.file_in_the_package,
            self.template, self.touch, self.into_the_future, self.lose_an_output, self.stranger_in_an_output,
            self.lose_the_lock, self.lose_a_blob, self.nothing, self.nothing,
        ]  # fmt: skip


def answer(project: Project, *words: str) -> tuple[int, dict[str, str]]:
    """Exit code, and every file that was delivered; reports hold times of day and are left out."""
    done = project.build(*words)
    assert done.code in (0, 1), done.out + done.err
    files = {}
    for path in sorted((project.folder / "build").rglob("*")):
        name = path.relative_to(project.folder).as_posix()
        if path.is_file() and "/report/" not in name and "dossiers" not in name and not name.endswith(".gz"):
            small = path.suffix in (".json", ".md") or path.name == "SHA256SUMS"
            # Measured numbers stand in these; that they are there is what counts.
            files[name] = "" if small else path.read_bytes().hex()
    return done.code, files


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_random_edits_of_a_project(seed: int, project: Project, tmp_path: Path) -> None:
    editor = Editor(project, seed)
    project.build()
    for number in range(ROUNDS):
        chosen = editor.random.sample(editor.edits, editor.random.choice([1, 1, 2]))
        for edit in chosen:
            edit()
        what = (number, [edit.__name__ for edit in chosen])
        clean = Project(tmp_path / f"clean{number}", tmp_path / f"store{number}", dict(project.environment))
        shutil.copytree(project.folder, clean.folder, ignore=shutil.ignore_patterns("build", "*.edge.lock"))
        quick = answer(project)
        assert answer(project) == quick, what
        assert answer(project, "--no-fast-path") == quick, what
        assert answer(clean) == quick, what
        shutil.rmtree(clean.folder)
        shutil.rmtree(clean.store)
