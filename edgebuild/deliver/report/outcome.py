"""What a target came to, in a word and a line."""

from __future__ import annotations

from collections.abc import Sequence

from edgebuild.core.dossier import REPORT, SOURCE, CandidateFile, Dossier, source_of
from edgebuild.core.evidence import Verdict
from edgebuild.decide.verdicts import worst
from edgebuild.deliver.report.numbers import NOTHING, device_words, known, metrics_of, number, percent, times

ICONS = {"pass": "✅", "fail": "❌", "inconclusive": "⚠️", "unproven": "❔"}


def status(dossier: Dossier) -> str:
    """`pass`, `fail`, `inconclusive`, `unproven`; `no candidate` where none could be made."""
    if dossier.choice is None:
        return "fail" if dossier.nearest else "no candidate"
    return worst(dossier.verdicts)


def icon(word: str) -> str:
    """The sign before a status."""
    return ICONS.get(word, "❌")


def judged(dossier: Dossier) -> CandidateFile | None:
    """The candidate that the verdicts are about."""
    return dossier.candidate(dossier.judged) if dossier.judged else None


def outcome_row(dossier: Dossier) -> dict[str, str]:
    """One line of the first table."""
    word, file = status(dossier), judged(dossier)
    row = {
        "target": dossier.target,
        "place": f"{dossier.runtime} on {device_words(dossier.device)}",
        "icon": icon(word),
        "status": word.upper(),
        "ships": NOTHING,
        "size": NOTHING,
        "latency": NOTHING,
        "accuracy": NOTHING,
    }
    if file is None:
        return row
    name = f"`{file.name}`" if dossier.choice else f"nothing; nearest is `{file.name}`"
    return row | {"ships": name} | headline_numbers(dossier, file)


def headline_numbers(dossier: Dossier, file: CandidateFile) -> dict[str, str]:
    """Size, latency and accuracy of a candidate, each with what it is beside the source."""
    found = {}
    for key, quantity in (("size", "size"), ("latency", "latency.p50")):
        item = file.measured(quantity, REPORT)
        text = number(item.value, item.unit) if item else NOTHING
        beside = ratio_to_source(dossier, file, quantity)
        found[key] = f"{text}<br><sub>{times(beside)} source</sub>" if beside is not None else text
    metric = next(iter(metrics_of(dossier)), "parity.sqnr")
    item, drop = file.measured(metric, REPORT), file.measured(f"{metric}.drop", REPORT)
    text = f"{metric} {number(item.value, item.unit)}" if item is not None and known(item) else NOTHING
    if drop is not None and known(drop) and file.name != SOURCE:
        text += f"<br><sub>drop {number(drop.value, drop.unit)}</sub>"
    return found | {"accuracy": text}


def ratio_to_source(dossier: Dossier, file: CandidateFile, quantity: str) -> float | None:
    """The quotient of a candidate's number to the source's; of latencies, the one within a run."""
    if file.name == SOURCE:
        return None
    if quantity in file.ratio:
        return file.ratio[quantity][0]
    source = source_of(dossier.candidates)
    own, base = file.measured(quantity, REPORT), source.measured(quantity, REPORT) if source else None
    if own is None or base is None or own.value is None or not base.value or quantity.startswith("latency"):
        return None
    return own.value / base.value


def headline(dossier: Dossier) -> str:
    """The outcome as a sentence."""
    word, file = status(dossier), judged(dossier)
    if file is None:
        return f"{icon(word)} **NO CANDIDATE.** None could be made."
    missed = missed_words(dossier.verdicts)
    if dossier.choice is None:
        return f"{icon(word)} **FAIL.** Nothing ships. `{file.name}` comes nearest{': ' + missed if missed else ''}."
    if word == "pass":
        count = len(dossier.verdicts)
        budgets = f"all {count} budgets are met" if count > 1 else "its budget is met" if count else "no budget is set"
        return f"{icon(word)} **PASS.** `{file.name}` ships: {budgets}."
    return f"{icon(word)} **{word.upper()}.** `{file.name}` was chosen, but {missed}."


def missed_words(verdicts: Sequence[Verdict]) -> str:
    """The budgets that are not met, by verdict."""
    parts = []
    for word in ("fail", "inconclusive", "unproven"):
        names = list(dict.fromkeys(f"`{item.budget}`" for item in verdicts if item.status == word))
        if names:
            verb = {"fail": "fails", "inconclusive": "leaves open", "unproven": "does not prove"}[word]
            parts.append(f"{verb} {', '.join(names)}")
    return " and ".join(parts)


def verdict_rows(verdicts: Sequence[Verdict]) -> list[dict[str, str]]:
    """The verdict table, one row each, in the order of the budgets."""
    rows = []
    for item in verdicts:
        by_bound = item.limit.startswith(("upper", "lower"))
        got, bound = number(item.value, item.unit), number(item.bound, item.unit)
        rows.append(
            {
                "icon": icon(item.status),
                "status": item.status,
                "budget": item.budget,
                "limit": item.limit,
                "got": got if by_bound or item.value is None else f"**{got}**",
                "bound": f"**{bound}**" if by_bound and item.bound is not None else bound,
                "margin": percent(item.margin),
                "evidence": item.evidence,
                "why": item.why,
            }
        )
    return rows
