"""Every known mistake and the exact answer to it: `tests/failing/NAME.yaml` and `NAME.txt`.

A new mistake is two files and no code. `UPDATE=1 pytest tests/spec/test_failing.py` writes the answers again.
"""

from __future__ import annotations

import os
import pickle
import time
import zipfile
from pathlib import Path

import pytest

from edgebuild import spec
from edgebuild.errors import SpecError

FAILING = Path(__file__).resolve().parents[1] / "failing"
NAMES = sorted(path.stem for path in FAILING.glob("*.yaml"))
LIMIT_S = 2.0
"""Of processor time for any answer; they take a few hundredths, and more where garbage of a thousand tests is collected
meanwhile. What this is held against, aliases of aliases, would take minutes."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the specs name and is right."""
    (tmp_path / "model.onnx").write_bytes(b"not read before a build")
    (tmp_path / "model.tflite").write_bytes(b"not read before a build")
    (tmp_path / "model.joblib").write_bytes(b"")
    (tmp_path / "pickled.pt").write_bytes(pickle.dumps({"weight": [1.0]}))
    with zipfile.ZipFile(tmp_path / "weights.pth", "w") as archive:
        archive.writestr("weights/data.pkl", b"")
    (tmp_path / "data.py").write_text("def samples():\n    yield {}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answer(file: Path) -> str:
    """All problems as a person reads them, and how many."""
    with pytest.raises(SpecError) as caught:
        spec.load(file)
    problems = caught.value.problems
    helpful = [problem.fix or "did you mean" in problem.what or "must" in problem.what for problem in problems]
    assert all(helpful), "a problem without a way out"
    return "\n".join([*(problem.render() for problem in problems), f"= {len(problems)}", ""])


@pytest.mark.parametrize("name", NAMES)
def test_a_mistake_has_its_answer(name: str, project: Path) -> None:
    file, wanted = project / "deployment.edge.yaml", FAILING / f"{name}.txt"
    given = FAILING / f"{name}.yaml"
    if given.is_dir():
        file.mkdir()
    else:
        file.write_bytes(given.read_bytes())
    spent = time.process_time()
    found = answer(file)
    spent = time.process_time() - spent
    if os.environ.get("UPDATE"):
        wanted.write_text(found, encoding="utf-8")
    assert found == wanted.read_text(encoding="utf-8")
    assert str(project) not in found
    assert spent < LIMIT_S


def test_no_file_at_all(project: Path) -> None:
    assert "does not exist" in answer(project / "deployment.edge.yaml")
