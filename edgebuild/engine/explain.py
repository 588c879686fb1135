"""Why a step runs, ran, or would run, from the code that makes the key."""

from __future__ import annotations

from dataclasses import dataclass

from edgebuild.core.graph import Graph
from edgebuild.engine.changes import Change, differences
from edgebuild.engine.states import Forecast, State
from edgebuild.engine.store import Store
from edgebuild.engine.store.history import Last


@dataclass(frozen=True)
class Explanation:
    """What is known about one step's last and next run."""

    step_id: str
    label: str
    state: State
    changes: tuple[Change, ...]
    """Against the last time where it will run; else what made it run when it last ran."""
    built: float | None
    """When it last had its present key, in seconds since 1970; None for never."""

    def words(self) -> str:
        """A sentence and a line for each change."""
        if self.built is None:
            head = f"{self.label} was never built here."
        elif self.state.name in ("cached", "refused"):
            head = f"{self.label} is up to date" + ("; it last changed because of" if self.changes else ".")
        else:
            head = f"{self.label}: {self.state.name}" + (f" ({self.state.why})" if self.state.why else "")
        return "\n".join([head, *(f"  {change.words()}" for change in self.changes)])


def explain(graph: Graph, store: Store, step_id: str, workspace: str = "") -> Explanation:
    """Compare what a step's key is made of now with what it was made of before.

    Raises:
        KeyError: the step is no ancestor of anything that is wanted.
    """
    forecast = Forecast(graph, store, workspace)
    state = forecast.states()[step_id]
    label = forecast.oracle.labels[step_id]
    now, last = forecast.parts(step_id), store.history.last(workspace, label)
    if last is None or now is None:
        return Explanation(step_id, label, state, (), last.created if last else None)
    before: Last | None = last
    if forecast.keys.get(step_id) == last.key or now == last.parts:
        before = store.history.last(workspace, label, age=1)
    names = {wire.place: forecast.oracle.labels[wire.id] for wire in graph.nodes[step_id].wires}
    return Explanation(step_id, label, state, differences(before.parts, now, names) if before else (), last.created)
