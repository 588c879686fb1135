"""A whole training: segment by segment, seed by seed, and the model that goes on."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from edgebuild.compress.train.constraints import AnyConstraint
from edgebuild.compress.train.schedule import affordable, cooling_from, rates
from edgebuild.compress.train.scores import Judge, chosen, judged, summary
from edgebuild.compress.train.segment import LOG, MODEL, STATE, How, TrainSegment
from edgebuild.compress.train.settings import Keep, Loss, Schedule
from edgebuild.compress.train.teaching import Teaching
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact, UserCode

RECORD = "training.json"


class TrainModel(Step):
    """Train a Keras model once for each seed, by steps of their own, and hand on one of the models.

    Writes the folder of `model.keras` and `training.json`: of each seed its epochs as Keras tells them, its seconds and
    its score on `select`; mean, standard deviation and range of the scores; which goes on; `words` for the report.

    A training that was killed goes on after its last segment. One of more epochs runs what is new, where its schedule
    lets the first ones be as they were. Under a time limit the first epoch tells the pace, and fewer are made where the
    others do not fit, so that the schedule still ends.
    """

    version: ClassVar[int] = 2
    tools: ClassVar[tuple[str, ...]] = ("tensorflow", "keras", "numpy")
    filename: ClassVar[str] = "trained"
    portable: ClassVar[bool] = False
    # What fits into a time depends on the clock; all that is trained is pinned by its bytes.
    deterministic: ClassVar[bool] = False
    timeout_s: ClassVar[float] = 14 * 86400.0

    starts: tuple[Artifact, ...]
    """Where each seed's training starts, aligned with `seeds`."""
    seeds: tuple[int, ...]
    samples: Artifact
    validation: Artifact | None = None
    """For a hook of the user's alone."""
    fit: UserCode | None = None
    teaching: Teaching | None = None
    epochs: int
    segment: int
    schedule: Schedule
    learning_rate: float
    batch: int
    loss: Loss
    labelled: dict[str, str | int | float | bool] = {}
    constraints: tuple[AnyConstraint, ...] = ()
    state: Artifact | None = None
    """What constraints know before the first segment; what they know after the last is then `state.npz`."""
    time_s: float | None = None
    """For all seeds together."""
    keep: Keep
    judge: Judge | None = None
    """What tells several seeds apart; the first goes on without it."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the model cannot be trained so. StepError: a segment failed."""
        train(self, work)


@dataclass
class Course:
    """The training of one seed under way."""

    seed: int
    model: Artifact
    state: Artifact | None = None
    done: int = 0
    """Epochs so far, as they were asked for."""
    epochs: list[dict[str, float]] = field(default_factory=list)
    """What Keras said of each that it ran: a hook may have run others, or none by Keras' own loop."""
    seconds: float = 0.0


Told = Callable[["Course", int], None]


def train(step: TrainModel, work: Workspace) -> None:
    """Run or find every segment of every seed, judge the models, write the one that goes on."""
    limit = None if step.time_s is None else step.time_s / len(step.seeds)
    clock = Clock(step, work)
    courses = []
    for start, seed in zip(step.starts, step.seeds, strict=True):
        courses.append(follow(step, work, Course(seed, start, step.state), limit, clock.tell))
        clock.finished.append(courses[-1])
    models = [course.model for course in courses]
    scores = judged(step.judge, models, work) if step.judge and len(courses) > 1 else None
    number = chosen(scores, step.keep, step.judge.better) if scores and step.judge else 0
    work.output.mkdir(parents=True)
    shutil.copyfile(work.path(models[number]), work.output / MODEL)
    ended = courses[number].state
    if step.state is not None and ended is not None:
        shutil.copyfile(work.path(ended), work.output / STATE)
    record: dict[str, Any] = {
        "seeds": [
            {"seed": item.seed, "asked": item.done, "epochs": item.epochs, "seconds": round(item.seconds, 3)}
            for item in courses
        ],
        "goes on": step.seeds[number],
        "wanted epochs": step.epochs,
        **(summary(step.judge, scores, step.keep) if step.judge and scores else {}),
    }
    record["words"] = told(record)
    (work.output / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def told(record: dict[str, Any]) -> str:
    """What a report says of a training once it is done: epochs, the last loss, the spread over seeds, which goes on."""
    going = next(item for item in record["seeds"] if item["seed"] == record["goes on"])
    done, ran, wanted = going["asked"], len(going["epochs"]), record["wanted epochs"]
    parts = [f"{done} of {wanted} epochs fitted into the time" if done < wanted else f"{done} epochs done"]
    if ran != done:
        known = f"by Keras' loop {ran} were run" if ran else "how many were run is not known"
        parts = [f"{done} of {wanted} epochs were asked of your own training, {known}"]
    if ran and "loss" in going["epochs"][-1]:
        parts[0] += f", the last at a loss of {going['epochs'][-1]['loss']:.3g}"
    if record.get("standard deviation") is not None:
        unit = f" {record['unit']}" if record["unit"] else ""
        mean, spread = record["mean"], record["standard deviation"]
        parts.append(f"{record['metric']} {mean:.4g} ± {spread:.2g}{unit} over {len(record['seeds'])} seeds on select")
    if len(record["seeds"]) > 1:
        parts.append(f"seed {record['goes on']} goes on, {why_it(record)}")
    return "; ".join(parts)


def why_it(record: dict[str, Any]) -> str:
    """What decided between seeds."""
    if "scores" not in record:
        return "the first: the spec has no metric to tell them apart"
    if record["mean"] is None:
        return "the first: no score is a number"
    return "the first" if record["keep"] == "first" else f"the {record['keep']} by {record['metric']}"


def follow(step: TrainModel, work: Workspace, course: Course, limit: float | None, tell: Told) -> Course:
    """One seed's training to its end."""
    total = step.epochs
    apart = any(held.apart for held in step.constraints)
    while course.done < total:
        if step.schedule != "cooldown" or course.done < cooling_from(total):
            # Once the rate falls, the end stands.
            total = max(affordable(step.epochs, course.done, course.seconds, limit), course.done + apart)
        planned = rates(step.schedule, step.learning_rate, total)
        tell(course, total)
        # Nobody knows yet how long an epoch takes: one tells.
        many = 1 if limit is not None and course.done == 0 else step.segment
        end = total - (apart and course.done + 1 < total)
        if span := planned[course.done : min(course.done + many, end)]:
            advance(step, work, course, span, total)
    return course


def advance(step: TrainModel, work: Workspace, course: Course, span: tuple[float, ...], total: int) -> None:
    """One segment of a training of `total` epochs, run or found; in the last epoch constraints may differ."""
    ending = course.done + 1 == total
    segment = TrainSegment(
        model=course.model,
        state=course.state,
        samples=step.samples,
        validation=step.validation,
        teaching=step.teaching,
        fit=step.fit,
        how=How(
            first=course.done,
            rates=span,
            total=total if step.fit else None,
            batch=step.batch,
            seed=course.seed,
            loss=step.loss,
            labelled=step.labelled,
            constraints=tuple(held.ending() if ending else held for held in step.constraints),
        ),
    )
    log = json.loads((work.run(segment) / LOG).read_text(encoding="utf-8"))
    made = segment.out()
    course.model, course.state = made / MODEL, made / STATE
    course.done += len(span)
    course.epochs += log["epochs"]
    course.seconds += log["seconds"]


class Clock:
    """Tells how many epochs are done, and about how long the rest takes."""

    def __init__(self, step: TrainModel, work: Workspace) -> None:
        self._step, self._work = step, work
        self._begun, self._at = time.monotonic(), 0
        self.finished: list[Course] = []

    def tell(self, course: Course, total: int) -> None:
        """Epochs of all seeds; `total`: those that this seed's training has."""
        done = sum(item.done for item in self.finished) + course.done
        later = len(self._step.seeds) - len(self.finished) - 1
        every = sum(item.done for item in self.finished) + total * (1 + later)
        spent = sum(item.seconds for item in self.finished) + course.seconds
        words = f"epochs, {left((every - done) * spent / done)} left" if done else "epochs"
        self._work.progress(min(done, every), every, words)


def left(seconds: float) -> str:
    """`about 3 min`."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    return f"about {round(seconds / 60)} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"
