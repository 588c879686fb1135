"""What a build says while it runs: one live line on a terminal, plain lines elsewhere, on stderr."""

from __future__ import annotations

import os
import shutil
import sys
import time
from typing import TextIO

from edgebuild.core.graph import Graph

SLOW_S = 0.5
"""Steps faster than this pass without a line of their own."""


class Watch:
    """Prints what happens to each step; implements the engine's listener."""

    def __init__(self, graph: Graph, stream: TextIO | None = None, quiet: bool = False) -> None:
        """Args: quiet: say nothing until something fails."""
        self.graph, self.quiet = graph, quiet
        self.stream = stream or sys.stderr
        self.live = not quiet and self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self.total = self.done = self.ran = 0
        self.running: dict[str, tuple[float, str]] = {}
        self.began = time.monotonic()

    def queued(self, total: int) -> None:
        """The build has so many steps."""
        self.total = total

    def started(self, step_id: str) -> None:
        """A step runs."""
        self.running[step_id] = (time.monotonic(), "")
        self.draw()

    def progress(self, step_id: str, done: int, total: int, what: str) -> None:
        """A running step says how far it is."""
        since, _ = self.running.get(step_id, (time.monotonic(), ""))
        self.running[step_id] = (since, f"{what} {done}/{total}".strip())
        self.draw()

    def waiting(self, step_id: str, why: str) -> None:
        """Somebody else has what is needed."""
        self.line(f"waiting{f' with {self.graph.label(step_id)}' if step_id else ''}: {why}")

    def finished(self, step_id: str, outcome: object, seconds: float, cached: bool) -> None:
        """A step is done, one way or another."""
        self.running.pop(step_id, None)
        self.done += 1
        if not cached:
            self.ran += 1
            words = type(outcome).__name__.lower()
            # What a failure left undone is counted beside the failure.
            if words != "unmet" and (words != "built" or seconds >= SLOW_S):
                mark = "" if words == "built" else f" {words}"
                self.line(f"[{self.done}/{self.total}] {self.graph.label(step_id)}{mark} ({seconds:.1f} s)")
        self.draw()

    def line(self, text: str) -> None:
        """Print a line that stays."""
        if self.quiet:
            return
        if self.live:
            self.stream.write("\r\x1b[2K")
        self.stream.write(text + "\n")
        self.stream.flush()

    def draw(self) -> None:
        """Redraw the live line."""
        if not self.live:
            return
        names = [
            self.graph.label(step_id) + (f" {what}" if what else "") for step_id, (_, what) in self.running.items()
        ]
        text = f"[{self.done}/{self.total}] {time.monotonic() - self.began:4.0f} s  {' · '.join(names)}"
        self.stream.write("\r\x1b[2K" + text[: shutil.get_terminal_size().columns - 1])
        self.stream.flush()

    def close(self) -> None:
        """Remove the live line."""
        if self.live:
            self.stream.write("\r\x1b[2K")
            self.stream.flush()
