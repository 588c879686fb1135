"""`layers`: what every operator of a model answers to one sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgebuild.runner import arrays
from edgebuild.runner.feeds import Feeds
from edgebuild.runner.job import Declined, Job, declining


def run(job: Job, output: Path) -> dict[str, Any]:
    """Write `layers.npz`, the values by number; `layers` tells name, operator and inputs of each, in the same order."""
    model = job.only_model()
    session = model.open()
    if not hasattr(session, "layers"):
        raise Declined(model.runtime or model.session, "it shows no values between its operators.")
    given = arrays.first_rows(job.inputs, 1)
    # A session that keeps its states itself is set to where the sample was taken.
    states = [item for item in getattr(session, "states", ()) if item["name"] in given]
    feed = Feeds([*session.inputs, *states], given).feed(0)
    with declining(model):
        found: list[dict[str, Any]] = session.layers(feed)
    arrays.save(output / "layers.npz", {str(number): layer.pop("value") for number, layer in enumerate(found)})
    return {"versions": model.versions(), "layers": found}
