"""`time`: all models of a job in one process, in shuffled interleaved rounds, every sample kept."""

from __future__ import annotations

import gc
import random
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.runner import arrays, process
from edgebuild.runner.arrays import Arrays
from edgebuild.runner.feeds import Feeds
from edgebuild.runner.job import Job, JobError, Model, Session, declining

CONTROL = "control"
"""Key of the anchor's second session: what it differs from the anchor by is error of the method."""

SAMPLES = 16
"""Feeds that runs go through in turn; every model gets the same ones in the same order."""

STABLE = 0.03
"""Warm-up ends where two neighbouring blocks have medians this near, as a part of the smaller."""
BLOCKS_BEFORE_STABLE = 3
BLOCK_RUNS = 5


@dataclass
class Entry:
    """One session under the clock."""

    key: str
    session: Session
    feeds: list[Arrays]
    load_ns: int
    first_ns: int = 0
    medians_ns: list[float] = field(default_factory=list)
    """Of the blocks of its warm-up."""

    @property
    def stable(self) -> bool:
        """Whether the last two blocks agree."""
        if len(self.medians_ns) < BLOCKS_BEFORE_STABLE:
            return False
        last, before = self.medians_ns[-1], self.medians_ns[-2]
        return abs(last - before) <= STABLE * min(last, before)

    def measure(self, into: np.ndarray) -> None:
        """Run once for each element; nanoseconds of each run."""
        run, feeds, clock = self.session.run, self.feeds, time.perf_counter_ns
        for index in range(len(into)):
            feed = feeds[index % len(feeds)]
            start = clock()
            run(feed)
            into[index] = clock() - start


def run(job: Job, output: Path) -> dict[str, Any]:
    """Write `samples.npz`: per model index and `control`, int64 ns of shape (1, rounds, runs)."""
    rounds, runs = int(job.number("rounds", 20, 1)), int(job.number("runs", 10, 1))
    seed, anchor = int(job.number("seed", 0)), int(job.number("anchor", 0))
    if anchor >= len(job.models):
        raise JobError(f"job: `anchor` is {anchor}, there are {len(job.models)} models.")
    samples = arrays.first_rows(job.inputs, SAMPLES)
    # What the process pays once, for threads and first pages, is no model's load.
    _open(CONTROL, job.models[anchor], samples)
    entries = [_open(str(model.index), model, samples) for model in job.models]
    entries.append(_open(CONTROL, job.models[anchor], samples))
    spent = _warm_up(entries, job.number("warmup_s", 2.0))
    found = {entry.key: np.zeros((1, rounds, runs), np.int64) for entry in entries}
    account = _rounds(entries, found, seed)
    arrays.save(output / "samples.npz", found)
    facts = {
        "load_ns": {entry.key: entry.load_ns for entry in entries},
        "first_ns": {entry.key: entry.first_ns for entry in entries},
        "warmup_s": spent,
        "stable": {entry.key: entry.stable for entry in entries},
        "order_seed": seed,
        **account,
    }
    return {"versions": job.versions(), "rounds": rounds, "runs": runs, "anchor": anchor, "processes": [facts]}


def _open(key: str, model: Model, samples: Arrays) -> Entry:
    # The runtime's import is not the model's load.
    model.module()
    start = time.perf_counter_ns()
    session = model.open()
    load_ns = time.perf_counter_ns() - start
    feeds = Feeds(session.inputs, samples)
    entry = Entry(key, session, [feeds.feed(index) for index in range(feeds.count)], load_ns)
    first = np.zeros(1, np.int64)
    with declining(model):
        entry.measure(first)
    entry.first_ns = int(first[0])
    return entry


def _warm_up(entries: list[Entry], limit_s: float) -> float:
    """Run blocks of all models in turn until each is stable or the time is spent; seconds it took."""
    start = time.perf_counter()
    block = np.zeros(BLOCK_RUNS, np.int64)
    while not all(entry.stable for entry in entries):
        for entry in entries:
            entry.measure(block)
            entry.medians_ns.append(statistics.median(block.tolist()))
        if time.perf_counter() - start > limit_s:
            break
    return time.perf_counter() - start


def _rounds(entries: list[Entry], found: Arrays, seed: int) -> dict[str, Any]:
    """Fill the samples; what the process and the machine did meanwhile, whole and per round."""
    order = list(entries)
    shuffle = random.Random(seed).shuffle  # noqa: S311 - an order of runs, no secret
    cpu_ns, wall_ns, switches = [], [], []
    load, waiting, machine = process.load_average(), process.pressure(), process.machine()
    # A collection in the middle of a run of 100 us would be its largest part.
    gc.collect()
    gc.disable()
    for index in range(next(iter(found.values())).shape[1]):
        shuffle(order)
        cpu, wall, before = time.process_time_ns(), time.perf_counter_ns(), process.usage()
        for entry in order:
            entry.measure(found[entry.key][0, index])
        cpu_ns.append(time.process_time_ns() - cpu)
        wall_ns.append(time.perf_counter_ns() - wall)
        switches.append(process.usage().involuntary_switches - before.involuntary_switches)
    gc.enable()
    return {
        "cpu_s": sum(cpu_ns) / 1e9,
        "wall_s": sum(wall_ns) / 1e9,
        "involuntary_switches": sum(switches),
        "loadavg": load,
        "pressure": [waiting, process.pressure()],
        "machine": [machine, process.machine()],
        "per_round": {"cpu_ns": cpu_ns, "wall_ns": wall_ns, "involuntary_switches": switches},
    }
