"""The trials of a search as a chart, and the words that the accounts of all searches share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edgebuild.core.dossier import Dossier
from edgebuild.deliver.report.chart import Axis, Chart, Point, Span
from edgebuild.deliver.report.charts import slug
from edgebuild.deliver.report.numbers import device_words, times


@dataclass(frozen=True)
class TrialsChart(Chart):
    """The trials of one search by gain and quality; a point has a name where its trial became a candidate."""

    one: str = "the source's speed"
    """What a gain of 1 is, in words."""

    @property
    def words(self) -> str:
        """What a reader who cannot see it must know."""
        named = sorted((item for item in self.points if item.name), key=lambda item: -item.x.value)
        listed = ", ".join(
            f"{item.name} at {item.x.value:.3g} and {item.y.value:.4g}{' (ships)' if item.ships else ''}"
            for item in named
        )
        told = f"{len(self.points)} trials, of which became candidates: {listed}" if named else "no candidate"
        return f"{self.title}. {self.x.label} against {self.y.label}: {told}."


def chart_of_trials(
    dossier: Dossier, search: str, title: str, how: str, axes: tuple[Axis, Axis], points: Iterable[Point], one: str
) -> TrialsChart:
    """The chart of one search; its name is that of the figure's file.

    Args:
        dossier: of the target.
        search: its name.
        title: what is shown, without the target.
        how: how gain and quality were determined.
        axes: of gain and quality.
        points: see `trial_point`.
        one: what a gain of 1 is, in words.
    """
    return TrialsChart(
        name=f"{slug(dossier.target)}-{slug(search)}-tried",
        title=f"{dossier.target}: {title}".replace("`", ""),
        subtitle=f"{dossier.runtime} on {device_words(dossier.device)} · {how}",
        x=axes[0],
        y=axes[1],
        points=tuple(points),
        limits=(),
        one=one,
    )


def trial_point(dossier: Dossier, gain: float, quality: float, candidate: str) -> Point:
    """One trial; `candidate` is what it became, or ""."""
    ships = bool(candidate) and candidate == dossier.choice
    return Point(candidate, Span.exact(gain), Span.exact(quality), source=False, ships=ships, meets=True)


def timed_with_all(dossier: Dossier, candidate: str) -> str:
    """A sentence on the time that was measured of a candidate; "" where none was."""
    ratio = dossier.candidate(candidate).ratio.get("latency.p50")
    return "" if ratio is None else f"Timed with all candidates it takes {times(ratio[0])} the source's time."


def were(count: int) -> str:
    """The verb for so many."""
    return "was" if count == 1 else "were"


def counted(count: int, noun: str) -> str:
    """`1 layer`, `2 layers`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
