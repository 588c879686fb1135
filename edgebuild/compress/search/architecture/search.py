"""The search over architectures: trials within limits of time and number, finalists timed again, the front."""

from __future__ import annotations

import json
import time
from typing import Any, ClassVar

from edgebuild.compress.search.architecture.attempts import Attempts
from edgebuild.compress.search.architecture.frontier import Tried, rungs, spread
from edgebuild.compress.search.architecture.paper import SPREAD
from edgebuild.compress.search.architecture.space import Axes, words
from edgebuild.compress.search.architecture.study import Study
from edgebuild.compress.search.front import Member, write_front
from edgebuild.compress.search.pareto import pareto_front
from edgebuild.compress.train.scores import Judge
from edgebuild.compress.train.settings import Loss
from edgebuild.compress.train.step import left
from edgebuild.core.dossier import Call
from edgebuild.core.graph import Clock
from edgebuild.core.searches import TRIALS_FILE
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact, UserCode
from edgebuild.errors import Refused, StepError
from edgebuild.models.routes import Lane

FINALISTS = 8
"""Networks that are timed again beside each other."""
GIVE_UP = 3
"""Refused networks after which the whole space is refused, where no trial has succeeded before."""


class SearchArchitecture(Step):
    """The front of speed and metric over the networks of a space.

    Each trial is built and timed beside the spec's model before it is trained, then trained by the one loop and scored
    on held-out samples of `train` at each rung, and left there where it is hopeless. Optuna chooses what is tried next.
    Writes the front, whose members have the weights of their trial, and beside it `trials.json`, everything that was
    tried. Killed, it goes on where it was: all that a trial does is stored, and the same trials are asked for again.
    """

    version: ClassVar[int] = 3
    tools: ClassVar[tuple[str, ...]] = ("optuna", "tensorflow", "keras", "numpy")
    filename: ClassVar[str] = "front"
    portable: ClassVar[bool] = False
    # How many trials fit into a time depends on the clock; what is trained is pinned by its bytes.
    deterministic: ClassVar[bool] = False
    timeout_s: ClassVar[float] = 14 * 86400.0

    reference: Artifact
    """The spec's model as the target loads it: what trials are timed beside."""
    facts: Artifact
    """`model.json` of the spec's model."""
    halves: Artifact
    """See `HoldOut`."""
    judge: Judge
    """Of the held-out samples."""
    lane: Lane
    """From Keras to the target's format."""
    call: Call
    clock: Clock | None = None
    """None where the target is not at hand: multiplications then stand for time, and it is said."""
    space: str
    """Name of a built-in one, or of the user's function."""
    code: UserCode | None = None
    axes: Axes
    slots: int
    trials: int
    epochs: int
    """Of a trial that is not left before."""
    seconds: float
    """After which no new trial begins."""
    batch: int
    learning_rate: float
    loss: Loss = "auto"
    seed: int = 0

    def run(self, work: Workspace) -> None:
        """Raises: Refused: no network can be made and trained. UserCodeError: the user's builder is at fault."""
        search(self, work)


class SearchArchitectureTimed(SearchArchitecture):
    """The same by times taken on the target: it holds the machine alone, as its trials need it."""

    version: ClassVar[int] = 3
    alone: ClassVar[bool] = True


def search(step: SearchArchitecture, work: Workspace) -> None:
    """Run trials until time, number or space is used up, then write the front.

    Raises:
        Refused: no network was trained to its last epoch.
        UserCodeError: the user's builder is at fault.
    """
    began = time.monotonic()
    study = Study(step.axes, step.seed)
    total = min(step.trials, step.axes.size())

    def tell(what: str) -> None:
        done = len(attempts.tried) + len(attempts.refused) + len(attempts.failed)
        spent = time.monotonic() - began
        rest = min(spent / done * (total - done), max(0.0, step.seconds - spent)) if done else step.seconds
        work.progress(done, total, f"networks, {what}, {left(rest)} left")

    attempts = Attempts(step, work, tell)
    cut = False
    for number in range(total):
        if number and time.monotonic() - began > step.seconds:
            cut = True
            break
        positions = study.ask()
        if positions is None:
            break
        found = attempts.attempt(step.axes.at(positions))
        study.tell(positions, found.point if found else None)
        if not attempts.tried and len(attempts.refused) >= GIVE_UP:
            break
    finished = [item for item in attempts.tried if not item.stopped]
    if not finished:
        raise Refused(by="search", why=nothing(attempts), kind="not applicable")
    members = finalists(attempts, finished)
    write_front(work.output, [member(attempts, item) for item in members])
    account = told(attempts, members, cut)
    (work.output / TRIALS_FILE).write_text(json.dumps(account, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def finalists(attempts: Attempts, finished: list[Tried]) -> list[Tried]:
    """The best, by times of one process of their own: luck in a trial does not choose."""
    step = attempts.step
    best = spread(finished, FINALISTS)
    if step.clock is not None and len(best) > 1:
        try:
            again = attempts.timed(best, final=True)
        except (Refused, StepError) as error:
            attempts.failed.append(({}, f"finalists could not be timed again: {error}"))
        else:
            for item, (gain, contended) in zip(best, again, strict=True):
                item.gain, item.contended = gain, contended
    return spread(best, step.slots)


def nothing(attempts: Attempts) -> str:
    """Why there is no front."""
    lost = [*attempts.refused, *attempts.failed]
    if not lost:
        return "no trial came to its last epoch."
    choices, why = lost[0]
    return f"none of {len(lost)} networks could be made and trained; of {words(choices)}: {why}"


def member(attempts: Attempts, item: Tried) -> Member:
    """A network as a candidate."""
    assert item.path is not None
    # No number of the search is among its words, which ship with the model.
    text = f"{words(item.choices)}, trained {item.epochs} epoch{'' if item.epochs == 1 else 's'}"
    return Member(path=item.path, words=text, values={"gain": item.gain, "score": value(attempts.step, item.score)})


def value(step: SearchArchitecture, score: float) -> float:
    """In the metric's own direction."""
    return score if step.judge.better == "higher" else -score


def told(attempts: Attempts, members: list[Tried], cut: bool) -> dict[str, Any]:
    """Contents of `trials.json`; `core.searches.NetworkSearch` documents what reports read of it."""
    step = attempts.step
    best = {id(item) for item in pareto_front([item for item in attempts.tried if not item.stopped])}
    slots = {id(item): number for number, item in enumerate(members)}
    ranked = "time" if step.clock else attempts.counted
    return {
        "searched": "architectures",
        "space": step.space,
        "axes": step.axes.declared(),
        "networks": step.axes.size(),
        "ranked_by": ranked,
        "evidence": "measured" if step.clock else "estimated",
        "spread": SPREAD if ranked == "multiplications" else None,
        "metric": step.judge.name,
        "unit": step.judge.metric.unit,
        "better": step.judge.better,
        "rungs": rungs(step.epochs),
        "cut": cut,
        "trials": [
            {
                "words": words(item.choices),
                "choices": item.choices,
                "gain": item.gain,
                "score": value(step, item.score),
                "scores": [value(step, score) for score in item.scores],
                "epochs": item.epochs,
                "stopped": item.stopped,
                "macs": item.macs,
                "weights": item.weights,
                "contended": item.contended,
                "front": id(item) in best,
                "slot": slots.get(id(item)),
            }
            for item in attempts.tried
        ],
        "refused": [{"words": words(choices), "why": why} for choices, why in attempts.refused],
        "failed": [{"words": words(choices), "why": why} for choices, why in attempts.failed],
    }
