"""How much worse a candidate is than the source on the same samples, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from edgebuild.core.evidence import Interval
from edgebuild.errors import DataError
from edgebuild.metrics import bootstrap, intervals
from edgebuild.metrics.base import Metric, Samples
from edgebuild.metrics.bootstrap import Draws

if TYPE_CHECKING:
    import numpy as np

MOST_CLASSES = 1000
"""Beyond it a label is rather a number than a class."""


@dataclass
class Judged:
    """One metric of one candidate, with what its intervals need."""

    metric: Metric
    samples: Samples
    value: float
    draws: Draws
    before: dict[str, np.ndarray | None]
    """The source's values in these draws, by metric; filled here, kept for the next candidate."""
    names: tuple[str, ...] = ()
    """Class names, for people."""

    @cached_property
    def hits(self) -> np.ndarray | None:
        """Whether each sample counts, where the value is a share of independent samples."""
        return self._hits(self.samples)

    def _hits(self, samples: Samples) -> np.ndarray | None:
        import numpy as np

        rows = self.metric.per_sample(samples) if self.metric.binary else None
        if rows is None or not np.isin(rows, (0, 100)).all():
            return None
        return rows > 0

    @cached_property
    def drawn(self) -> np.ndarray | None:
        """The candidate's value in each draw."""
        return bootstrap.values(self.metric, self.samples, self.draws)

    def interval(self) -> Interval | None:
        """Of the value: a score interval for a share of independent samples, else by bootstrap."""
        if self.hits is not None and not self.samples.groups and len(self.metric.by_output(self.samples)) <= 1:
            return intervals.proportion(int(self.hits.sum()), len(self.hits))
        return bootstrap.interval(self.drawn, self.draws)

    def drop(self) -> dict[str, Any]:
        """The worsening against the source, its two-sided interval and its one-sided upper bound."""
        source = self.samples.of_reference()
        worse = self._worse(self.metric.value(source), self.value)
        unit = "pp" if self.metric.unit == "%" else self.metric.unit
        two, one = self._bounds(source)
        return {"value": worse, "unit": unit, "interval": _dump(two), "upper": _dump(one)}

    def _worse(self, source: Any, candidate: Any) -> Any:
        return source - candidate if self.metric.better == "higher" else candidate - source

    def _bounds(self, source: Samples) -> tuple[Interval | None, Interval | None]:
        ours, theirs = self.hits, self._hits(source)
        changed = self.metric.differs(self.samples)
        if ours is not None and theirs is not None:
            if not self.samples.groups:
                lost, gained = int((theirs & ~ours).sum()), int((ours & ~theirs).sum())
                return intervals.paired_drop(lost, gained, len(ours)), intervals.paired_upper(lost, gained, len(ours))
            changed = ours != theirs
        if changed is not None and not changed.any():
            units, what = self.draws.units, self.draws.words
            return intervals.unchanged(units, 0.95, 0.025, what), intervals.unchanged(units, 0.95, 0.05, what)
        name = self.metric.model_dump_json()
        if name not in self.before:
            self.before[name] = bootstrap.values(self.metric, source, self.draws)
        before = self.before[name]
        if before is None or self.drawn is None:
            return None, None
        worse = self._worse(before, self.drawn)
        return bootstrap.interval(worse, self.draws, "paired bootstrap"), bootstrap.upper(worse, self.draws)

    def worst_class(self) -> dict[str, Any] | None:
        """The class that loses most, where labels are classes and the metric a share. Its bound holds for all."""
        import numpy as np

        from edgebuild.metrics.pick import classes

        ours, theirs = self.hits, self._hits(self.samples.of_reference())
        if ours is None or theirs is None:
            return None
        try:
            labels = classes(self.metric, self.samples)
        except DataError:
            return None
        known = np.unique(labels)
        if not 2 <= len(known) <= MOST_CLASSES:
            return None
        tables = []
        for number in known:
            rows = labels == number
            tables.append((int((theirs & ~ours & rows).sum()), int((ours & ~theirs & rows).sum()), int(rows.sum())))
        losses = [100 * (lost - gained) / total for lost, gained, total in tables]
        worst = int(np.argmax(losses))
        number, (lost, gained, total) = int(known[worst]), tables[worst]
        name = f" (`{self.names[number]}`)" if 0 <= number < len(self.names) else ""
        # Samples of one group are not independent, and a class has too few groups to draw from.
        independent = not self.samples.groups
        return {
            "value": losses[worst],
            "unit": "pp",
            "interval": _dump(intervals.paired_drop(lost, gained, total) if independent else None),
            "upper": _dump(_upper_of_all(tables) if independent else None),
            "class": number,
            "samples": total,
            "why": f"Class {number}{name}, {total} samples.",
        }


def _upper_of_all(tables: list[tuple[int, int, int]]) -> Interval:
    """The largest of the classes' bounds, each at a level at which all hold together."""
    level = 1 - 0.05 / len(tables)
    highs = [intervals.paired_upper(*table, level=level).high or 0.0 for table in tables]
    method = f"{intervals.TANGO}; {len(tables)} classes at once (Bonferroni)"
    return Interval(low=None, high=max(highs), level=0.95, method=method)


def _dump(record: Interval | None) -> Any:
    return None if record is None else record.model_dump()
