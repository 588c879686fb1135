"""Dossiers → what the report says, in the order it says it. The template adds markdown, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgebuild.core.dossier import Dossier
from edgebuild.decide.budgets import Budget
from edgebuild.decide.words import accounts as account_sentences
from edgebuild.decide.words import refusals
from edgebuild.deliver.report import matrix, origin
from edgebuild.deliver.report.across import across
from edgebuild.deliver.report.chart import Chart
from edgebuild.deliver.report.charts import charts
from edgebuild.deliver.report.networks import networks, networks_chart
from edgebuild.deliver.report.numbers import device_words, line
from edgebuild.deliver.report.outcome import headline, outcome_row, verdict_rows
from edgebuild.deliver.report.trials_chart import TrialsChart
from edgebuild.deliver.report.tried import mixtures_chart, tried


def report_view(
    dossiers: Sequence[Dossier], budgets: Sequence[Sequence[Budget]]
) -> tuple[dict[str, Any], list[Chart], list[TrialsChart]]:
    """The view of the report, and the figures it shows: trade-offs, and what searches tried.

    Args:
        dossiers: of one spec, in the order of its targets.
        budgets: of each target.
    """
    targets, drawn = [], list[Chart]()
    searched: list[TrialsChart] = []
    for dossier, own in zip(dossiers, budgets, strict=True):
        figures, lost = charts(dossier, own)
        drawn += figures
        told_searches, own_charts = searches_view(dossier)
        searched += [chart for chart in own_charts if chart.points]
        told = target_view(dossier, figures, lost)
        targets.append(told | {"tried": told_searches})
    first = dossiers[0]
    view = {
        "title": f"{first.name} {first.release}",
        "source": first.source,
        "outcomes": [outcome_row(dossier) for dossier in dossiers],
        "across": across(dossiers),
        "targets": targets,
        "legend": [{"name": name, "words": words} for name, words in origin.EVIDENCE_WORDS],
        "versions": origin.versions(dossiers),
        "name": first.name,
        "shipping": [
            {
                "target": dossier.target,
                "candidate": dossier.choice,
                "package": package(dossier),
                "searched": dossier.choice in finalists(dossier),
            }
            for dossier in dossiers
            if dossier.choice is not None
        ],
    }
    return view, drawn, searched


def searches_view(dossier: Dossier) -> tuple[list[dict[str, Any]], list[TrialsChart]]:
    """What the report says of each search of a target, and its figure."""
    told, drawn = [], []
    for search in dossier.searches:
        drawn.append(mixtures_chart(dossier, search))
        told.append(tried(dossier, search, drawn[-1]))
    for space in dossier.architectures:
        drawn.append(networks_chart(dossier, space))
        told.append(networks(dossier, space, drawn[-1]))
    return told, drawn


def finalists(dossier: Dossier) -> set[str]:
    """Candidates that a search ended with."""
    mixed = {item.candidate for search in dossier.searches for item in search.finalists}
    return mixed | {item.candidate for search in dossier.architectures for item in search.trials}


def package(dossier: Dossier) -> str:
    """Name of the folder that the package is in; that of a target which does not pass lies apart."""
    return dossier.target if dossier.passed else f"{dossier.target}.nearest-miss"


def target_view(dossier: Dossier, figures: Sequence[Chart], lost: Sequence[str]) -> dict[str, Any]:
    """What the report says of one target."""
    made = [item for item in dossier.candidates if item.refusal is None]
    declined = refusals(dossier.candidates)
    pace = account_sentences(dossier.candidates)
    verdicts = verdict_rows(dossier.verdicts)
    said = {*declined, *pace}
    return {
        "name": dossier.target,
        "place": f"{dossier.runtime} on {device_words(dossier.device)}",
        "headline": headline(dossier),
        "verdicts": verdicts,
        "verdict_words": [f"`{row['budget']}` {row['limit']}: {line(row['why'])}" for row in verdicts if row["why"]],
        "notes": [line(note) for note in dossier.notes],
        "candidates": matrix.verdict_line(made),
        "tables": matrix.tables(dossier, made, matrix.main_rows(dossier)) if made else [],
        "more": matrix.tables(dossier, made, matrix.other_rows(dossier, made)) if made else [],
        "unavailable": matrix.unavailable(made),
        "remarks": matrix.remarks(made),
        "charts": [{"file": f"{figure.name}.svg", "words": figure.words} for figure in figures],
        "front": [f"`{name}`" for name in dossier.front],
        "lost": [line(sentence) for sentence in lost],
        "decisions": [line(sentence) for sentence in dossier.decisions if sentence not in said],
        "refusals": [line(sentence) for sentence in declined],
        "pace": [line(sentence) for sentence in pace],
        "accounts": origin.accounts(made),
        "slowest": origin.slowest(made),
        "environment": [{"name": name, "words": words} for name, words in origin.environment(dossier)],
        "protocol": [{"name": name, "words": words} for name, words in origin.protocol(dossier)],
        "digests": [{"name": name, "digest": digest} for name, digest in origin.digests(dossier, made)],
    }
