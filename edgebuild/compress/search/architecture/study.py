"""Optuna's part: which network of a space is tried next, from what came of those before."""

from __future__ import annotations

from itertools import product
from random import Random
from typing import Any

from edgebuild.compress.search.architecture.space import Axes

STARTUP = 4
"""Trials that are drawn at random, the corners of the space among them, before any is drawn by what came of others."""
ASKED = 20
"""Questions in a row whose answers are known already, after which another network is drawn at random."""


class Study:
    """A multi-objective study by ask and tell: maximizes gain and score by TPE (arXiv:2004.07312).

    It keeps no database of its own: asked with the same seed and told the same values, it asks for the same networks,
    and these are found in the store. A search that was killed so comes by itself to where it was.
    """

    def __init__(self, axes: Axes, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP)
        self._study: Any = optuna.create_study(directions=["maximize", "maximize"], sampler=sampler)
        self._axes, self._draw = axes, Random(seed)  # noqa: S311 - draws networks, no secrets
        self._told: dict[tuple[int, ...], tuple[float, float] | None] = {}
        for positions in axes.corners():
            self._study.enqueue_trial(positions)
        self._asked: Any = None

    def ask(self) -> dict[str, int] | None:
        """Positions on the axes of a network that was not tried; None where all were."""
        if len(self._told) == self._axes.size():
            return None
        for _ in range(ASKED):
            asked, positions = self._next()
            key = tuple(positions.values())
            if key not in self._told:
                self._asked = asked
                return positions
            self._answer(asked, self._told[key])
        self._study.enqueue_trial(self._untried())
        self._asked, positions = self._next()
        return positions

    def _next(self) -> tuple[Any, dict[str, int]]:
        asked = self._study.ask()
        axes = self._axes.declared()
        return asked, {name: asked.suggest_int(name, 0, len(values) - 1) for name, values in axes.items()}

    def _untried(self) -> dict[str, int]:
        axes = self._axes.declared()
        every = product(*(range(len(values)) for values in axes.values()))
        return dict(zip(axes, self._draw.choice([key for key in every if key not in self._told]), strict=True))

    def tell(self, positions: dict[str, int], values: tuple[float, float] | None) -> None:
        """What came of the network asked for last; None where it could not be."""
        self._told[tuple(positions.values())] = values
        self._answer(self._asked, values)

    def _answer(self, asked: Any, values: tuple[float, float] | None) -> None:
        from optuna.trial import TrialState

        if values is None:
            self._study.tell(asked, state=TrialState.FAIL)
        else:
            self._study.tell(asked, values)
