"""The report of one spec: `report.md` and its figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from edgebuild.core.dossier import Dossier
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.decide.budgets import Budget
from edgebuild.deliver.report.plots import scene_of
from edgebuild.deliver.report.trials import trials_scene
from edgebuild.deliver.report.view import report_view

if TYPE_CHECKING:
    from edgebuild.render import Renderer


class RenderReport(Step):
    """Write the dossiers of a spec as a report for people."""

    version: ClassVar[int] = 6
    tools: ClassVar[tuple[str, ...]] = ("jinja2",)
    filename: ClassVar[str] = "report"

    dossiers: tuple[Artifact, ...]
    budgets: tuple[tuple[Budget, ...], ...]
    """Of each dossier's target: what the figures draw as lines."""
    templates: Artifact | None = None
    """The user's own, which hide the shipped ones."""
    shipped: str = ""
    """Digest of the templates that ship with edgebuild: an edited one renders again."""

    def run(self, work: Workspace) -> None:
        """Raises: SpecError: a template of the user's is wrong."""
        from edgebuild.render import Renderer

        texts = [work.path(artifact).read_text(encoding="utf-8") for artifact in self.dossiers]
        dossiers = [Dossier.model_validate_json(text) for text in texts]
        own = work.path(self.templates) if self.templates is not None else None
        write_report(dossiers, self.budgets, Renderer(own), work.output)


def write_report(
    dossiers: Sequence[Dossier], budgets: Sequence[Sequence[Budget]], renderer: Renderer, output: Path
) -> None:
    """Write `report.md` and an SVG for each trade-off and each search.

    Args:
        dossiers: of one spec, in the order of its targets.
        budgets: of each target.
        renderer: of the templates under `report/`.
        output: the folder to make.
    """
    view, charts, trials = report_view(dossiers, budgets)
    output.mkdir()
    scenes = {chart.name: scene_of(chart) for chart in charts}
    scenes |= {chart.name: trials_scene(chart) for chart in trials}
    for name, scene in scenes.items():
        svg = renderer.render("report/plot.svg.j2", asdict(scene))
        (output / f"{name}.svg").write_text(svg, encoding="utf-8")
    (output / "report.md").write_text(renderer.render("report/report.md.j2", view), encoding="utf-8")
