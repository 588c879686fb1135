"""What a search over architectures tried → a figure as data, sentences for its finalists, a row for each network."""

from __future__ import annotations

from typing import Any

from edgebuild.core.dossier import Dossier
from edgebuild.core.searches import NetworkSearch, NetworkTrial
from edgebuild.deliver.report.chart import Axis
from edgebuild.deliver.report.numbers import NOTHING, cell, line, number, times
from edgebuild.deliver.report.trials_chart import (
    TrialsChart,
    chart_of_trials,
    counted,
    timed_with_all,
    trial_point,
    were,
)


def networks_chart(dossier: Dossier, search: NetworkSearch) -> TrialsChart:
    """Every network that was trained to its last epoch: what it gains against its score."""
    timed = search.ranked_by == "time"
    how = "times of the search" if timed else f"{search.ranked_by} counted, no time"
    unit = f" ({search.unit})" if search.unit else ""
    points = (trial_point(dossier, item.gain, item.score, item.candidate) for item in search.trials if not item.stopped)
    gain = "speed over the source (×)" if timed else f"{search.ranked_by} of the source over its own (×)"
    return chart_of_trials(
        dossier,
        search.name,
        title=f"networks that {search.name} tried",
        how=f"{how} · {search.metric} on held-out samples",
        axes=(Axis("gain", gain, True), Axis(search.metric, f"{search.metric}{unit}", search.better == "higher")),
        points=points,
        one="the source's speed" if timed else f"the source's {search.ranked_by}",
    )


def networks(dossier: Dossier, search: NetworkSearch, chart: TrialsChart) -> dict[str, Any]:
    """What the report says of one search."""
    return {
        "words": line(summary(search)),
        "figure": {"file": f"{chart.name}.svg", "words": chart.words} if chart.points else None,
        "finalists": [line(finalist(dossier, search, item)) for item in search.trials if item.candidate],
        "metric": search.metric,
        "ranked_by": "speed" if search.ranked_by == "time" else f"{search.ranked_by} saved",
        "networks": [
            {
                "number": str(number_),
                "words": cell(item.words),
                "gain": times(item.gain),
                "score": number(item.score, search.unit),
                "epochs": f"{item.epochs}, left" if item.stopped else str(item.epochs),
                "candidate": f"`{item.candidate}`" if item.candidate else NOTHING,
            }
            for number_, item in enumerate(search.trials, start=1)
        ],
    }


def summary(search: NetworkSearch) -> str:
    """How much was tried, ranked by what, and what to hold against the numbers."""
    tried, last = len(search.trials), search.rungs[-1]
    space = f"`{search.space}`"
    parts = [f"`{search.name}` tried {tried} of the {counted(search.networks, 'network')} of {space}"]
    if search.ranked_by == "time":
        parts[0] += ", each timed beside the source on the target before it was trained."
        parts.append("The finalists were timed again beside each other, and like every candidate once more above.")
    else:
        parts[0] += f", ranked by {search.ranked_by}: the target was not at hand."
    stopped = sum(item.stopped for item in search.trials)
    if stopped:
        early = " or ".join(str(rung) for rung in search.rungs[:-1])
        parts.append(
            f"{stopped} {were(stopped)} left after {early} of {counted(last, 'epoch')}: others were both faster and "
            f"better in {search.metric} by then."
        )
    if search.cut:
        parts.append("Its time ended before its trials.")
    if search.contended:
        parts.append(f"Others took the processor while {search.contended} of them {were(search.contended)} timed.")
    if search.refused:
        parts.append(f"{search.refused} could not be made, trained or run: {search.refused_words.rstrip('.')}.")
    parts.append(f"Scores are of samples held out of `train`, after {counted(last, 'epoch')} of the search alone.")
    return " ".join(parts)


def finalist(dossier: Dossier, search: NetworkSearch, item: NetworkTrial) -> str:
    """What a network gains and how well it does."""
    score = f"{search.metric} {number(item.score, search.unit)}"
    if search.ranked_by == "time":
        pace = f"{times(item.gain)} the source's speed"
    else:
        pace = f"{times(1 / item.gain)} the source's {search.ranked_by}"
        if search.spread:
            low, high = 1 / item.gain / search.spread, search.spread / item.gain
            pace += f", which is {low:.2f} to {times(high)} its time (estimated: {ORIGIN})"
    parts = [f"**`{item.candidate}`**: {item.words}. {pace} and {score} in the search."]
    return " ".join(filter(None, [*parts, timed_with_all(dossier, item.candidate)]))


ORIGIN = "so far two networks differ in their time for a multiplication, in 90 % of pairs on the boards of MLPerf Tiny"
"""Of the estimate's interval; the factor itself comes with the search."""
