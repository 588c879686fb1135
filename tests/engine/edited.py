"""A project of small specs through stamp, remembered plans and walk, as its own process; prints what it made.

Usage: `python -m tests.engine.edited FOLDER --store STORE [--no-fast-path]`.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from edgebuild import reads, stamps
from edgebuild.core.graph import Graph
from edgebuild.core.records import Here
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact


class Source(Step):
    """A file of the user's, by digest."""

    version = 1
    filename = "source.txt"
    inline = True
    path: Here
    digest: str

    def run(self, work: Workspace) -> None:
        work.output.write_bytes(Path(self.path).read_bytes())


class Mix(Step):
    """Inputs, a word, and the version of a tool."""

    version = 1
    filename = "mix.txt"
    tools = ("edgebuild-test-tool",)
    inline = True
    word: str
    inputs: tuple[Artifact, ...]

    def run(self, work: Workspace) -> None:
        from importlib.metadata import version

        text = "".join(work.path(item).read_text() for item in self.inputs)
        work.output.write_text(f"{text}|{self.word}|{version('edgebuild-test-tool')}")


def make(part: Graph, file: Path) -> str:
    from edgebuild.data.sources import digest_path

    lines = dict(line.split(": ", 1) for line in file.read_text().splitlines())
    source = file.with_name(lines["source"])
    flavour = reads.environ("FLAVOUR", "plain")
    note = reads.probed(file.with_name("note.txt"))
    # A folder of anything: what lies there counts whatever it is called.
    parts = sorted(os.listdir(file.with_name("parts")))  # noqa: PTH208
    word = lines["word"] + (note.read_text() if note.exists() else "") + ",".join(parts)
    wire = part.add(Source(path=str(source), digest=digest_path(source)), file.stem)
    for step in range(3):
        wire = part.add(Mix(word=f"{word}{step}{flavour}", inputs=(wire,)), f"{file.stem} {step}")
    part.want(file.stem, wire)
    return file.stem


def walk(argv: list[str]) -> str:
    from edgebuild.engine.build import Options, build
    from edgebuild.engine.remembered import Remembered
    from edgebuild.engine.seal import Said, begin, seal
    from edgebuild.engine.store import Store

    folder = Path(argv[1])
    with Store(Path(argv[3])) as store:
        remembered = Remembered(store)
        began = begin(store)
        remembered.witness.young_after = began.young_after
        with remembered.witness.frame() as frame:
            graph = Graph()
            for name in sorted(os.listdir(folder)):  # noqa: PTH208
                if name.endswith(".spec"):
                    remembered.part(name, graph, lambda part, name=name: make(part, folder / name))  # type: ignore[misc]
            with build(graph, store, Options(jobs=1, workspace=str(folder))) as results:
                texts = [f"{name}: {results.path(wire).read_text()}" for name, wire in sorted(graph.wanted.items())]
        text = f"{results.exit_code} {hashlib.sha256(repr(texts).encode()).hexdigest()}\n"
        if not results.ran and results.lasting:
            seal(store, argv, frame.sightings, results, Said(results.exit_code, text, ""), began)
    return text


def main() -> None:
    argv = ["build", *sys.argv[1:]]
    found = stamps.recall(argv) if "--no-fast-path" not in argv else None
    print("fast" if found else "walk", found[1].decode() if found else walk(argv), end="")


if __name__ == "__main__":
    main()
