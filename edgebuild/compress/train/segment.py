"""A few epochs of a training: weights and optimizer in, weights and optimizer out."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from edgebuild.compress.train.constraints import AnyConstraint
from edgebuild.compress.train.course import Course
from edgebuild.compress.train.settings import Loss
from edgebuild.compress.train.teaching import Teaching
from edgebuild.core.records import Record
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact, UserCode
from edgebuild.errors import Problem, Refused, UserCodeError, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from edgebuild.compress.train.constraints import Constraint
    from edgebuild.compress.train.contract import Data

MODEL, STATE, LOG = "model.keras", "state.npz", "log.json"
"""Members of a segment's output: the model, the optimizer and the constraints, what Keras said and how long it took."""


class How(Record):
    """What a segment does, as plain data; what is wired beside it."""

    first: int
    """Epochs before it."""
    rates: tuple[float, ...]
    """Learning rate of each of its epochs."""
    total: int | None
    """Epochs of the whole training, for a hook of the user's; our own loop does the same whatever comes after it."""
    batch: int
    seed: int
    loss: Loss
    labelled: dict[str, str | int | float | bool] = {}
    constraints: tuple[AnyConstraint, ...] = ()


class TrainSegment(Step):
    """Some epochs of a training, from which a killed one goes on; writes the folder of `MODEL`, `STATE` and `LOG`."""

    version: ClassVar[int] = 2
    tools: ClassVar[tuple[str, ...]] = ("tensorflow", "keras", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("tensorflow",)
    filename: ClassVar[str] = "segment"
    portable: ClassVar[bool] = False
    # It notes how long it took; weights are pinned, like all that is trained.
    deterministic: ClassVar[bool] = False
    timeout_s: ClassVar[float] = 86400.0

    model: Artifact
    """Where it starts."""
    state: Artifact | None
    """`STATE` of the segment before."""
    samples: Artifact
    validation: Artifact | None = None
    """For a hook of the user's alone."""
    teaching: Teaching | None = None
    fit: UserCode | None = None
    how: How

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the model cannot be trained so, or diverged. UserCodeError: the user's `fit` is at fault."""
        train_segment(given(self, work), self.how, self.fit, work.output)


@dataclass(frozen=True)
class Given:
    """Files that a segment reads."""

    model: Path
    samples: Path
    state: Path | None = None
    validation: Path | None = None
    teaching: Teaching | None = None
    predictions: Path | None = None
    values: Path | None = None


def given(step: TrainSegment, work: Workspace) -> Given:
    """The wires of a step as paths."""
    teaching = step.teaching
    return Given(
        model=work.path(step.model),
        samples=work.path(step.samples),
        state=work.path(step.state) if step.state else None,
        validation=work.path(step.validation) if step.validation else None,
        teaching=teaching,
        predictions=work.path(teaching.predictions) if teaching else None,
        values=work.path(teaching.values) if teaching and teaching.values else None,
    )


def train_segment(files: Given, how: How, fit: UserCode | None, output: Path) -> None:
    """The work itself, over paths and values."""
    import keras
    import numpy as np
    import tensorflow as tf

    from edgebuild.compress.train.prepare import prepared
    from edgebuild.compress.train.statistics import settle
    from edgebuild.data.arrays import load_arrays, save_arrays
    from edgebuild.models.convert.traced import load_keras
    from edgebuild.models.tidy.keras_archive import canonical_keras

    # Another one for each segment: the same draws of dropout would come again and again.
    keras.utils.set_random_seed(int(np.random.default_rng([how.seed, how.first]).integers(2**31)))
    tf.config.experimental.enable_op_determinism()
    state = load_arrays(files.state) if files.state else {}
    constraints = [held.opened() for held in how.constraints]
    model = load_keras(files.model)
    reseed(model, how)
    for held, constraint in zip(how.constraints, constraints, strict=True):
        model = constraint.prepare(model, part(state, held.constraint))
    course = Course(constraints=constraints, rates=how.rates, earlier=tuple(part(state, "optimizer").values()))
    fitted, data = prepared(model, files, how, course, hooked=fit is not None)
    started = time.monotonic()
    trained = run_fit(fit, fitted, data, how)
    spent = time.monotonic() - started
    model = model if trained is fitted else trained
    refuse_divergence(model, how)
    if trained is fitted:
        settle(model, data.x, how.batch, int(fitted.optimizer.iterations))
    for constraint in reversed(constraints):
        model = constraint.finish(model)
    output.mkdir(parents=True)
    model.save(output / MODEL)
    canonical_keras(output / MODEL)
    save_arrays(output / STATE, left(fitted.optimizer, how, constraints))
    log = {"epochs": course.epochs, "seconds": round(spent, 3)}
    (output / LOG).write_text(json.dumps(log, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def left(optimizer: Any, how: How, constraints: Sequence[Constraint]) -> dict[str, np.ndarray]:
    """What the next segment goes on from: the optimizer's variables in order, and each constraint's by its name."""
    import keras

    variables = enumerate(optimizer.variables)
    found = {f"optimizer/{index:04d}": keras.ops.convert_to_numpy(item) for index, item in variables}
    for held, constraint in zip(how.constraints, constraints, strict=True):
        found |= {f"{held.constraint}/{name}": value for name, value in constraint.state().items()}
    return found


def part(state: dict[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    """What one part of the loop left, in order."""
    return {key.partition("/")[2]: state[key] for key in sorted(state) if key.startswith(f"{name}/")}


def reseed(model: Any, how: How) -> None:
    """Give layers that draw at random (dropout) draws of this seed and segment, not those they were saved with."""
    import numpy as np

    random = np.random.default_rng([how.seed, how.first, 1])
    for layer in model._flatten_layers():
        for generator in getattr(layer, "_seed_generators", ()):
            generator.state.assign(random.integers(2**31, size=tuple(generator.state.shape)))


def run_fit(fit: UserCode | None, fitted: Any, data: Data, how: How) -> Any:
    """Train; the model that the hook gives back, or the one that our own loop was given.

    Raises:
        UserCodeError: the hook raised, or gave no model of these weights.
    """
    from edgebuild.compress.train import contract

    context = contract.Context(
        epochs=len(how.rates),
        first=how.first,
        total=how.total or how.first + len(how.rates),
        batch=how.batch,
        learning_rate=how.rates[0],
        seed=how.seed,
        rates=how.rates,
    )
    if fit is None:
        with words_of("keras"):
            return contract.fit(fitted, data, context)
    import keras

    from edgebuild.data.usercode import load

    found = load(fit)(fitted, data, context)
    place = f"{fit.file}:{fit.function}"
    if not isinstance(found, keras.Model):
        raise UserCodeError(Problem(place, f"returned {type(found).__name__}, no model.", "Return the trained model."))
    shapes = [[tuple(item.shape) for item in model.weights] for model in (fitted, found)]
    if shapes[0] != shapes[1]:
        what = "returned a model whose weights have other shapes than those of the model it was given."
        raise UserCodeError(Problem(place, what, "Return the model it was given, or a copy of it."))
    if fitted.optimizer is None:
        what = "left the model without an optimizer."
        raise UserCodeError(Problem(place, what, "Compile the model with an optimizer, or not at all."))
    return found


def refuse_divergence(model: Any, how: How) -> None:
    """Raises: Refused: a weight is NaN or infinite."""
    import keras
    import numpy as np

    if all(np.isfinite(keras.ops.convert_to_numpy(item)).all() for item in model.weights):
        return
    epochs = f"epochs {how.first + 1} to {how.first + len(how.rates)}"
    why = f"weights became NaN or infinite in {epochs} at a learning rate of {how.rates[0]:g}."
    raise Refused(by="training", why=why, fix="Lower `learning_rate`.")
