"""`train:` of a spec, and what a stage of a candidate may say otherwise."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, FiniteFloat, WithJsonSchema

from edgebuild.core.records import Documented
from edgebuild.documents.quantities import seconds

Loss = Literal["auto", "crossentropy", "mse", "mae"]
Schedule = Literal["cooldown", "cosine", "constant"]
Keep = Literal["median", "best", "first"]


def _each_once(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(seeds)) < len(seeds):
        raise ValueError("must name each seed once: the same one trains the same model again")
    return seeds


Duration = Annotated[float, BeforeValidator(seconds), WithJsonSchema({"type": "string", "examples": ["30 min", "2 h"]})]
"""In seconds; written with its unit."""
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Seeds = Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(_each_once)]
Reference = str
"""`file.py:function`, relative to the spec."""


class Training(Documented):
    """How models are trained; a `train` or `distill` stage may say otherwise for its candidate."""

    fit: Reference | None = None
    """`train.py:fit`, your own training (see `edgebuild/compress/train/contract.py`); Keras' own loop without it."""
    epochs: int = Field(default=20, ge=1, le=100_000)
    """Passes over the `train` split."""
    time: Duration | None = None
    """At most so long for each candidate, over all seeds: `30 min`; fewer epochs are made where they do not fit."""
    seeds: Seeds = (0,)
    """Each trains a model of its own; `keep` says which one goes on."""
    keep: Keep = "median"
    """Which seed's model goes on, by the first metric on `select`.

    `median` is what the recipe gives; `best` looks better on `select` than it is.
    """
    batch: int = Field(default=32, ge=1, le=1_000_000)
    """Samples of one step."""
    learning_rate: FiniteFloat | None = Field(default=None, gt=0)
    """Of Adam; 0.001 for fresh weights and 0.0003 for trained ones where left out."""
    schedule: Schedule = "cooldown"
    """`cooldown` keeps the rate and lowers it by a cosine over the last third; `cosine` lowers it from the start.

    With `cooldown` and `constant` more epochs run only what is new.
    """
    segment: int = Field(default=5, ge=1, le=100_000)
    """Epochs between two points from which a killed training goes on."""
    loss: Loss = "auto"
    """`auto` asks the model's last activation and the labels."""
    labelled: dict[str, str | int | float | bool] = {}
    """Only the labels of samples with these tags are learned from; of others a teacher alone."""


class Overrides(Documented):
    """What a stage may say otherwise; left out, the spec's `train:` holds."""

    fit: Reference | None = None
    """`train.py:fit`, instead of the spec's."""
    epochs: int | None = Field(default=None, ge=1, le=100_000)
    """Passes over the `train` split."""
    time: Duration | None = None
    """At most so long over all seeds: `30 min`."""
    seeds: Seeds | None = None
    """Each trains a model of its own."""
    keep: Keep | None = None
    """Which seed's model goes on, by the first metric on `select`."""
    batch: int | None = Field(default=None, ge=1, le=1_000_000)
    """Samples of one step."""
    learning_rate: FiniteFloat | None = Field(default=None, gt=0)
    """Of Adam."""
    schedule: Schedule | None = None
    """How the learning rate falls."""
    segment: int | None = Field(default=None, ge=1, le=100_000)
    """Epochs between two points from which a killed training goes on."""
    loss: Loss | None = None
    """`auto` asks the model's last activation and the labels."""
    labelled: dict[str, str | int | float | bool] | None = None
    """Only the labels of samples with these tags are learned from."""

    def over(self, training: Training) -> Training:
        """The spec's settings with what is said here."""
        own = {name: getattr(self, name) for name in Training.model_fields}
        return training.model_copy(update={name: value for name, value in own.items() if value is not None})
