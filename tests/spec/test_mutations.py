"""Whatever becomes of a valid spec, the answer is a spec that can be planned, or problems; soon, and nothing else."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings

from edgebuild import spec
from edgebuild.errors import EdgebuildError, Problem, SpecError
from edgebuild.plan.lower import lower
from tests.spec.mutations import mutated
from tests.spec.seeds import SEEDS, SMALL

LIMIT_S = 2.0
"""Of processor time, for loading and for planning each."""

NAMES_WANTED = (
    ("runtime: onnxruntime", "runtime: "),
    ("device: here", "device: "),
    ("metric: top1", "metric: "),
    ("name: demo", "name: "),
    ("source: model.onnx", "source: "),
    ("source: data.py:samples", "source: "),
    ("minimize: size", "minimize: "),
    ("release: 1.0.0", "release: "),
)
OURS = re.compile(r"NoneType|pydantic|Traceback|\bdict\b|Error\b|\[type=|<class|object at 0x|Input should")
"""Words that stand in no answer to a person."""
NO_NAMES = ("[a, b]", "[x]", "{}", "[]", "{a: b}", "{name: [x]}", "null", "3", "true", "1.5", ".nan", '""', "[[x]]")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with all that the valid specs name."""
    folder = tmp_path_factory.mktemp("mutations")
    for name in ("model.onnx", "own.onnx", "model.keras"):
        (folder / name).write_bytes(b"not read before a build")
    (folder / "data.py").write_text("def samples():\n    yield {}\n")
    (folder / "metrics.py").write_text("def own(): ...\ndef boxes(): ...\n")
    (folder / "broken.py").write_text("def f(:\n")
    (folder / "labels.txt").write_text("zero\none\n")
    np.savez(folder / "samples.npz", inputs=np.zeros(3))
    for name in ("cat", "dog"):
        (folder / "images" / name).mkdir(parents=True)
        (folder / "images" / name / "1.png").write_bytes(b"")
    (folder / "base.edge.yaml").write_text(SMALL)
    yield folder


def answered(folder: Path, content: bytes) -> bool:
    """Whether the bytes are a valid spec; anything but a plan or problems fails the test."""
    file = folder / "deployment.edge.yaml"
    file.write_bytes(content)
    began = time.process_time()
    try:
        loaded = spec.load(file)
    except SpecError as error:
        assert error.problems, "an error that says nothing"
        for problem in error.problems:
            readable(problem)
        return False
    finally:
        assert time.process_time() - began < LIMIT_S, "loading took too long"
    began = time.process_time()
    try:
        plan = lower([loaded])
    except EdgebuildError as error:
        assert all(problem.what.strip() for problem in error.problems)
    else:
        assert plan.specs
    assert time.process_time() - began < LIMIT_S, "planning took too long"
    return True


def readable(problem: Problem) -> None:
    """A problem says something, to a person, on a terminal, with a way out."""
    shown = problem.render()
    assert problem.what.strip(), "a problem that says nothing"
    assert problem.fix or "did you mean" in problem.what or "must" in problem.what, "a problem without a way out"
    assert len(shown) < 5000, "a problem nobody reads"
    assert all(line.isprintable() for line in shown.split("\n")), "a problem that moves the cursor"
    # What stands between backticks may be the user's own word.
    assert not OURS.search(re.sub("`[^`]*`", "", problem.what + problem.fix)), "a problem in words of ours"


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.partition("name: ")[2].split()[0])
def test_the_specs_are_valid_to_begin_with(seed: str, project: Path) -> None:
    assert answered(project, seed.encode())


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(mutated())
@example(b"")
@example(b"\xef\xbb\xbf")
def test_a_mutated_spec_is_answered(project: Path, content: bytes) -> None:
    answered(project, content)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(mutated())
def test_ten_thousand_mutated_specs_are_answered(project: Path, content: bytes) -> None:
    answered(project, content)


@pytest.mark.parametrize(("written", "key"), NAMES_WANTED, ids=[written for written, _ in NAMES_WANTED])
@pytest.mark.parametrize("value", NO_NAMES)
def test_what_is_no_name_is_refused(written: str, key: str, value: str, project: Path) -> None:
    assert written in SMALL
    assert not answered(project, SMALL.replace(written, key + value).encode())
