"""The private folder of one running step: what it is told, reads and writes; one for each run, gone after it."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any

from edgebuild.engine.process.child import Result


class StepFolder:
    """Places as text, and as few folders as it takes: making and removing them is most of what a small step costs."""

    def __init__(self, scratch: Path, filename: str) -> None:
        """Make it.

        Args:
            scratch: the build's own folder.
            filename: of the step's output.

        Raises:
            OSError: the disk is full.
        """
        self.root = f"{scratch}/{uuid.uuid4().hex[:12]}"
        self.job, self.result = f"{self.root}/job.json", f"{self.root}/result.json"
        self.work = f"{self.root}/work"
        self.output = Path(self.root, "out", filename or "output")
        for folder in (self.root, self.work, f"{self.root}/out"):
            os.mkdir(folder)  # noqa: PTH102 - a hot path of every step

    @property
    def path(self) -> Path:
        """The folder itself."""
        return Path(self.root)

    def input(self, number: int, filename: str) -> Path:
        """Where an input is shown, in a folder of its own: several may have one name."""
        folder = f"{self.root}/in{number}"
        os.mkdir(folder)  # noqa: PTH102
        return Path(folder, filename)

    def tell(self, job: dict[str, Any]) -> None:
        """Write what the step's process is told."""
        with open(self.job, "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(json.dumps(job))

    def answer(self) -> Result:
        """What the process left; a crash where it left nothing."""
        try:
            with open(self.result, encoding="utf-8") as file:  # noqa: PTH123
                found: Result = json.load(file)
        except FileNotFoundError:
            return {"outcome": "crash"}
        return found
