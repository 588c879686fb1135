"""Timing runs as they lie in the step's output: what is in each, when it was taken, what is due."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

SINCE = "since"
"""File of the output: when the oldest of its runs was taken, in seconds since 1970 (see `engine/observations.py`)."""

Subjects = dict[str, str]
"""Identity of a model, to its row in a run."""


@dataclass(frozen=True)
class Run:
    """One earlier run."""

    path: Path
    subjects: Subjects
    taken: float
    """Seconds since 1970."""
    valid: bool

    @cached_property
    def samples(self) -> dict[str, np.ndarray]:
        """int64 ns of shape (processes, rounds, runs) by row."""
        import numpy as np

        with np.load(self.path / "samples.npz") as archive:
            return {name: archive[name] for name in archive.files}

    def pace(self, name: str) -> float | None:
        """Of the fastest run of a model, in ns; None where it is not in the run, or could not be run."""
        own = self.samples.get(self.subjects.get(name, ""))
        return None if own is None else fastest(own)


@dataclass(frozen=True)
class Output:
    """What the step has written once."""

    path: Path
    wanted: tuple[str, ...]
    """Identities of the models that were asked for."""
    due: str
    """Why it is to be taken again; "" where it counts."""
    runs: tuple[Run, ...]
    """The newest first."""

    @classmethod
    def read(cls, path: Path) -> Output:
        """From its folder."""
        index = json.loads((path / "index.json").read_text(encoding="utf-8"))
        return cls(
            path,
            tuple(index["wanted"]),
            index["due"],
            tuple(
                Run(path / str(number), run["subjects"], float(run["taken"]), bool(run["valid"]))
                for number, run in enumerate(index["runs"])
            ),
        )


def fastest(own: np.ndarray) -> float:
    """Median over rounds of the fastest run, in ns: it repeats where medians of rounds do not."""
    import numpy as np

    return float(np.median(own.min(axis=2)))
