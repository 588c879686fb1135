"""Results of a search over precisions as text and JSON: members of the front, why there are none, all trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgebuild.compress.search.front import Member
from edgebuild.compress.search.precision.explorer import Explorer
from edgebuild.compress.search.precision.frontier import FLOOR_DB, Tried, front, worthwhile
from edgebuild.compress.search.precision.mixtures import Layer

UNTIMED = "the run that was to time them died"


def member(item: Tried, layers: Sequence[Layer]) -> Member:
    """A mixture as a candidate; no number of the search is among its words, which ship with the model."""
    return Member(path=item.path, words=item.mixture.words(layers), values={"gain": item.gain, "sqnr": item.sqnr})


def nothing_made(explorer: Explorer) -> str:
    """Why there is not even a trial."""
    words = next(iter(explorer.refused.values()), "")
    return f"none of {len(explorer.refused)} mixtures could be made or run: {words or explorer.failed}"


def nothing_gained(explorer: Explorer, final: Sequence[Tried]) -> str:
    """Why the front is empty, with how near it came; `final`: those that were timed again."""
    tried = list({**explorer.tried, **{item.mixture: item for item in final}}.values())
    fastest = max(tried, key=lambda item: item.gain)
    return (
        f"none of {len(tried)} mixtures is faster than the model in floating point and keeps {FLOOR_DB:g} dB; "
        f"the fastest, {fastest.mixture.words(explorer.layers)}, has {fastest.gain:.2f} × its speed and "
        f"{fastest.sqnr:.1f} dB."
    )


def told(
    explorer: Explorer, noise: Sequence[float], members: Sequence[Tried], final: Sequence[Tried]
) -> dict[str, Any]:
    """Contents of `trials.json`; `core.searches.Search` documents what reports read of it.

    Args:
        explorer: after its last trial.
        noise: of each layer alone, as a part of the signal's energy; 1 where not known.
        members: of the front, in the order of their slots.
        final: those that were timed again; their times replace earlier ones.
    """
    from math import log10

    slots = {item.mixture: number for number, item in enumerate(members)}
    latest = {item.mixture: item for item in (*explorer.tried.values(), *final) if item.gain}
    edge = {item.mixture for item in front(worthwhile(list(latest.values())))}
    return {
        "ranked_by": "time" if explorer.clock else "bits",
        "counted": next((item.counted for item in latest), "multiplications"),
        "layers": [
            {**layer.model_dump(), "sqnr": None if part == 1 else round(-10 * log10(max(part, 1e-20)), 2)}
            for layer, part in zip(explorer.layers, noise, strict=True)
        ],
        "trials": [
            {**trial(item, explorer.layers), "front": item.mixture in edge, "slot": slots.get(item.mixture)}
            for item in latest.values()
        ],
        "refused": [
            *({"words": key.words(explorer.layers), "why": why} for key, why in explorer.refused.items()),
            *({"words": key.words(explorer.layers), "why": UNTIMED} for key in explorer.untimed - latest.keys()),
        ],
        "failed": explorer.failed,
        "cut": explorer.cut,
        "retimed": explorer.retimed,
    }


def trial(item: Tried, layers: Sequence[Layer]) -> dict[str, Any]:
    """What `trials.json` says of one mixture, besides its place among the others."""
    return {
        "words": item.mixture.words(layers),
        "mixture": item.mixture.model_dump(mode="json"),
        "integers": item.mixture.layers,
        "scheme": item.mixture.scheme,
        "others": item.mixture.others,
        "gain": item.gain,
        "sqnr": item.sqnr,
        "agreement": item.agreement,
        "contended": item.contended,
    }
