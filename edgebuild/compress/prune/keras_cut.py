"""A Keras model with fewer channels: the same layers, narrower, with what stays of their weights."""

from __future__ import annotations

from collections.abc import Iterator, Set
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from edgebuild.compress.prune.account import BY, NARROWER
from edgebuild.compress.prune.keras_graph import KerasNetwork, functional, is_graph
from edgebuild.compress.prune.same import hold
from edgebuild.errors import Refused

if TYPE_CHECKING:
    import numpy as np


def stored(network: KerasNetwork) -> dict[tuple[str, str], np.ndarray]:
    """Every array that has channels."""
    import numpy as np

    return {
        (site.name, weight.name): np.asarray(getattr(network.layers[site.name], weight.name))
        for site, weight in network.every_weight()
    }


def narrowed(model: Any, network: KerasNetwork, left_out: Set[int]) -> Any:
    """The model without some classes of channels.

    Args:
        model: Functional or Sequential; stays as it is.
        network: of this very model.
        left_out: classes, see `Network.groups`.

    Raises:
        Refused: a layer turned out to store something along its channels that nobody knows of.
    """
    import keras

    pairs: list[tuple[Any, Any]] = []
    models: dict[int, Any] = {}

    def clone(layer: Any) -> Any:
        if is_graph(layer):
            if id(layer) not in models:
                given = entrances(network, layer, left_out)
                models[id(layer)] = keras.models.clone_model(layer, input_tensors=given, clone_function=clone)
            return models[id(layer)]
        # A class of ours reads what older files say of a layer, and is not known where the new file is read.
        kind: Any = next(base for base in type(layer).__mro__ if not base.__module__.startswith("edgebuild."))
        made = kind.from_config(configured(network, layer, left_out))
        pairs.append((layer, made))
        return made

    made = keras.models.clone_model(model, clone_function=clone)
    for old, new in pairs:
        if hasattr(old, "variables"):
            take_over(network, old, new, left_out)
    return made


def entrances(network: KerasNetwork, model: Any, left_out: Set[int]) -> Any:
    """New inputs for a model that is a layer, of the channels that come to it."""
    import keras

    found = []
    for tensor, value in zip(model.inputs, network.reads[id(model)], strict=True):
        shape = list(tensor.shape)
        if value.axis is not None:
            shape[value.axis + 1] = int(network.kept(value.numbers, left_out).sum())
        found.append(keras.Input(batch_shape=shape, dtype=tensor.dtype, name=tensor._keras_history.operation.name))
    return keras.tree.pack_sequence_as(functional(model)._inputs_struct, found)


def configured(network: KerasNetwork, layer: Any, left_out: Set[int]) -> dict[str, Any]:
    """A layer's configuration with the new numbers of channels."""
    config: dict[str, Any] = layer.get_config()
    for edit in network.edits.get(id(layer), ()):
        count = int(network.kept(edit.numbers, left_out).sum())
        if edit.place is None:
            config[edit.key] = count
        else:
            sizes = list(config[edit.key])
            sizes[edit.place] = count
            config[edit.key] = tuple(sizes)
    return config


def take_over(network: KerasNetwork, old: Any, new: Any, left_out: Set[int]) -> None:
    """What stays of a layer's variables."""
    known = [path for path, layer in network.layers.items() if layer is old]
    site = network.sites.get(known[0]) if known else None
    cut = {id(getattr(old, weight.name)): weight for weight in site.weights} if site else {}
    for before, after in zip(old.variables, new.variables, strict=True):
        value = before.numpy()
        weight = cut.get(id(before))
        if weight is not None:
            value = network.sliced(value, weight, left_out)
        if value.shape != tuple(after.shape):
            why = f"layer `{old.name}` stores `{before.name}` along its channels, and how is not known."
            raise Refused(by=BY, why=why, fix=NARROWER)
        after.assign(value)


@contextmanager
def unread(network: KerasNetwork, left_out: Set[int]) -> Iterator[None]:
    """The model itself with zeros where weights read these channels: it answers what the narrower one answers."""
    before: list[tuple[Any, np.ndarray]] = []
    for site, weight in network.every_weight():
        variable = getattr(network.layers[site.name], weight.name)
        value = variable.numpy()
        masked = network.masked(value, weight, left_out)
        if masked is not None:
            before.append((variable, value))
            variable.assign(masked)
    try:
        yield
    finally:
        for variable, value in reversed(before):
            variable.assign(value)


def hold_against(model: Any, made: Any, network: KerasNetwork, left_out: Set[int], given: Any) -> None:
    """Compare what a narrower model answers with what the whole one does without those channels.

    Raises:
        Refused: they differ: a layer does something with its channels that nobody knows of.
    """
    import keras
    import numpy as np

    with unread(network, left_out):
        wanted = keras.tree.flatten(model(given, training=False))
    found = keras.tree.flatten(made(given, training=False))
    for name, want, got in zip(functional(model).output_names, wanted, found, strict=True):
        hold(name, np.asarray(want), np.asarray(got))
