"""Who gets which sample: by a hash of its id, classes in proportion, groups whole.

Every sample (or group) has a fixed place on the unit interval, from a hash of seed and id. Each split grows from a
point of its own on that interval, so that a larger `report` does not touch `calibrate` while there are samples between
them. Seats are dealt to classes by the divisor method of Webster and Sainte-Laguë, in proportion to all samples: one
more sample gives its class at most one more seat and takes at most one from another, so it moves at most two samples
into or out of a split, and another size of one split moves none of another.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebuild.data.splits import SPLIT_NAMES, Split, SplitName
from edgebuild.errors import DataError, Problem, did_you_mean

if TYPE_CHECKING:
    from edgebuild.data.samples import SampleSet

POINT: dict[SplitName, float] = {"report": 1.0, "select": 0.5, "calibrate": 0.0, "train": 0.0}
"""Where on the unit interval a split begins to take."""
PRIORITY: tuple[SplitName, ...] = ("select", "report", "calibrate", "train")


@dataclass(frozen=True)
class Unit:
    """What is never cut: a sample, or a group of them."""

    place: float
    """0..1, by the hash of its name."""
    rows: tuple[int, ...]
    stratum: str
    """Its class; that of most samples of a group."""


def partition(
    samples: SampleSet, splits: Mapping[SplitName, Split], seed: int, grouped: bool
) -> dict[SplitName, list[int]]:
    """Rows of each split, ascending; a group's last samples may make a split larger than asked.

    Raises:
        DataError: a split has no sample, or fewer than it asks for; all such splits at once.
    """
    problems = _impossible(samples, splits, grouped)
    if problems:
        raise DataError(*problems)
    units = _units(samples, seed, grouped)
    free = set(range(len(units)))
    taken: dict[SplitName, set[int]] = {}
    for name in _order(splits):
        split = splits[name]
        pool = set(free) if split.source is None else set(taken.get(split.source, ()))
        wanted = _wanted(samples, split)
        pool = {index for index in pool if all(row in wanted for row in units[index].rows)}
        beyond = wanted if split.source is None else wanted & _wanted(samples, splits[split.source])
        size = sum(len(units[index].rows) for index in pool)
        asked = _asked(split, size, _base(units, split, taken, wanted))
        if asked > size or size == 0:
            problems.append(_short(name, split, asked, size, len(samples)))
        taken[name] = _deal(units, pool, asked, POINT[name], _weights(units, beyond))
        if split.source is None:
            free -= taken[name]
    if problems:
        raise DataError(*problems)
    return {
        name: sorted(row for index in taken[name] for row in units[index].rows) for name in SPLIT_NAMES if name in taken
    }


def _order(splits: Mapping[SplitName, Split]) -> list[SplitName]:
    """Those tied to tags first, then those of a size, then those that take the rest; drawn ones after their source."""

    def rank(name: SplitName) -> tuple[bool, bool, bool, int]:
        split = splits[name]
        rest = split.count is None and split.share is None
        return split.source is not None, not split.where, rest, PRIORITY.index(name)

    return sorted(splits, key=rank)


def _units(samples: SampleSet, seed: int, grouped: bool) -> list[Unit]:
    classes = _classes(samples)
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(samples.groups if grouped else samples.ids):
        rows.setdefault(name, []).append(row)
    return [
        Unit(place_of(seed, name), tuple(members), _majority([classes[row] for row in members]))
        for name, members in rows.items()
    ]


def place_of(seed: int, name: str) -> float:
    """Where a sample or group stands on the unit interval."""
    return int.from_bytes(hashlib.sha256(f"{seed}\0{name}".encode()).digest()[:8], "big") / 2**64


def _majority(names: list[str]) -> str:
    return max(sorted(set(names)), key=names.count)


def _classes(samples: SampleSet) -> list[str]:
    """The class of each sample, or one for all where labels are no classes."""
    for values in samples.labels.values():
        if values.ndim == 1 and values.dtype.kind in "biuU":
            return [str(value) for value in values]
    return [""] * len(samples)


def _wanted(samples: SampleSet, split: Split) -> set[int]:
    rows = set(range(len(samples)))
    for tag, value in split.where.items():
        rows = {row for row in rows if samples.tags[tag][row] == value}
    return rows


def _base(units: list[Unit], split: Split, taken: Mapping[SplitName, set[int]], wanted: set[int]) -> int:
    """Number of samples a share is a part of: all that the split could draw from, whatever others took."""
    if split.source is None:
        return len(wanted)
    drawn = (row for index in taken.get(split.source, ()) for row in units[index].rows)
    return sum(row in wanted for row in drawn)


def _asked(split: Split, size: int, base: int) -> int:
    if split.count is not None:
        return split.count
    if split.share is not None:
        return max(1, round(split.share * base))
    return size


def _weights(units: Sequence[Unit], wanted: set[int]) -> dict[str, int]:
    """Samples of each class among all that a split could draw from, whatever others took of them."""
    weights: dict[str, int] = {}
    for unit in units:
        if all(row in wanted for row in unit.rows):
            weights[unit.stratum] = weights.get(unit.stratum, 0) + len(unit.rows)
    return weights


def _deal(units: list[Unit], pool: set[int], count: int, point: float, weights: Mapping[str, int]) -> set[int]:
    """Take units until `count` samples are there, the classes in proportion, in each the nearest to `point` first.

    Args:
        units: all.
        pool: those that may be taken.
        count: of samples.
        point: where to begin.
        weights: samples of each class, to which the seats are in proportion. Not those of the pool: what another split
            took would deal these seats otherwise.
    """
    strata: dict[str, list[int]] = {}
    for index in sorted(pool, key=lambda index: (abs(units[index].place - point), units[index].place)):
        strata.setdefault(units[index].stratum, []).append(index)
    seats = dict.fromkeys(strata, 0)
    position = dict.fromkeys(strata, 0)

    def bid(name: str) -> tuple[float, float, str]:
        unit = units[strata[name][position[name]]]
        return -weights[name] / (2 * seats[name] + len(unit.rows)), abs(unit.place - point), name

    heap = [bid(name) for name in strata]
    heapq.heapify(heap)
    chosen: set[int] = set()
    total = 0
    while heap and total < count:
        name = heapq.heappop(heap)[2]
        index = strata[name][position[name]]
        chosen.add(index)
        total += len(units[index].rows)
        seats[name] += len(units[index].rows)
        position[name] += 1
        if position[name] < len(strata[name]):
            heapq.heappush(heap, bid(name))
    return chosen


def _impossible(samples: SampleSet, splits: Mapping[SplitName, Split], grouped: bool) -> list[Problem]:
    problems = []
    if grouped and not samples.groups:
        problems.append(
            Problem(
                "data.group",
                "the samples name no groups.",
                'Yield `"group": …` with each sample, or remove `group`.',
            )
        )
    for name, split in splits.items():
        where = f"data.splits.{name}"
        if split.source is not None and (split.source == name or split.source not in splits):
            known = [other for other in splits if other != name]
            problems.append(
                Problem(
                    f"{where}.from",
                    f"there is no other split `{split.source}` to draw from.",
                    f"Draw from one of: {', '.join(known) or '(there is none)'}.",
                )
            )
        elif split.source is not None and (name != "calibrate" or splits[split.source].source is not None):
            problems.append(
                Problem(
                    f"{where}.from",
                    f"`{name}` would share samples with `{split.source}`, and a number on samples it was made from "
                    "says nothing about new ones.",
                    f"Only `calibrate` may be drawn from another split; remove `from` of `{name}`.",
                )
            )
        for tag in split.where:
            if tag not in samples.tags:
                problems.append(
                    Problem(
                        f"{where}.where.{tag}",
                        f"no sample has a tag `{tag}`{did_you_mean(tag, list(samples.tags))}",
                        f"Tags of the samples: {', '.join(samples.tags) or 'none'}.",
                    )
                )
    return problems


def _short(name: SplitName, split: Split, asked: int, size: int, total: int) -> Problem:
    whence = f" of `{split.source}`" if split.source else ""
    tagged = f" with {', '.join(f'{tag}: {value}' for tag, value in split.where.items())}" if split.where else ""
    if size == 0:
        what = f"no sample{whence}{tagged} is left for it; {total} were loaded."
    else:
        what = f"asks for {asked} samples, but only {size}{whence}{tagged} are left of the {total} loaded."
    fix = f"Ask for at most {size}, ask for less in the other splits, or load more samples."
    return Problem(
        f"data.splits.{name}", what, fix if size else "Ask for less in the other splits, or load more samples."
    )
