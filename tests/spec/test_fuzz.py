"""Whatever a file holds, the answer is a spec or problems, soon."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgebuild import spec
from edgebuild.errors import SpecError
from tests.spec.conftest import SPEC

LINES = SPEC.splitlines()
WORDS = sorted({word for line in LINES for word in line.replace("{", " ").replace("}", " ").replace(",", " ").split()})
VALUES = st.sampled_from(
    [*WORDS, "", "null", "[]", "{}", "[{}]", "no", "1.20", "*a", "&a x", "${x}", "-1", "'", "\t", "é"]
)


def answered(text: str) -> None:
    """Load a text; anything but problems fails the test."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "model.onnx").write_bytes(b"x")
        (folder / "data.py").write_text("def samples():\n    yield {}\n")
        (folder / "deployment.edge.yaml").write_text(text, encoding="utf-8")
        spent = time.process_time()
        try:
            spec.load(folder / "deployment.edge.yaml")
        except SpecError as error:
            assert error.problems
            assert all(problem.what for problem in error.problems)
        assert time.process_time() - spent < 1.0


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_mutated_spec_is_answered(data: st.DataObject) -> None:
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 4))):
        row = data.draw(st.integers(0, len(lines) - 1))
        change = data.draw(st.sampled_from(["drop", "double", "word", "indent", "swap"]))
        if change == "drop" and len(lines) > 1:
            del lines[row]
        elif change == "double":
            lines.insert(row, lines[row])
        elif change == "indent":
            lines[row] = data.draw(st.sampled_from(["  ", " ", ""])) + lines[row].strip()
        elif change == "swap":
            other = data.draw(st.integers(0, len(lines) - 1))
            lines[row], lines[other] = lines[other], lines[row]
        elif lines[row].split():
            word = data.draw(st.sampled_from(lines[row].split()))
            lines[row] = lines[row].replace(word, data.draw(VALUES), 1)
    answered("\n".join(lines) + "\n")


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_answered(text: str) -> None:
    answered(text.encode("utf-8", "replace").decode())
