"""Where the numbers come from: the machine, the protocol, the versions, and how to come to them again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgebuild.core.dossier import CandidateFile, Dossier
from edgebuild.decide.budgets import family
from edgebuild.decide.limits import percentage
from edgebuild.deliver.report.numbers import cell, code, device_words, number
from edgebuild.devices.facts import summary

SLOWEST = 5

EVIDENCE_WORDS = (
    ("measured", "on that device, under the declared condition"),
    ("emulated", "by that runtime's kernels on that instruction set, without a clock"),
    ("simulated", "the same graph on other kernels"),
    ("estimated", "by a calibrated model, with its interval"),
    ("unavailable", "not known here; the reason is given"),
)


def environment(dossier: Dossier) -> list[tuple[str, str]]:
    """The machine and the data, as name and words."""
    facts = dossier.facts
    reached = dossier.device == "here" or not facts
    rows = [("device", device_words(dossier.device) if reached else f"{dossier.device}, not reached by this build")]
    if facts:
        rows.append(("measured on" if dossier.device == "here" else "computed on", summary(facts)))
        rows.append(("instruction sets", ", ".join(facts.get("isa", ())) or "none that matter"))
    kept = [f"{name} {facts[name]}" for name in ("governor", "power", "quota", "libc") if facts.get(name) is not None]
    rows.append(("set to", ", ".join(kept)))
    rows.append(("splits", ", ".join(f"{name} {count:,}" for name, count in dossier.splits.items())))
    rows.append(("seed", str(dossier.seed)))
    return [(name, words) for name, words in rows if words]


def protocol(dossier: Dossier) -> list[tuple[str, str]]:
    """How each kind of number was taken."""
    rows = []
    for kind in ("latency", "memory"):
        entry: dict[str, Any] = dossier.protocol.get(kind) or {}
        if entry.get("words"):
            rows.append((kind, f"{entry['words']}."))
    latency: dict[str, Any] = dossier.protocol.get("latency") or {}
    if latency.get("control"):
        middle, low, high = latency["control"]
        apart = f"the source against itself in another session: {middle:.3f} ({low:.3f} – {high:.3f})"
        rows.append(
            ("A/A control", f"{apart}; ratios within {percentage(latency.get('dead_band', 0), 1)} of 1 count as equal.")
        )
    taken = latency.get("conditions") or {}
    drift = [f"{when} {words}" for when in ("before", "after") if (words := condition(taken.get(when) or {}))]
    if drift:
        rows.append(("conditions", "; ".join(drift) + "."))
    methods: dict[str, str] = {}
    for file in dossier.candidates:
        for item in file.measurements:
            kind = family(item.quantity)
            if item.split and item.interval is not None and item.interval.method:
                methods.setdefault(f"{kind} intervals", item.interval.method)
            if item.split and item.upper is not None and item.quantity.endswith(".drop"):
                methods.setdefault(f"{kind} drop", f"against the source on the same samples; {item.upper.method}")
    return [*rows, *((name, f"{words}.") for name, words in methods.items())]


def condition(entry: dict[str, Any]) -> str:
    """What drifted, at one moment."""
    units = {"load": "", "pressure": " %", "temperature": " °C", "clock": " MHz"}
    return ", ".join(f"{name} {entry[name]}{unit}" for name, unit in units.items() if entry.get(name) is not None)


def accounts(made: Sequence[CandidateFile]) -> list[dict[str, str]]:
    """What became of the operations of each candidate."""
    return [
        {
            "name": file.name,
            "integer": f"{file.account.integer_ops} of {file.account.integer_ops + file.account.float_ops}",
            "conversions": str(file.account.conversions),
            "placement": ", ".join(f"{where} {count}" for where, count in file.account.placement.items()) or "–",
            "ops": ", ".join(f"{count} {name}" for name, count in file.account.ops.items()),
            "words": cell(file.account.words),
        }
        for file in made
        if file.account is not None
    ]


def slowest(made: Sequence[CandidateFile]) -> list[dict[str, str]]:
    """The slowest operators of each candidate that was traced."""
    return [
        {"name": file.name, "op": code(op), "time": f"{number(microseconds, 'µs')}"}
        for file in made
        if file.account is not None
        for op, microseconds in file.account.slowest[:SLOWEST]
    ]


def digests(dossier: Dossier, made: Sequence[CandidateFile]) -> list[tuple[str, str]]:
    """What pins this build: the model, the samples, each candidate, the raw latencies."""
    rows = [(f"the model ({dossier.source})", dossier.source_digest), ("samples", dossier.data_digest)]
    rows += [(f"{file.name} ({file.filename})", file.digest) for file in made]
    raw = (dossier.protocol.get("latency") or {}).get("raw")
    return [(name, digest) for name, digest in (*rows, ("raw latencies", raw or "")) if digest]


def versions(dossiers: Sequence[Dossier]) -> list[str]:
    """Every distribution that made or ran an artifact, pinned."""
    found = {name: version for dossier in dossiers for name, version in dossier.versions.items()}
    return [f"{name}=={version}" for name, version in sorted(found.items())]
