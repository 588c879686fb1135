"""A program of the user's on a model: its version, and what it makes."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from edgebuild.core.records import Here
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact, FileDigest
from edgebuild.errors import Refused

LIMIT_S = 1200
"""Time that a command may take."""
ASKING_S = 60
LAST = 5
"""Lines of a failed command's output that are quoted."""


class AskTool(Step):
    """What a program says of its version, asked in every build; an equal answer leaves what it made standing."""

    version: ClassVar[int] = 1
    filename: ClassVar[str] = "version.txt"
    volatile: ClassVar[bool] = True
    portable: ClassVar[bool] = False
    deterministic: ClassVar[bool] = False

    tool: str

    def run(self, work: Workspace) -> None:
        """Raises: Refused: there is no such program."""
        program = found(self.tool)
        said = execute([program, "--version"], work.scratch, ASKING_S)
        work.output.write_text(f"{said.stdout}{said.stderr}".strip() + "\n", encoding="utf-8")


class RunCommand(Step):
    """The one file that a program makes of a model.

    It sees a copy of the model, an empty folder, a HOME of its own and nothing of the user's environment.
    """

    version: ClassVar[int] = 1
    portable: ClassVar[bool] = False
    # Nobody knows what a program does.
    deterministic: ClassVar[bool] = False

    model: Artifact
    command: tuple[str, ...]
    output: str
    versions: tuple[Artifact, ...]
    folder: Here = ""
    files: tuple[FileDigest, ...] = ()

    def output_name(self) -> str:
        """The model's own: it stays in its runtime's format."""
        return self.model.filename

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the program fails, takes too long, or makes no file or several."""
        make(work.path(self.model), self.command, self.output, self.folder, self.own, work.output)

    @property
    def own(self) -> tuple[str, ...]:
        """Words that are files of the user's."""
        return tuple(item.path for item in self.files)


def make(model: Path, command: tuple[str, ...], pattern: str, folder: str, own: tuple[str, ...], output: Path) -> None:
    """The work itself, over paths and values.

    Args:
        model: what the command reads a copy of.
        command: its words, with `{in}` and `{out}`.
        pattern: glob below `{out}` of the one file it makes.
        folder: in which `own` lie.
        own: words that are files of the user's.
        output: where the file goes.

    Raises:
        Refused: see `RunCommand.run`.
    """
    with tempfile.TemporaryDirectory(prefix="command-") as place:
        scratch = Path(place).resolve()
        for name in ("in", "out", "home"):
            (scratch / name).mkdir()
        given = scratch / "in" / model.name
        shutil.copy(model, given)
        places = {"{in}": str(given), "{out}": str(scratch / "out")}
        words = [filled(str(Path(folder, word)) if word in own else word, places) for word in command]
        made = run_command([found(words[0]), *words[1:]], scratch, pattern, command[0])
        shutil.copyfile(made, output)


def run_command(words: Sequence[str], scratch: Path, output: str, by: str) -> Path:
    """The file that the command makes below `scratch/out`.

    Raises:
        Refused: see `RunCommand.run`.
    """
    try:
        said = execute(words, scratch, LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise Refused(by=by, why=f"it took longer than {error.timeout:g} s.") from error
    lines = [line.strip() for line in f"{said.stdout}\n{said.stderr}".splitlines() if line.strip()]
    last = " ".join(lines[-LAST:])
    if said.returncode:
        raise Refused(by=by, why=f"it ended with status {said.returncode}: {last or 'it said nothing'}")
    made = [path for path in sorted((scratch / "out").glob(output)) if path.is_file()]
    if len(made) != 1:
        names = sorted(str(path.relative_to(scratch / "out")) for path in (scratch / "out").rglob("*"))
        count = "no file" if not made else f"{len(made)} files"
        raise Refused(
            by=by,
            why=f"`output: {output}` matches {count}; it made {', '.join(names) or 'nothing'}.",
            fix="Write an `output` that matches exactly one of them.",
        )
    return made[0]


def execute(words: Sequence[str], scratch: Path, limit_s: float) -> subprocess.CompletedProcess[str]:
    """Run a program in `scratch/out` where that is, with a HOME of its own."""
    home = scratch / "home"
    home.mkdir(exist_ok=True)
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZ", "OMP_NUM_THREADS") if name in os.environ}
    folder = scratch / "out" if (scratch / "out").is_dir() else scratch
    return subprocess.run(  # noqa: S603 - the words of the spec, without a shell
        list(words),
        cwd=folder,
        env={**kept, "HOME": str(home), "TMPDIR": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=limit_s,
        check=False,
    )


def found(tool: str) -> str:
    """Where a program lies.

    Raises:
        Refused: nowhere.
    """
    place = shutil.which(tool)
    if place is None:
        raise Refused(
            by=tool,
            why="there is no such program on the path of a build.",
            fix=f"Install `{tool}` beside edgebuild, or name it by its whole path.",
            kind="not applicable",
        )
    return place


def filled(word: str, places: dict[str, str]) -> str:
    """A word with what its placeholders stand for."""
    for name, place in places.items():
        word = word.replace(name, place)
    return word
