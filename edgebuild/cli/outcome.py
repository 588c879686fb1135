"""The last lines of a build: one per target, every failure by name, then where things are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebuild.core.dossier import SOURCE, Dossier
from edgebuild.core.evidence import Verdict
from edgebuild.core.wires import Refusal
from edgebuild.decide.reasons import DUE

if TYPE_CHECKING:
    from edgebuild.cli.delivery import Delivery


def print_lines(delivery: Delivery, accept: tuple[str, ...]) -> None:
    """The outcome for people: verdicts on stdout, failures on stderr."""
    if accept:
        print(f"accepted by the caller's word: {', '.join(accept)}")
    for spec in delivery.plan.specs:
        for dossier in delivery.dossiers[spec.file]:
            print(f"{dossier.name} · {headline(dossier)}")
            for line in [*shortfalls(dossier), *(note for note in dossier.notes if note.startswith(DUE))]:
                print(f"    {line}")
    for problem in delivery.problems():
        print(problem.render(), file=sys.stderr)
    for trace in delivery.traces():
        print(trace, file=sys.stderr)
        print("edgebuild: this is our bug, not yours; please report the lines above", file=sys.stderr)
    print(f"{delivery.ran} steps ran, {delivery.hits} were up to date.")
    for spec in delivery.plan.specs:
        report = spec.folder / "report" / "report.md"
        if spec.report and delivery.built(spec.report):
            print(f"report: {shown(report)}")
        if spec.candidates:
            names = ", ".join(spec.candidates)
            print(f"Built beside source alone: {names}. The lock and the packages stay; see {shown(spec.folder)}.")


def shortfalls(dossier: Dossier) -> list[str]:
    """Every verdict that is not a pass, and what was refused though it is required or nothing else is left."""
    lines = [verdict_line(verdict) for verdict in dossier.verdicts if verdict.status != "pass"]
    nothing = dossier.choice is None and dossier.nearest is None
    lost: dict[Refusal, list[str]] = {}
    for item in dossier.candidates:
        if item.refusal is not None and (item.required or nothing):
            lost.setdefault(item.refusal, []).append(f"{item.name} (required)" if item.required else item.name)
    for refusal, names in lost.items():
        lines.append(f"{refusal.kind}: {', '.join(names)}: {refusal.by}: {refusal.why}")
        lines += [f"  fix: {refusal.fix}"] if refusal.fix else []
    return lines


def shown(path: Path) -> str:
    """A path as short as it can be from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def headline(dossier: Dossier) -> str:
    """`pc-ort: PASS – int8 (…)`, or what is in the way."""
    name = dossier.judged
    if name is None:
        return f"{dossier.target}: NO CANDIDATE – none could be made"
    if dossier.passed:
        return f"{dossier.target}: PASS – {name}{numbers(dossier, name)}"
    words = sorted({verdict.status for verdict in dossier.verdicts if verdict.status != "pass"})
    return f"{dossier.target}: {'/'.join(words).upper()} – nearest is {name}{numbers(dossier, name)}"


def numbers(dossier: Dossier, name: str) -> str:
    """Size and latency of a candidate, in brackets."""
    file = dossier.candidate(name)
    parts = []
    for quantity, unit, divide in (("size", "kB", 1000.0), ("latency.p50", "ms", 1.0)):
        found = file.measured(quantity)
        if found is not None and found.value is not None:
            parts.append(f"{quantity} {found.value / divide:.3g} {unit}")
    if "latency.p50" in file.ratio and name != SOURCE:
        parts.append(f"{file.ratio['latency.p50'][0]:.2f} × source")
    return f" ({', '.join(parts)})" if parts else ""


def verdict_line(verdict: Verdict) -> str:
    """One verdict that is not a pass, with its numbers and what would mend it."""
    value = "–" if verdict.value is None else f"{verdict.value:.4g} {verdict.unit}".rstrip()
    why = f": {verdict.why}" if verdict.why else ""
    margin = "" if verdict.margin is None else f" (margin {verdict.margin:+.0%})"
    return f"{verdict.status}: {verdict.budget} {verdict.limit}, got {value}{margin} [{verdict.evidence}]{why}"


def as_json(delivery: Delivery, code: int) -> dict[str, Any]:
    """The outcome for machines."""
    from dataclasses import asdict

    return {
        "exit_code": code,
        "ran": delivery.ran,
        "up_to_date": delivery.hits,
        "targets": [
            {"spec": Path(file).name, "passed": dossier.passed, **dossier.model_dump(mode="json")}
            for file, dossiers in delivery.dossiers.items()
            for dossier in dossiers
        ],
        "problems": [asdict(problem) for problem in delivery.problems()],
    }
