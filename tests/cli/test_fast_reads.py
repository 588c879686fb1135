"""What a loader looks at and lists without opening it: noticed by the fast path as by the walk."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from edgebuild import stamps
from tests.cli.conftest import Project
from tests.cli.test_fast import fast

LOOKS = """\
    scale = 1 + Path("flag").exists() / 100 + Path("size.bin").stat().st_size / 1000
    scale += len(list(Path("d").rglob("*.txt"))) / 1000
    with np.load"""


def looking(project: Project) -> Project:
    """A loader that looks around, and as few steps behind it as may be."""
    project.replace("defaults: true", "defaults: false")
    project.replace("inputs: [samples.npz]", "inputs: [samples.npz, 'd/**/*.txt']")
    project.replace("    with np.load", LOOKS, "data.py")
    project.replace("scaled(x)}", "scaled(x) * np.float32(scale)}", "data.py")
    write(project.folder / "d" / "cat" / "a.txt")
    write(project.folder / "size.bin")
    return project


def write(path: Path, text: str = "x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


CHANGES: dict[str, Callable[[Path], None]] = {
    "a file appears that was looked for": lambda folder: write(folder / "flag"),
    "a file grows": lambda folder: write(folder / "size.bin", "xx"),
    "a folder appears that is called like one of ours": lambda folder: write(folder / "d" / "measurements" / "b.txt"),
    "a file appears whose name begins with a dot": lambda folder: write(folder / "d" / "cat" / ".b.txt"),
    "a file goes that was looked for": lambda folder: (folder / "flag").unlink(),
}


def test_what_a_loader_looks_at_is_looked_at_again(elsewhere: Project) -> None:
    project = looking(elsewhere)
    project.build()
    time.sleep(stamps.RACY_NS / 1e9 + 0.1)
    assert project.build().ran == 0
    for what, change in CHANGES.items():
        assert fast(project) is not None, f"no stamp before {what}"
        change(project.folder)
        assert fast(project) is None, what
        assert project.build().ran > 0, what


def test_what_is_written_beside_the_spec_is_no_change(elsewhere: Project) -> None:
    project = looking(elsewhere)
    project.build()
    time.sleep(stamps.RACY_NS / 1e9 + 0.1)
    project.build()
    for name in (".data.py.swp", ".#data.py", "data.py~", "__pycache__/data.pyc"):
        write(project.folder / name)
    assert fast(project) is not None
    os.utime(project.folder / "data.py")
    assert project.build().ran == 0
