"""Predictions of a real model, raw and decoded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgebuild.core.wires import UserCode
from edgebuild.data.usercode import resolve
from edgebuild.errors import Refused, UserCodeError
from edgebuild.measure.predict import Predict
from tests.conftest import Bench, wire
from tests.measure.models import ORT, dense, expected, split


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "bench", model=dense(tmp_path / "model.onnx"), samples=split(tmp_path / "samples"))


def step(decode: UserCode | None = None) -> Predict:
    return Predict(model=wire("model"), call=ORT, samples=wire("samples"), decode=decode)


def arrays(file: Path) -> dict[str, np.ndarray]:
    with np.load(file) as archive:
        return {name: archive[name] for name in archive.files}


def test_outputs_are_those_of_the_model_without_its_batch_axis(bench: Bench) -> None:
    folder = bench.run(step())
    x = arrays(bench.path(wire("samples")) / "inputs.npz")["x"]

    outputs = arrays(folder / "outputs.npz")["y"]
    assert outputs.shape == (20, 4)
    # Eight float32 products and a tanh; implementations differ in the last bits.
    np.testing.assert_allclose(outputs, expected(x), atol=1e-6)
    np.testing.assert_array_equal(arrays(folder / "golden.npz")["y"].reshape(3, 4), outputs[:3])


def test_equal_predictions_are_equal_bytes(bench: Bench, tmp_path: Path) -> None:
    first = bench.run(step())
    second = Bench(tmp_path / "again", **bench.inputs).run(step())

    for file in sorted(first.iterdir()):
        assert file.read_bytes() == (second / file.name).read_bytes(), file.name


def user(tmp_path: Path, body: str) -> UserCode:
    (tmp_path / "post.py").write_text(f"import numpy as np\n\ndef keep(outputs):\n    {body}\n")
    return resolve(tmp_path, "post.py:keep")


def test_only_what_decode_keeps_is_stored_and_golden_stays_raw(bench: Bench, tmp_path: Path) -> None:
    folder = bench.run(step(user(tmp_path, "return outputs['y'].argmax()")))
    x = arrays(bench.path(wire("samples")) / "inputs.npz")["x"]

    outputs = arrays(folder / "outputs.npz")
    assert list(outputs) == ["decoded"]
    np.testing.assert_array_equal(outputs["decoded"], expected(x).argmax(axis=1))
    assert arrays(folder / "golden.npz")["y"].size == 12


def test_samples_of_several_lengths_end_in_nan(bench: Bench, tmp_path: Path) -> None:
    folder = bench.run(step(user(tmp_path, "return {'positive': outputs['y'][outputs['y'] > 0]}")))
    x = arrays(bench.path(wire("samples")) / "inputs.npz")["x"]

    kept = arrays(folder / "outputs.npz")["positive"]
    np.testing.assert_array_equal((~np.isnan(kept)).sum(axis=1), (expected(x) > 0).sum(axis=1))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return {'a' if outputs['y'][0] > 0 else 'b': outputs['y']}", "the first has"),
        ("return np.zeros((2, int(outputs['y'][0] > 0) + 1))", "more than their first axis"),
        ("return np.zeros(int(outputs['y'][0] > 0) + 1, dtype=np.int64)", "no NaN to pad with"),
        ("raise KeyError('boxes')", "boxes"),
    ],
)
def test_a_decode_that_breaks_its_contract_is_the_users_error(
    bench: Bench, tmp_path: Path, body: str, words: str
) -> None:
    with pytest.raises(UserCodeError, match=words):
        bench.run(step(user(tmp_path, body)))


def test_a_model_that_does_not_load_is_refused(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"bad")
    bench.inputs["model"] = tmp_path / "bad.onnx"

    with pytest.raises(Refused):
        bench.run(step())
