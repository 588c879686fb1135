"""`trace`: which operators the runtime executes, where, and how long each takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgebuild.runner import arrays
from edgebuild.runner.feeds import Feeds
from edgebuild.runner.job import Declined, Job, declining


def run(job: Job, output: Path) -> dict[str, Any]:  # noqa: ARG001 - the other kinds of job write files there
    """The session's own trace: `ops` (name, type, provider, mean us) and `graph` (type to count)."""
    model = job.only_model()
    session = model.open()
    if not hasattr(session, "trace"):
        raise Declined(model.runtime or model.session, "it gives no trace of its operators.")
    feed = Feeds(session.inputs, arrays.first_rows(job.inputs, 1)).feed(0)
    with declining(model):
        traced: dict[str, Any] = session.trace(feed, int(job.number("runs", 10, 1)))
    return {"versions": model.versions(), **traced}
