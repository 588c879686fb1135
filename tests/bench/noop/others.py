"""The benchmark's graph for other builders: specs in a folder, five steps each, every step writes one file."""

from __future__ import annotations

from pathlib import Path

STEPS = {"a": (), "b": ("a",), "c": ("b",), "d": ("b",), "e": ("c", "d")}


def write_specs(folder: Path, count: int) -> None:
    """Specs of 50 lines and a source of 200 bytes beside each."""
    folder.mkdir(parents=True)
    for number in range(count):
        name = f"s{number:04d}"
        (folder / f"{name}.txt").write_text(f"source {number} " + "x" * 180)
        notes = "".join(f"x-note-{line}: {{a: {line}, b: text number {line}}}\n" for line in range(47))
        (folder / f"{name}.edge.yaml").write_text(f"name: {name}\nsource: {name}.txt\nparameter: 1\n{notes}")


def edges(folder: Path, count: int) -> list[tuple[Path, list[Path]]]:
    """Each output with its inputs: the spec and its source for the first of five."""
    found = []
    for number in range(count):
        name = f"s{number:04d}"
        for step, needs in STEPS.items():
            inputs = [folder / "out" / f"{name}.{need}" for need in needs]
            if step == "a":
                inputs = [folder / "specs" / f"{name}.txt", folder / "specs" / f"{name}.edge.yaml"]
            found.append((folder / "out" / f"{name}.{step}", inputs))
    return found


def write_ninja(folder: Path, count: int) -> None:
    lines = ["rule cat", "  command = cat $in > $out", "  description = $out"]
    lines += [f"build {out}: cat {' '.join(map(str, inputs))}" for out, inputs in edges(folder, count)]
    (folder / "build.ninja").write_text("\n".join(lines) + "\n")


def write_make(folder: Path, count: int) -> None:
    every = edges(folder, count)
    lines = [f"all: {' '.join(str(out) for out, _ in every)}"]
    lines += [f"{out}: {' '.join(map(str, inputs))}\n\t@cat $^ > $@" for out, inputs in every]
    (folder / "Makefile").write_text("\n".join(lines) + "\n")


def write_doit(folder: Path, count: int) -> None:
    (folder / "dodo.py").write_text(
        "import sys\nfrom pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).resolve().parents[3])!r})\n"
        "from tests.bench.noop.others import edges\n"
        'DOIT_CONFIG = {"verbosity": 0, "reporter": "zero"}\n'
        "def put(out, inputs):\n    Path(out).write_bytes(b''.join(Path(i).read_bytes() for i in inputs))\n"
        "def task_all():\n"
        f"    for out, inputs in edges(Path({str(folder)!r}), {count}):\n"
        "        yield {'name': out.name, 'actions': [(put, [str(out), [str(i) for i in inputs]])],\n"
        "               'file_dep': [str(i) for i in inputs], 'targets': [str(out)]}\n"
    )
