"""What a training of the user's own is called with: the contract of `train: {fit: train.py:fit}`, on one page.

    def fit(model, data, context):
        model.fit(data.x, data.y, batch_size=context.batch, epochs=context.epochs, verbose=0)
        return model

That is the whole of the loop that runs without a hook; a hook changes what it likes of it. It is called once for each
segment of `train.segment` epochs, in a fresh process with fixed seeds, and goes on from the weights and the optimizer's
state of the segment before.

`model` is a Keras model with the layers of the candidate, compiled: Adam with the learning rate of `train`, the loss
that fits its outputs, and whatever a recipe adds (a teacher's loss, weights that must stay zero). These additions stay
attached whatever the hook does: `model.compile(…)` with another optimizer or loss replaces those two alone (metrics go
with the loss), and an optimizer of the same kind takes up its state of the segment before. A loop of its own must take
its steps by `model.train_on_batch(x, y)` or `model.train_step((x, y))`. Layers may be frozen by `layer.trainable =
False` and `model.compile()` again. The learning rate is set anew at each epoch of `model.fit`, unless the hook compiled
an optimizer of its own.

`data.x` is an array, axis 0 the sample, or a mapping by input name where the model has several inputs. `data.y` is what
the loss takes: the label, or `{"label": …, "teacher": …}` under a teacher; a hook that draws, shuffles or augments
samples keeps the rows of `x` and `y` together. `data.labels`, `data.ids` and `data.tags` are those of the samples.
`data.validation` has the same of `select`, the split that candidates are chosen on, with labels alone in `y`; `report`,
on which verdicts are given, is seen by no training.

`context` says how much: `epochs` to train now, `first` how many were trained before, `total` of the whole training
(under `time` as many as fit, once the first epoch told), `batch`, `learning_rate`, `seed` (already set for Python,
numpy and TensorFlow), `rates` of each epoch.

It returns the trained model: the one it was given, or another Keras model with the same weights' shapes. Of the one it
was given, averages of batch normalization that lag behind a short training are then taken from `data.x`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Data:
    """Samples as a training takes them; see the module."""

    x: Any
    y: Any
    labels: dict[str, Any] = field(default_factory=dict)
    """By key of a mapping label, `label` for any other; axis 0 the sample."""
    ids: tuple[str, ...] = ()
    tags: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    validation: Data | None = None

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Context:
    """How much to train; see the module."""

    epochs: int
    first: int
    total: int
    batch: int
    learning_rate: float
    seed: int
    rates: tuple[float, ...]
    """Of Adam, for each of `epochs`."""


def fit(model: Any, data: Data, context: Context) -> Any:
    """The loop where the user has none."""
    model.fit(data.x, data.y, batch_size=context.batch, epochs=context.epochs, verbose=0)
    return model
