"""The arena of a model in TensorFlow Lite Micro, by its own interpreter."""

from __future__ import annotations

import json
from typing import ClassVar

from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import words_of

WORDS = (
    "the smallest arena, to 16 B, in which TensorFlow Lite Micro's own interpreter loads and runs the model, by "
    "bisection on a 64-bit processor: at least what a 32-bit one needs"
)


class MeasureArena(Step):
    """The fewest bytes of arena with which the model loads and runs; see `session.arena`.

    Writes `memory.json` with the row `memory.arena`, in bytes.
    """

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("tflite-micro", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "memory.json"
    # The size of a pointer decides.
    portable: ClassVar[bool] = False

    model: Artifact

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the runtime declines the model."""
        from edgebuild.runtimes.tflite_micro import session

        with words_of("tflite-micro"):
            size = session.arena(str(work.path(self.model)))
        row = {"value": size, "low": size, "high": size}
        found = {"memory.arena": row, "samples": 1, "protocol": {"words": WORDS, "versions": session.versions()}}
        work.output.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
