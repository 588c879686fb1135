"""The time in which the user's code runs: all that it reads, looks at and loads is noted."""

from __future__ import annotations

from pathlib import Path

from edgebuild.core import distributions
from edgebuild.engine.process.forks import Forks
from edgebuild.engine.process.imported import imported
from edgebuild.engine.process.probes import Probes
from edgebuild.engine.process.sighting import Sighting
from edgebuild.engine.process.witness import Witness


class Watched:
    """A context in which a step runs, once in a process."""

    def __init__(self, ignored: list[str], roots: list[str], forks: Path) -> None:
        """Args: ignored, roots: see `Witness`. forks: file in which forked processes tell what they see."""
        self._witness = Witness(ignored, roots, Forks(str(forks)))
        self._probes = Probes(self._witness)
        # Before anybody puts other folders among them.
        self._sites = distributions.sites()

    def __enter__(self) -> None:
        self._witness.start()
        self._probes.__enter__()

    def __exit__(self, *error: object) -> None:
        self._probes.__exit__()

    def seen(self) -> list[Sighting]:
        """All of it, when it is over."""
        return [*self._witness.stop(), *imported(self._sites)]
