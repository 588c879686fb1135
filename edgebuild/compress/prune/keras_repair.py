"""Weights of a narrower Keras model that make up for channels that are gone."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from edgebuild.compress.prune.channels import Site, Weight
from edgebuild.compress.prune.fit import ROWS, WIDEST, Fitted, least_squares
from edgebuild.compress.prune.keras_graph import KerasNetwork, functional
from edgebuild.compress.prune.keras_met import known_as
from edgebuild.compress.prune.sensitivity import Progress

if TYPE_CHECKING:
    import numpy as np

FITTED = ("Dense", "Conv1D", "Conv2D")
CHUNK = 8
"""Samples whose windows are laid out at once."""


@dataclass(frozen=True)
class Pair:
    """A layer of the whole model, and what it has become."""

    site: Site
    kernel: Weight
    whole: Any
    narrow: Any


def repair(
    model: Any,
    narrow: Any,
    network: KerasNetwork,
    left_out: Set[int],
    given: list[dict[str, np.ndarray]],
    progress: Progress | None = None,
) -> None:
    """Fit the weights of `narrow`, in place: one layer after the other, from what the layers before it now give.

    Args:
        model: the whole one.
        narrow: without the channels.
        network: of the whole one.
        left_out: classes of the channels.
        given: calibration samples by input, several at once.
        progress: told of each layer.
    """
    pairs = [pair for site in network.sites.values() if (pair := paired(narrow, network, site, left_out))]
    for number, pair in enumerate(pairs):
        if progress:
            progress(number, len(pairs), pair.site.name)
        refit(model, narrow, network, pair, left_out, given)


def paired(narrow: Any, network: KerasNetwork, site: Site, left_out: Set[int]) -> Pair | None:
    """A layer that reads channels which are gone, is called once, and not within another model."""
    whole = network.layers[site.name]
    kernel = next((item for item in site.weights if item.name == "kernel"), None)
    if kernel is None or "/" in site.name or known_as(whole) not in FITTED:
        return None
    found = narrow.get_layer(site.name)
    read = next((numbers for role, numbers in kernel.axes.values() if role == "in"), None)
    if read is None or network.kept(read, left_out).all() or getattr(whole, "padding", "") == "causal":
        return None
    once = len(whole._inbound_nodes) == 1 and len(found._inbound_nodes) == 1
    return Pair(site, kernel, whole, found) if once else None


def refit(
    model: Any, narrow: Any, network: KerasNetwork, pair: Pair, left_out: Set[int], given: list[dict[str, np.ndarray]]
) -> None:
    """Fit one layer."""
    import numpy as np

    kernel = pair.narrow.kernel.numpy()
    before = kernel.reshape(-1, kernel.shape[-1]).astype(np.float64)
    if len(before) > WIDEST:
        return
    read, owners = rows(narrow, pair.narrow, given)
    full, _ = rows(model, pair.whole, given)
    made = network.kept(next(n for role, n in pair.kernel.axes.values() if role == "out"), left_out)
    gives = full @ pair.whole.kernel.numpy().reshape(full.shape[1], -1)[:, made]
    shift = np.zeros(before.shape[1])
    if pair.whole.use_bias:
        gives, shift = gives + pair.whole.bias.numpy()[made], pair.narrow.bias.numpy().astype(np.float64)
    norm = behind(narrow, pair)
    fitted = least_squares(read, gives, owners, Fitted(before, shift), pair.whole.use_bias or norm is not None)
    if fitted is None:
        return
    pair.narrow.kernel.assign(fitted.weights.reshape(kernel.shape))
    if pair.whole.use_bias:
        pair.narrow.bias.assign(fitted.bias)
    elif norm is not None:
        # A shift of what is normalised is one of the mean that is taken from it.
        norm.moving_mean.assign(norm.moving_mean.numpy() - fitted.bias)


def behind(narrow: Any, pair: Pair) -> Any | None:
    """The normalisation right behind a layer, where nobody else reads the layer."""
    fold = pair.site.fold
    if fold is None or "/" in fold.site or len(narrow.get_layer(fold.site)._inbound_nodes) != 1:
        return None
    if len(pair.narrow._outbound_nodes) != 1 or any(item is pair.narrow.output for item in narrow.outputs):
        return None
    return narrow.get_layer(fold.site)


def rows(model: Any, layer: Any, given: list[dict[str, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """What a layer reads at some of its places, and the sample of each row; the same places for the same samples."""
    import keras
    import numpy as np

    graph = functional(model)
    before = keras.Model(graph.inputs, layer.input)
    random, count = np.random.default_rng(0), sum(len(next(iter(batch.values()))) for batch in given)
    found, owners, number = list[np.ndarray](), list[int](), 0
    for batch in given:
        nested = [keras.ops.convert_to_tensor(value) for value in batch.values()]
        values = before(nested if len(nested) > 1 else nested[0], training=False)
        for start in range(0, len(values), CHUNK):
            laid = laid_out(layer, values[start : start + CHUNK])
            for one in laid:
                most = ceil(ROWS / count)
                chosen = np.arange(len(one)) if len(one) <= most else random.choice(len(one), most, replace=False)
                found.append(one[chosen])
                owners += [number] * len(chosen)
                number += 1
    return np.concatenate(found), np.array(owners)


def laid_out(layer: Any, values: Any) -> np.ndarray:
    """(samples, places, read · window): what a layer multiplies its kernel with."""
    import keras
    import numpy as np

    if known_as(layer) == "Dense":
        return np.asarray(values).reshape(len(values), -1, values.shape[-1])
    line = known_as(layer) == "Conv1D"
    size, strides = (1, *layer.kernel_size)[-2:], (1, *layer.strides)[-2:]
    patches = keras.ops.image.extract_patches(
        values[:, None] if line else values,
        size=size,
        strides=strides,
        dilation_rate=(1, *layer.dilation_rate)[-2:],
        padding=layer.padding,
        data_format="channels_last",
    )
    return np.asarray(patches).reshape(len(values), -1, patches.shape[-1])
