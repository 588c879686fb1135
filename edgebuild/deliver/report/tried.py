"""What a search tried → a figure as data, sentences for its finalists, a row for each layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgebuild.core.dossier import Dossier
from edgebuild.core.searches import Finalist, Search
from edgebuild.deliver.report.chart import Axis
from edgebuild.deliver.report.numbers import NOTHING, cell, code, line, number, times
from edgebuild.deliver.report.trials_chart import (
    TrialsChart,
    chart_of_trials,
    counted,
    timed_with_all,
    trial_point,
    were,
)

DRAWN_FROM_DB = 0.0
"""Trials below it are counted, not drawn: there is more error than signal."""
NAMED, LONG = 3, 40
"""Layers that a sentence names at most, and letters of a name that it has room for."""
SAME = 0.005
"""Relative difference below which two speeds are called equal: half of the last digit printed."""


def mixtures_chart(dossier: Dossier, search: Search) -> TrialsChart:
    """Every mixture that answers with more signal than error: what it gains against its SQNR."""
    finalists = {(item.gain, item.sqnr): item.candidate for item in search.finalists}
    points = [
        trial_point(dossier, item.gain, item.sqnr, finalists.pop((item.gain, item.sqnr), ""))
        for item in search.trials
        if item.sqnr >= DRAWN_FROM_DB
    ]
    timed = search.ranked_by == "time"
    how = "times of the search" if timed else "bits estimated from the layers, no time"
    return chart_of_trials(
        dossier,
        search.name,
        title=f"what {search.name} tried",
        how=f"{how} · SQNR on samples of select",
        axes=(
            Axis("gain", f"speed over {search.start} (×)" if timed else "32 over effective bits, estimated (×)", True),
            Axis("sqnr", f"SQNR against {search.start} (dB)", True),
        ),
        points=points,
        one=speed(search) if timed else "32 bits",
    )


def tried(dossier: Dossier, search: Search, chart: TrialsChart) -> dict[str, Any]:
    """What the report says of one search."""
    return {
        "words": line(summary(search, chart)),
        "figure": {"file": f"{chart.name}.svg", "words": chart.words} if chart.points else None,
        "finalists": [line(sentence(dossier, search, item)) for item in search.finalists],
        "scheme": search.scheme,
        "networks": [],
        "layers": layers(search),
        "counted": search.counted,
    }


def summary(search: Search, chart: TrialsChart) -> str:
    """How much was tried, ranked by what, and what to hold against the numbers."""
    count = len(search.trials) + search.untold
    many = counted(len(search.layers), "layer")
    parts = [f"`{search.name}` searched which of {many} to {verb(search)} in fewer bits:"]
    if search.ranked_by == "time":
        parts.append(f"{counted(count, 'mixture')}, each timed beside {search.start} on the target.")
        again = "were timed again beside each other, and" if search.retimed else "were timed,"
        if search.finalists:
            parts.append(f"The finalists {again} like every candidate once more for the tables above.")
    else:
        one = "a stored weight" if search.counted == "weights" else "an operand of a multiplication"
        parts.append(
            f"{counted(count, 'mixture')}, ranked by the mean bits of {one}. That is an estimate, and no time: the "
            "target was not at hand."
        )
    wholes = [f"in {item.scheme}: {pace(search, item)}, {number(item.sqnr, 'dB')}" for item in search.whole]
    if wholes:
        parts.append(f"All layers {'; '.join(wholes)}.")
    if search.cut:
        parts.append("It ended by its limit of time or trials, before all that it wanted was tried.")
    if search.contended:
        some = "they were" if search.contended == count else f"{search.contended} of them {were(search.contended)}"
        parts.append(f"Others took the processor while {some} timed.")
    if search.refused:
        parts.append(f"{search.refused} could not be made or run: {search.refused_words.rstrip('.')}.")
    below = len(search.trials) - len(chart.points)
    if below:
        parts.append(
            f"{below} {'is' if below == 1 else 'are'} not drawn: below {DRAWN_FROM_DB:g} dB there is more error than "
            "signal."
        )
    if search.untold:
        parts.append(f"{search.untold} that nothing came of {were(search.untold)} left out.")
    return " ".join(parts)


def sentence(dossier: Dossier, search: Search, item: Finalist) -> str:
    """Which layers a finalist leaves in floating point, and what that costs or gains."""
    left = [index for index in range(len(search.layers)) if index not in item.lowered]
    part = sum(search.layers[index].part for index in left)
    share = f", {percentage(part)} of the {search.counted}; the rest is in {item.scheme}" if left else ""
    stay = f"{staying(search, left)} in {item.others}" if left else f"all layers are in {item.scheme}"
    parts = [f"**`{item.candidate}`**: {stay}{share}."]
    parts.append(f"{pace(search, item)} and {number(item.sqnr, 'dB')} in the search{beside(search, item, left)}.")
    return " ".join(filter(None, [*parts, timed_with_all(dossier, item.candidate)]))


def verb(search: Search) -> str:
    """What a search decides of a layer."""
    return "store" if search.counted == "weights" else "compute"


def staying(search: Search, left: Sequence[int]) -> str:
    """`layers 1, 2 and 10 of 10 (conv1, conv2, fc) stay`, as ranges where there are many."""
    names = [search.layers[index].name for index in left]
    few = len(left) <= NAMED and all(0 < len(name) <= LONG for name in names)
    named = f" ({', '.join(map(code, names))})" if few else ""
    one = len(left) == 1
    told = f"{'layer' if one else 'layers'} {ranges(left)} of {len(search.layers)}{named}"
    return f"{told} {'stays' if one else 'stay'}"


def ranges(indices: Sequence[int]) -> str:
    """`1, 4 to 7 and 10` of positions from 0."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][-1] + 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    found: list[str] = []
    for run in runs:
        found += [f"{run[0] + 1} to {run[-1] + 1}"] if len(run) > 2 else [str(index + 1) for index in run]
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"


def pace(search: Search, item: Finalist) -> str:
    """What it gains, in the search's own measure."""
    if search.ranked_by == "time":
        return f"{times(item.gain)} {speed(search)}"
    return f"{32 / item.gain:.1f} effective bits (estimated)"


def speed(search: Search) -> str:
    """Of what the trials were held against."""
    return "the source's speed" if search.start == "the source" else f"the speed of {search.start}"


def beside(search: Search, item: Finalist, left: Sequence[int]) -> str:
    """How it compares with all layers in the same scheme, in the same search."""
    whole = next((one for one in search.whole if one.scheme == item.scheme), None)
    if whole is None or not left:
        return ""
    if search.ranked_by == "time":
        change = item.gain / whole.gain - 1
        first = "as fast" if abs(change) < SAME else f"{percentage(abs(change))} {'faster' if change > 0 else 'slower'}"
    else:
        bits = 32 / item.gain - 32 / whole.gain
        first = "as many bits" if abs(bits) < 0.05 else f"{abs(bits):.1f} bits {'more' if bits > 0 else 'fewer'}"
    nearer = item.sqnr - whole.sqnr
    second = f"{number(abs(nearer), 'dB')} {'nearer' if nearer >= 0 else 'farther from'} {search.start}"
    unlike = [f"{whole.ranges} ranges"] if whole.ranges != item.ranges else []
    unlike += ["no repair"] if item.repairs and not whole.repairs else []
    apart = f", which have {' and '.join(unlike)}" if unlike else ""
    return f": {first} and {second} than with all layers in {item.scheme}{apart}"


def layers(search: Search) -> list[dict[str, str]]:
    """A row for each layer: what it weighs, what it costs alone, who leaves it in floating point."""
    return [
        {
            "number": str(index + 1),
            "name": code(layer.name) if layer.name else NOTHING,
            "op": cell(layer.op),
            "part": percentage(layer.part),
            "sqnr": number(layer.sqnr, "dB"),
            "floats": ", ".join(f"`{item.candidate}`" for item in search.finalists if index not in item.lowered)
            or NOTHING,
        }
        for index, layer in enumerate(search.layers)
    ]


def percentage(part: float) -> str:
    """`12 %`; a tenth of a per cent where it is small."""
    if 0 < part < 0.0005:
        return "under 0.1 %"
    return f"{part:.1%}".replace("%", " %") if 0 < part < 0.1 else f"{part:.0%}".replace("%", " %")
