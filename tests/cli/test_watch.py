"""Progress: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io

from edgebuild.cli.watch import Watch
from edgebuild.core.graph import Graph
from edgebuild.engine.outcomes import Failed, Unmet
from tests.engine.steps import Say


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def watched(stream: io.StringIO, **options: bool) -> tuple[Watch, str, io.StringIO]:
    graph = Graph()
    step = graph.add(Say(text="one"), "project: say one")
    watch = Watch(graph, stream=stream, **options)
    watch.queued(3)
    return watch, step.id, stream


def test_a_terminal_sees_what_runs_and_how_far_it_is() -> None:
    watch, step, stream = watched(Terminal())
    watch.started(step)
    watch.progress(step, 3, 10, "samples")
    assert "[0/3]" in stream.getvalue()
    assert "project: say one samples 3/10" in stream.getvalue()
    watch.close()
    assert stream.getvalue().endswith("\x1b[2K")


def test_elsewhere_lines_stay_plain_and_short_steps_unsaid() -> None:
    watch, step, stream = watched(io.StringIO())
    watch.started(step)
    watch.progress(step, 3, 10, "samples")
    watch.finished(step, object(), 0.01, cached=True)
    assert stream.getvalue() == ""
    assert "\x1b" not in stream.getvalue()


def test_a_failure_has_its_line_and_what_hangs_on_it_none() -> None:
    watch, step, stream = watched(io.StringIO())
    watch.finished(step, Failed.__new__(Failed), 0.1, cached=False)
    watch.finished(step, Unmet.__new__(Unmet), 0.0, cached=False)
    assert stream.getvalue() == "[1/3] project: say one failed (0.1 s)\n"


def test_quiet_is_quiet() -> None:
    watch, step, stream = watched(Terminal(), quiet=True)
    watch.finished(step, Failed.__new__(Failed), 0.1, cached=False)
    assert "failed" not in stream.getvalue()
