"""Where a training starts, if not from a draft: fresh weights, a narrower copy, the user's own student."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact, UserCode
from edgebuild.errors import Problem, Refused, UserCodeError, words_of

WIDTHS = ("filters", "units")
"""Arguments of layers that say how many channels they make."""
MULTIPLE = 8
"""Channels come in multiples of this: kernels of processors take them in vectors (43 % fewer MACs gave 1.04 × the
speed at 12, 24 and 48 channels, 74 % fewer at multiples of 8 gave 1.81 ×, measured on ResNet8)."""
BY = "student"
OWN = "Write a student of your own: `student: student.py:build`."


class Start(Step):
    """What starts have in common: a Keras file with fresh weights, by a seed."""

    tools: ClassVar[tuple[str, ...]] = ("tensorflow", "keras", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("tensorflow",)
    filename: ClassVar[str] = "start.keras"
    portable: ClassVar[bool] = False

    seed: int


class FreshWeights(Start):
    """The same network with weights drawn anew, by each layer's own initializer."""

    version: ClassVar[int] = 1

    model: Artifact

    def run(self, work: Workspace) -> None:
        """Raises: Refused: Keras cannot rebuild the model."""
        fresh_weights(work.path(self.model), work.output, self.seed, 1.0)


class NarrowModel(Start):
    """A network of the same architecture with fewer channels, and fresh weights.

    Given:   x → Conv(32) → Dense(64) → Dense(10) → y
    Result:  x → Conv(16) → Dense(32) → Dense(10) → y    at width 0.5

    Every `filters` and `units` is multiplied and rounded to a multiple of 8, at least 8; layers whose channels reach an
    output keep theirs.
    """

    version: ClassVar[int] = 1

    model: Artifact
    width: float

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the channels of two layers do not fit any more, in Keras' words."""
        fresh_weights(work.path(self.model), work.output, self.seed, self.width)


class BuildStudent(Start):
    """The Keras model that a function of the user's makes: `def build(): return keras.Model(…)`.

    It may take `seed`; Python, numpy and Keras are seeded with it before.
    """

    version: ClassVar[int] = 1

    code: UserCode

    def run(self, work: Workspace) -> None:
        """Raises: UserCodeError: it raised, or made no Keras model with inputs and outputs."""
        build_student(self.code, work.output, self.seed)


def fresh_weights(model: Path, output: Path, seed: int, width: float) -> None:
    """The work itself, over paths and values."""
    import keras

    from edgebuild.models.convert.traced import load_keras

    source = load_keras(model)
    keras.utils.set_random_seed(seed)
    fixed = outermost(source)

    def rebuilt(layer: Any) -> Any:
        return type(layer).from_config(layer.get_config() if layer.name in fixed else narrowed(layer, width))

    try:
        with words_of(BY, "" if width == 1 else OWN):
            made = keras.models.clone_model(source, clone_function=rebuilt, recursive=True)
    except Refused as refused:
        # Keras prints in colours, and puts what it called below its one sentence.
        why = re.sub(r"\x1b\[[0-9;]*m", "", refused.why).partition("\n\nArguments received")[0]
        raise Refused(by=BY, why=why, fix=refused.fix) from refused
    if [tuple(item.shape) for item in made.outputs] != [tuple(item.shape) for item in source.outputs]:
        raise Refused(by=BY, why="an output would have other channels.", fix=OWN)
    if width != 1 and made.count_params() == source.count_params():
        why = f"no layer's channels can be multiplied by {width:g}: all are those of an output, or {MULTIPLE} and less."
        raise Refused(by=BY, why=why, fix=OWN, kind="not applicable")
    save_canonical(made, output)


def narrowed(layer: Any, width: float) -> dict[str, Any]:
    """A layer's configuration with its channels multiplied."""
    config: dict[str, Any] = layer.get_config()
    for name in WIDTHS:
        if isinstance(config.get(name), int) and width != 1:
            config[name] = rounded(config[name], width)
    target = config.get("target_shape")
    if width != 1 and target and set(target[:-1]) <= {1}:
        # (1, 1, channels) after a pooling: as many as come.
        config["target_shape"] = (*target[:-1], -1)
    return config


def rounded(channels: int, width: float) -> int:
    """To the nearest multiple of 8, at least 8, never more than there were."""
    return min(channels, max(MULTIPLE, round(channels * width / MULTIPLE) * MULTIPLE))


def outermost(model: Any) -> set[str]:
    """Names of the layers that decide how many channels an output has."""
    waiting = [tensor._keras_history.operation for tensor in model.outputs]
    found, seen = set(), set()
    while waiting:
        layer = waiting.pop()
        if layer.name in seen:
            continue
        seen.add(layer.name)
        if any(hasattr(layer, name) for name in WIDTHS):
            found.add(layer.name)
            continue
        waiting += [tensor._keras_history.operation for node in layer._inbound_nodes for tensor in node.input_tensors]
    return found


def build_student(code: UserCode, output: Path, seed: int) -> None:
    """The work itself, over paths and values."""
    import inspect

    import keras

    from edgebuild.data.usercode import load

    # Layers without names are numbered within a process.
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    build = load(code)
    made = build(seed=seed) if "seed" in inspect.signature(build).parameters else build()
    if not isinstance(made, keras.Model) or not getattr(made, "inputs", None):
        what = f"returned {type(made).__name__}, no Keras model with inputs and outputs."
        raise UserCodeError(Problem(f"{code.file}:{code.function}", what, "Return `keras.Model(inputs, outputs)`."))
    save_canonical(made, output)


def save_canonical(model: Any, output: Path) -> None:
    """The same bytes for equal models."""
    from edgebuild.models.tidy.keras_archive import canonical_keras

    with words_of("keras"):
        model.save(output)
    canonical_keras(output)
