"""The outcome of a build in a few lines of markdown, for the page of a CI job."""

from __future__ import annotations

from collections.abc import Sequence

from edgebuild.core.dossier import Dossier
from edgebuild.deliver.report.numbers import line
from edgebuild.deliver.report.outcome import outcome_row, verdict_rows


def summary(dossiers: Sequence[Dossier]) -> str:
    """One row for each target of all specs, then the verdicts that are not a pass, with their reasons."""
    from edgebuild.render import Renderer

    rows = [outcome_row(dossier) | {"name": dossier.name} for dossier in dossiers]
    open_ = [
        {"target": dossier.target, "name": dossier.name} | row | {"why": line(row["why"])}
        for dossier in dossiers
        for row in verdict_rows(dossier.verdicts)
        if row["status"] != "pass"
    ]
    lost = [
        {"target": dossier.target, "name": dossier.name, "words": line(sentence)}
        for dossier in dossiers
        if dossier.choice is None
        for sentence in dossier.decisions
    ]
    return Renderer().render("report/summary.md.j2", {"rows": rows, "open": open_, "lost": lost})
