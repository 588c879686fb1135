"""A split as arrays that a Keras model is trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgebuild.compress.train.contract import Data
from edgebuild.data.samples import LABEL, SampleSet
from edgebuild.errors import Refused

if TYPE_CHECKING:
    import numpy as np


def inputs_of(model: Any, samples: SampleSet) -> Any:
    """One array, or a mapping by input name.

    Raises:
        Refused: an input has no samples.
    """
    from edgebuild.models.convert.traced import keras_names

    names = keras_names(model)[0]
    missing = [name for name in names if name not in samples.inputs]
    if missing:
        why = f"the samples have no {', '.join(missing)}; they have {', '.join(samples.inputs)}."
        raise Refused(by="training", why=why, fix="Name the samples' inputs like the model's.")
    if len(names) == 1:
        return samples.inputs[names[0]]
    return {item.name: samples.inputs[name] for item, name in zip(model.inputs, names, strict=True)}


def labels_of(samples: SampleSet) -> np.ndarray | None:
    """Of samples whose label is no mapping; None of others, and where lengths differ."""
    found = samples.labels.get(LABEL)
    return None if found is None or found.dtype == object else found


def data_of(model: Any, samples: SampleSet, validation: SampleSet | None = None) -> Data:
    """A split with its labels."""
    plain = labels_of(samples)
    return Data(
        x=inputs_of(model, samples),
        y=plain if plain is not None else dict(samples.labels),
        labels=dict(samples.labels),
        ids=samples.ids,
        tags=dict(samples.tags),
        validation=data_of(model, validation) if validation is not None else None,
    )


def tagged(samples: SampleSet, wanted: dict[str, Any]) -> np.ndarray:
    """Which samples have these tags: bool, (samples,)."""
    import numpy as np

    rows = np.ones(len(samples), bool)
    for name, value in wanted.items():
        rows &= np.array([item == value for item in samples.tags.get(name, (None,) * len(samples))], bool)
    return rows
