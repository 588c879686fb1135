"""Where a training starts, if not from a draft: fresh weights, a narrower copy, the user's own student."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from edgebuild.compress.train.calls import Around, maker
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

    version: ClassVar[int] = 2

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

    version: ClassVar[int] = 2

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
        config = layer.get_config() if id(layer) in fixed else narrowed(layer, width)
        return type(layer).from_config(unseeded(config))

    try:
        with words_of(BY, "" if width == 1 else OWN):
            made = remade(source, rebuilt, {})
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


def remade(model: Any, rebuilt: Callable[[Any], Any], known: dict[int, Any], given: Sequence[Any] = ()) -> Any:
    """A model of layers made anew; one that is a layer takes what comes to it, which may have fewer channels.

    Args:
        model: a functional Keras model.
        rebuilt: takes a layer, returns the new one.
        known: what is made already, by the `id` of what it stands for.
        given: what comes to the model, in order; nothing to a whole one.
    """
    import keras

    def operation(op: Any) -> Any:
        inner = getattr(op, "_functional", None) or op
        if not isinstance(inner, keras.Model) or not hasattr(inner, "_run_through_graph"):
            known[id(op)] = known.get(id(op)) or rebuilt(op)
            return known[id(op)]

        def call(*values: Any, **_: Any) -> Any:
            known[id(op)] = known.get(id(op)) or remade(inner, rebuilt, known, keras.tree.flatten(values))
            known[id(op)].name = op.name
            return known[id(op)](*values)

        return call

    shapes = iter(given or model.inputs)
    entry = keras.tree.map_structure(
        lambda own: keras.Input(batch_shape=next(shapes).shape, dtype=own.dtype, name=own.name), model._inputs_struct
    )
    outputs = model._run_through_graph(entry, operation_fn=operation)
    # A file saved with a list of one output says a list, which no loss takes for a tensor.
    outputs = keras.tree.flatten(outputs)[0] if len(model.outputs) == 1 else outputs
    return keras.Model(entry, outputs, name=model.name)


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


def unseeded(config: Any) -> Any:
    """A configuration whose initializers draw by the seed of the process: one of their own gives the same weights.

    Layers inside layers forget the shapes that they were built with: fewer channels may come.
    """
    if isinstance(config, list | tuple):
        items = [unseeded(item) for item in config]
        return items if isinstance(config, list) else tuple(items)
    if not isinstance(config, dict):
        return config
    return {
        name: item | {"config": item["config"] | {"seed": None}} if draws(name, item) else unseeded(item)
        for name, item in config.items()
        if name != "build_config"
    }


def draws(name: str, item: Any) -> bool:
    """Whether an entry of a configuration is an initializer with a seed."""
    inner = item.get("config") if name.endswith("initializer") and isinstance(item, dict) else None
    return isinstance(inner, dict) and "seed" in inner


def rounded(channels: int, width: float) -> int:
    """To the nearest multiple of 8, at least 8, never more than there were."""
    return min(channels, max(MULTIPLE, round(channels * width / MULTIPLE) * MULTIPLE))


def outermost(model: Any) -> set[int]:
    """By `id` the layers that decide how many channels an output has."""
    waiting: list[tuple[Any, Around]] = [(tensor, ()) for tensor in model.outputs]
    found, seen = set(), set()
    while waiting:
        tensor, around = waiting.pop()
        place = (id(tensor), *(id(call) for _, call in around))
        if place in seen:
            continue
        seen.add(place)
        layer, given = maker(tensor, around)
        if any(hasattr(layer, name) for name in WIDTHS):
            found.add(id(layer))
            continue
        waiting += given
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
