"""What a step uses is what it declares, and its code does not change behind its version."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

import edgebuild
from edgebuild.core.step import Step
from edgebuild.engine.keys import LAYOUT
from edgebuild.engine.process.environment import ENVIRONMENT
from tests.house.steps import digest, elsewhere, imported, steps

EVERY = "the environment of every process"
"""What all processes see decides their bytes too; its version is the layout of keys."""
FROZEN = Path(__file__).with_name("steps.json")
"""Kind → version and digest of the code. `UPDATE=1 pytest tests/house/test_steps.py` writes it again."""


@pytest.mark.parametrize("step", steps(), ids=lambda step: step.__name__)
def test_a_step_declares_every_distribution_it_imports(step: type[Step]) -> None:
    assert imported(step) <= {name.lower() for name in step.tools}, f"{step.kind()} imports more than its `tools` name"


@pytest.mark.parametrize("step", steps(), ids=lambda step: step.__name__)
def test_an_inline_step_imports_nothing_heavy(step: type[Step]) -> None:
    if step.inline:
        assert not imported(step), f"{step.kind()} runs in the engine's own process"


def test_no_steps_code_changed_without_its_version() -> None:
    now = {step.kind(): {"version": step.version, "code": digest(step)} for step in steps()}
    now[EVERY] = {
        "version": LAYOUT,
        "code": hashlib.sha256(repr(sorted(ENVIRONMENT.items())).encode()).hexdigest()[:16],
    }
    if os.environ.get("UPDATE"):
        FROZEN.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    before = json.loads(FROZEN.read_text(encoding="utf-8"))
    changed = [
        kind
        for kind in now
        if kind in before and now[kind] != before[kind] and now[kind]["version"] == before[kind]["version"]
    ]
    assert not changed, (
        f"the code of {', '.join(changed)} changed: raise `version` if the same inputs may now give other bytes, "
        "then write steps.json again"
    )
    assert set(now) == set(before), "steps came or went: write steps.json again"


@pytest.mark.parametrize(
    ("name", "held"),
    [
        ("Predict", ("runtimes/onnxruntime/session.py", "runtimes/litert/session.py", "runner/predict.py")),
        ("TimeCandidates", ("runtimes/reference/session.py", "runner/timing.py")),
        ("Score", ("metrics/top1.py", "metrics/f1.py")),
    ],
)
def test_code_that_runs_elsewhere_is_held_too(name: str, held: tuple[str, ...]) -> None:
    (step,) = (found for found in steps() if found.__name__ == name)
    texts = list(elsewhere(step))
    for file in held:
        assert (Path(edgebuild.__path__[0]) / file).read_text() in texts, f"{name} does not hold {file}"
