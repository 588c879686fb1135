"""One run of the model for each step, its states fed back between them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.runner import arrays
from edgebuild.runner.__main__ import main
from edgebuild.runner.sequence import LENGTHS

SUM = """\
<ir_version: 8, opset_import: ["" : 17]>
sum (float[batch, 2] x, float[batch, 2] h) => (float[batch, 2] y, float[batch, 2] h_out) {
  h_out = Add(x, h)
  y = Neg(h_out)
}
"""
LOOP: dict[str, Any] = {"steps": ["x"], "states": {"h": "h_out"}}


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    """A model that adds up its steps, and answers with the negative."""
    import onnx

    onnx.save(onnx.parser.parse_model(SUM), tmp_path / "sum.onnx")
    return tmp_path / "sum.onnx"


def run(model: Path, what: str, samples: dict[str, np.ndarray], loop: dict[str, Any] | None, **parameters: int) -> Path:
    """The folder with what a runner wrote."""
    folder = model.parent
    arrays.save(folder / "inputs.npz", samples)
    call = {"session": "edgebuild.runtimes.onnxruntime.session", "runtime": "onnxruntime", "loop": loop}
    asked = {
        "what": what,
        "models": [{"path": str(model), "call": call}],
        "inputs": str(folder / "inputs.npz"),
        "parameters": parameters,
    }
    (folder / "job.json").write_text(json.dumps(asked))
    assert main([str(folder / "job.json"), str(folder / "out")]) == 0
    return folder / "out"


def sequences(count: int = 4, steps: int = 5) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, steps, 2)).astype(np.float32)


def test_a_state_is_fed_back_and_starts_anew_with_each_sample(sums: Path) -> None:
    x = sequences()
    said = arrays.load(run(sums, "predict", {"x": x}, LOOP) / "outputs.npz")

    assert list(said) == ["y"], "an output that feeds a state is no answer"
    # Sums of five float32, in another order than numpy's cumulative ones at most in the last digit.
    np.testing.assert_allclose(said["y"], -np.cumsum(x, axis=1), rtol=1e-5, atol=1e-6)


def test_a_state_begins_with_the_number_that_is_asked_for(sums: Path) -> None:
    x = sequences()
    said = arrays.load(run(sums, "predict", {"x": x}, {**LOOP, "initial": {"h": 3.0}}) / "outputs.npz")

    np.testing.assert_allclose(said["y"], -3 - np.cumsum(x, axis=1), rtol=1e-5, atol=1e-6)


def test_shorter_sequences_end_where_they_end(sums: Path) -> None:
    x = sequences(3)
    said = arrays.load(run(sums, "predict", {"x": x, LENGTHS: np.array([5, 2, 4])}, LOOP) / "outputs.npz")["y"]

    assert np.isnan(said[1, 2:]).all() and np.isnan(said[2, 4:]).all()
    assert not np.isnan(said[0]).any() and not np.isnan(said[1, :2]).any()


def test_golden_steps_follow_each_other(sums: Path) -> None:
    out = run(sums, "predict", {"x": sequences()}, LOOP, golden=3)
    given, said = arrays.load(out / "golden-inputs.npz"), arrays.load(out / "golden.npz")

    assert given["x"].shape == (3, 1, 2) and given["h"].shape == said["h_out"].shape == (3, 1, 2)
    assert not given["h"][0].any()
    np.testing.assert_array_equal(given["h"][1:], said["h_out"][:-1])


def test_single_steps_are_fed_what_their_sequence_led_to(sums: Path) -> None:
    x = sequences()
    before = np.concatenate([np.zeros((4, 1, 2), np.float32), np.cumsum(x, axis=1)[:, :-1]], axis=1)
    known = {tuple(row): state for row, state in zip(x.reshape(-1, 2).tolist(), before.reshape(-1, 2), strict=True)}
    kept = arrays.load(run(sums, "steps", {"x": x}, LOOP, most=12) / "inputs.npz")

    assert kept["x"].shape == kept["h"].shape == (12, 1, 2)
    for row, state in zip(kept["x"][:, 0].tolist(), kept["h"][:, 0], strict=True):
        np.testing.assert_allclose(state, known[tuple(row)], rtol=1e-5, atol=1e-6)
    again = arrays.load(run(sums, "steps", {"x": x}, LOOP, most=5) / "inputs.npz")
    np.testing.assert_array_equal(again["x"], kept["x"][:5])


def test_an_input_without_steps_is_the_same_in_all(sums: Path) -> None:
    import onnx

    text = SUM.replace("x, float[batch, 2] h)", "x, float[batch, 2] h, float[batch, 2] k)").replace(
        "h_out = Add(x, h)", "both = Mul(x, k)  h_out = Add(both, h)"
    )
    onnx.save(onnx.parser.parse_model(text), sums)
    x, k = sequences(), np.arange(8, dtype=np.float32).reshape(4, 2)
    said = arrays.load(run(sums, "predict", {"x": x, "k": k}, LOOP) / "outputs.npz")["y"]

    np.testing.assert_allclose(said, -np.cumsum(x * k[:, None], axis=1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("loop", "said"),
    [
        ({"steps": ["x"], "states": {"h": "gone"}}, "state `h` is fed from `gone`; the model's outputs are y, h_out."),
        ({"steps": ["x"], "states": {}}, "no samples for h"),
    ],
)
def test_a_loop_that_does_not_suit_the_model_says_why(
    sums: Path, loop: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AssertionError):
        run(sums, "predict", {"x": sequences()}, loop)
    assert said in capsys.readouterr().err


def test_a_state_that_grows_is_no_state(sums: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import onnx

    onnx.save(
        onnx.parser.parse_model(
            SUM.replace("[batch, 2] h_out) {", "[n, 2] h_out) {").replace(
                "h_out = Add(x, h)\n  y = Neg(h_out)", "h_out = Concat<axis=0>(x, h)\n  y = Neg(x)"
            )
        ),
        sums,
    )
    with pytest.raises(AssertionError):
        run(sums, "predict", {"x": sequences()}, LOOP)
    assert "state `h` has shape [1, 2], the output `h_out` that feeds it [2, 2]" in capsys.readouterr().err
