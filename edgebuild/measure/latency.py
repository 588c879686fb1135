"""Raw latencies → percentiles, ratios and the noise between them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.measure.contention import DEAD_BAND
from edgebuild.measure.resample import Resampled

if TYPE_CHECKING:
    import numpy as np

    Samples = dict[str, np.ndarray]

PERCENTILES = {"latency.p50": 50.0, "latency.p90": 90.0, "latency.p95": 95.0, "latency.p99": 99.0}
ONCE = {"latency.load": "load_ns", "latency.first": "first_ns"}
"""Quantities that a process has one sample of."""
NS_PER_MS = 1e6


class SummarizeLatency(Step):
    """Percentiles in ms with intervals, and ratios to the anchor, of every model of a timing run.

    Runs no model: another percentile or interval reads the same raw samples again.
    """

    version: ClassVar[int] = 2
    tools: ClassVar[tuple[str, ...]] = ("numpy",)
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "latency.json"

    timing: Artifact

    def run(self, work: Workspace) -> None:
        """Write one row for each model of the timing run, null where it was not run."""
        summary = summarize(work.path(self.timing))
        work.output.write_text(json.dumps(summary, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def summarize(timing: Path) -> dict[str, Any]:
    """The content of `latency.json` for a timing folder."""
    index = json.loads((timing / "index.json").read_text(encoding="utf-8"))
    runs = [of_run(timing / str(number), run["subjects"], index["anchor"]) for number, run in enumerate(index["runs"])]
    rows: list[dict[str, Any] | None] = []
    refused: dict[str, str] = dict(index["absent"])
    for number, place in enumerate(index["models"]):
        found = runs[int(place["run"])] if place else None
        row = found["models"].get(place["row"]) if found else None
        if found and place["row"] in found["refused"]:
            refused[str(number)] = found["refused"][place["row"]]
        rows.append(widened(row, index["runs"][int(place["run"])]["spread"]) if row else None)
    newest = runs[0] if runs else NOTHING
    spreads = [run["spread"] for run in index["runs"]]
    return {
        "valid": newest["valid"],
        "why": newest["why"],
        "due": index["due"],
        "models": rows,
        "refused": refused,
        "control": newest["control"],
        "dead_band": digits(max([DEAD_BAND, *(abs(bound - 1) for bound in newest["control"][1:]), *spreads])),
        "protocol": newest["protocol"] | history(newest["protocol"], len(runs), index["times"]),
    }


def history(protocol: dict[str, Any], merged: int, times: int) -> dict[str, Any]:
    """How many runs the numbers come from, and how many there were: who measures until he likes it is seen to."""
    words = str(protocol.get("words", ""))
    if merged > 1:
        words += f"; {merged} runs, compared by way of the source"
    if times > 1:
        words += f"; measured {times} times under this condition"
    return {"runs_merged": merged, "times_measured": times, "words": words}


NOTHING: dict[str, Any] = {"valid": False, "why": "no candidate could be run.", "control": [], "protocol": {}}


def of_run(run: Path, subjects: dict[str, str], anchor: str) -> dict[str, Any]:
    """One timing run: a row for each model that could be run, by its row there."""
    import numpy as np

    raw = json.loads((run / "result.json").read_text(encoding="utf-8"))
    with np.load(run / "samples.npz") as archive:
        samples = {name: archive[name] / NS_PER_MS for name in archive.files}
    first = subjects.get(anchor, "")
    draws = Resampled.of(next(iter(samples.values())).shape[:2]) if samples else None
    rows: dict[str, dict[str, Any]] = {}
    for name, own in samples.items():
        if name == "control" or draws is None:
            continue
        rows[name] = percentiles(own, draws) | once(raw["processes"], name) | {"samples": int(own.size)}
        rows[name]["ratio"] = ratios(own, samples.get(first), draws) | once_ratios(raw["processes"], name, first)
    return {
        "valid": raw["valid"],
        "why": raw["why"],
        "models": rows,
        "refused": {row: f"{item['by']}: {item['why']}" for row, item in raw["refused"].items()},
        "control": control_of(samples, str(raw["anchor"]), draws),
        "protocol": protocol(run, raw, samples),
    }


def widened(row: dict[str, Any], spread: float) -> dict[str, Any]:
    """Numbers of an older run beside a newer one: uncertain by as much as the anchor moved between the two."""
    if not spread:
        return row
    found: dict[str, Any] = {}
    for name, value in row.items():
        if name == "ratio":
            found[name] = {
                key: [middle, digits(low * (1 - spread)), digits(high * (1 + spread))]
                for key, (middle, low, high) in value.items()
            }
        elif isinstance(value, dict):
            low, high = digits(value["low"] * (1 - spread)), digits(value["high"] * (1 + spread))
            found[name] = value | {"low": low, "high": high}
        else:
            found[name] = value
    return found


def percentiles(own: np.ndarray, draws: Resampled) -> dict[str, Any]:
    """Of the pooled samples, in ms; throughput as runs of one after the other, per second."""
    found = {name: bounds(*draws.percentile(own, level)) for name, level in PERCENTILES.items()}
    mean, low, high = draws.mean(own)
    found["latency.mean"] = bounds(mean, low, high)
    found["throughput"] = bounds(1000 / mean, 1000 / high, 1000 / low)
    return found


def bounds(value: float, low: float, high: float) -> dict[str, float]:
    """A number and its interval."""
    return {"value": digits(value), "low": digits(low), "high": digits(high)}


def ratios(own: np.ndarray, reference: np.ndarray | None, draws: Resampled) -> dict[str, list[float]]:
    """Median over all rounds of the ratio inside a round, with its interval.

    The fastest run of a round stands for the median: it repeats within 1 % where the machine is shared, the median of a
    round does not. The higher percentiles and the mean are compared as they are.
    """
    import numpy as np

    if reference is None:
        return {}
    found = {"latency.p50": draws.median(own.min(axis=2) / reference.min(axis=2))}
    found["latency.mean"] = draws.median(own.mean(axis=2) / reference.mean(axis=2))
    for name in ("latency.p90", "latency.p95", "latency.p99"):
        level = PERCENTILES[name]
        found[name] = draws.median(np.percentile(own, level, axis=2) / np.percentile(reference, level, axis=2))
    median, low, high = found["latency.mean"]
    found["throughput"] = (1 / median, 1 / high, 1 / low)
    return {name: [digits(number) for number in numbers] for name, numbers in found.items()}


def once(processes: list[dict[str, Any]], index: str) -> dict[str, Any]:
    """Load and first run: the median of the processes, between the least and the greatest."""
    import numpy as np

    found = {}
    for name, key in ONCE.items():
        values = [process[key][index] / NS_PER_MS for process in processes if index in process[key]]
        if values:
            found[name] = bounds(float(np.median(values)), min(values), max(values))
    return found


def once_ratios(processes: list[dict[str, Any]], index: str, anchor: str) -> dict[str, list[float]]:
    """The same, as ratios inside each process."""
    import numpy as np

    found = {}
    for name, key in ONCE.items():
        values = [item[key][index] / item[key][anchor] for item in processes if item[key].get(anchor)]
        if values:
            found[name] = [digits(float(number)) for number in (np.median(values), min(values), max(values))]
    return found


def control_of(samples: Samples, anchor: str, draws: Resampled | None) -> list[float]:
    """The anchor against itself: median, low, high; empty where nothing ran."""
    if draws is None or "control" not in samples:
        return []
    ratio = samples["control"].min(axis=2) / samples[anchor].min(axis=2)
    return [digits(number) for number in draws.median(ratio)]


def protocol(timing: Path, raw: dict[str, Any], samples: Samples) -> dict[str, Any]:
    """How the samples were taken, and the digest of the raw ones."""
    import hashlib

    processes, rounds, runs = next(iter(samples.values())).shape if samples else (0, 0, 0)
    threads = f"{raw['threads']} thread{'s' if raw['threads'] > 1 else ''}"
    return {
        "threads": raw["threads"],
        "processes": processes,
        "rounds": rounds,
        "runs": runs,
        "warmup_s": raw["effort"]["warmup_s"],
        "versions": raw["versions"],
        "conditions": raw["conditions"],
        "raw": "sha256:" + hashlib.sha256((timing / "samples.npz").read_bytes()).hexdigest(),
        "words": f"{threads}, {processes} fresh processes × {rounds} shuffled, interleaved rounds × {runs} runs, "
        "after a warm-up until stable, beside an A/A control",
    }


def digits(number: float) -> float:
    """Six significant digits: no clock here has more."""
    return float(f"{number:.6g}")
