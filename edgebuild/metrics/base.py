"""The base of the metrics: pure functions from records to a number."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from edgebuild.core.records import Documented

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Samples:
    """What a metric sees of one candidate on one split; axis 0 of every array is the sample."""

    outputs: dict[str, np.ndarray]
    """By output name, native type, or what `decode` kept."""
    reference: dict[str, np.ndarray]
    """The untouched source's outputs on the same samples."""
    labels: dict[str, np.ndarray] = field(default_factory=dict)
    """By label key; "" for a single label; empty without labels."""
    ids: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    """Empty without groups; intervals resample groups."""
    tags: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.reference.values()))) if self.reference else len(self.ids)

    def take(self, rows: np.ndarray) -> Samples:
        """These samples, in this order; a row may come more than once."""
        return Samples(
            outputs={name: array[rows] for name, array in self.outputs.items()},
            reference={name: array[rows] for name, array in self.reference.items()},
            labels={name: array[rows] for name, array in self.labels.items()},
            ids=tuple(self.ids[row] for row in rows) if self.ids else (),
            groups=tuple(self.groups[row] for row in rows) if self.groups else (),
            tags={name: array[rows] for name, array in self.tags.items()},
        )

    def of_reference(self) -> Samples:
        """The reference in the candidate's place."""
        return replace(self, outputs=self.reference)


class Metric(Documented):
    """One entry of `metrics:`."""

    metric: str
    """Name of the metric, a row of its table."""
    output: str | None = None
    """Output it judges; the only one where left out."""
    label: str | None = None
    """Key of a mapping label."""
    where: dict[str, str | int | float | bool] = {}
    """Only samples whose tags have these values."""
    step: Literal["last", "mean", "max"] | None = None
    """Of samples that are sequences: judge the last step, or the mean or greatest of each value; all where left out."""

    unit: ClassVar[str]
    """`%`, `dB`, `1`; a class where it is fixed."""
    better: ClassVar[Literal["lower", "higher"]]
    tools: ClassVar[tuple[str, ...]] = ("numpy",)
    """Distributions it computes with; their versions decide its value."""
    needs_labels: ClassVar[bool] = True
    binary: ClassVar[bool] = False
    """The value is 100 × the mean of per-sample 0/1, so exact intervals apply."""

    def value(self, samples: Samples) -> float:
        """The number, in `unit`.

        Raises:
            DataError: outputs or labels are not what the metric is for, by name and with the fix.
        """
        raise NotImplementedError

    def per_sample(self, samples: Samples) -> np.ndarray | None:  # noqa: ARG002 - for those that override it
        """One number for each sample whose mean is the value (0/1 where `binary`), or None where there is none."""
        return None

    def chance(self, samples: Samples) -> float | None:  # noqa: ARG002
        """The value a model that knows nothing would reach, or None where that has no meaning."""
        return None

    def by_output(self, samples: Samples) -> dict[str, float]:  # noqa: ARG002
        """The number of each output, where it judges several; its value is the worst of them."""
        return {}

    def differs(self, samples: Samples) -> np.ndarray | None:  # noqa: ARG002
        """Whether the candidate decides otherwise than the reference, for each sample; None where it decides nothing.

        Where no sample differs a bootstrap sees no spread at all, and a bound of the rate of differences stands in.
        """
        return None

    def draws_wanted(self) -> int:
        """Bootstrap draws for its intervals; 0 where it has none."""
        return 2000

    def resampled(self, samples: Samples, weights: np.ndarray) -> np.ndarray | None:
        """The value of each of many draws from the samples, for bootstrap intervals.

        Args:
            samples: n of them.
            weights: float32 `(draws, n)`, how often each draw holds each sample.

        Returns:
            float64 `(draws,)`, NaN where a draw has no value, or None where no quick way is known.
        """
        rows = self.per_sample(samples)
        return None if rows is None else (weights @ rows) / weights.sum(axis=1)
