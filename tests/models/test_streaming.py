"""Real models that see one step at a time, through every runtime."""

from __future__ import annotations

import json
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import pytest

from edgebuild.core.dossier import Call, Loop
from edgebuild.data.arrays import load_arrays, save_arrays
from edgebuild.measure.predict import predict
from edgebuild.models.convert.onnx_to_coreml import onnx_to_coreml
from edgebuild.runtimes.coreml.states import keep_states
from tests.models.streaming import build, write_digits, write_silero


def dossier(folder: Path, name: str, target: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "build" / name / "dossiers" / f"{target}.json").read_text())
    return found


def number(found: dict[str, Any], candidate: str, quantity: str) -> float:
    """A candidate's value on the split that judges."""
    one = next(item for item in found["candidates"] if item["name"] == candidate)
    told = [row for row in one["measurements"] if row["quantity"] == quantity and row.get("split") in ("", "report")]
    return float(told[0]["value"])


def by_hand(model: Path, x: np.ndarray) -> np.ndarray:
    """What Silero's own loop says of each step: (samples, steps, 1)."""
    import onnxruntime as ort

    session = ort.InferenceSession(str(model))
    said = np.zeros((*x.shape[:2], 1), np.float32)
    for row, sample in enumerate(x):
        state = np.zeros((2, 1, 128), np.float32)
        for step, piece in enumerate(sample):
            answer, state = session.run(["output", "stateN"], {"input": piece[None], "state": state})
            said[row, step] = answer[0]
    return said


def test_silero_hears_what_its_own_loop_hears(tmp_path: Path) -> None:
    x = write_silero(tmp_path, count=4)
    model = Path(str(distribution("silero-vad").locate_file("silero_vad/data/silero_vad_openvino_16k.onnx")))
    call = Call(
        session="edgebuild.runtimes.onnxruntime.session",
        runtime="onnxruntime",
        loop=Loop(steps=("input",), states={"state": "stateN"}),
    )
    save_arrays(tmp_path / "inputs.npz", {"input": x})
    predict(model, call, tmp_path / "inputs.npz", tmp_path / "out")
    said = load_arrays(tmp_path / "out" / "outputs.npz")["output"]

    # One runtime, one graph, one thread: the same numbers up to its choice of kernels.
    np.testing.assert_allclose(said, by_hand(model, x), atol=1e-6)
    assert said.max() - said.min() > 0.1, "the detector tells steps apart"


@pytest.mark.slow
def test_silero_says_the_same_in_every_runtime(tmp_path: Path) -> None:
    write_silero(tmp_path)
    build(tmp_path)

    for target in ("ort", "litert", "coreml"):
        # Seen 0, 1.5e-6 and 7.2e-7 over up to 50 steps.
        assert number(dossier(tmp_path, "vad", target), "source", "parity") < 1e-4


@pytest.mark.slow
def test_silero_goes_on_by_itself_in_core_ml(tmp_path: Path) -> None:
    """iOS 18: in float16 the same bits with its state inside; in float32 the state alone is rounded."""
    x = write_silero(tmp_path, count=3)
    save_arrays(tmp_path / "inputs.npz", {"input": x})
    source = Path(str(distribution("silero-vad").locate_file("silero_vad/data/silero_vad_openvino_16k.onnx")))
    model, loop = onnx.load(source), Loop(steps=("input",), states={"state": "stateN"})
    for dim in (dim for item in (*model.graph.input, *model.graph.output) for dim in item.type.tensor_type.shape.dim):
        if dim.dim_param:
            dim.dim_value = 1
    onnx.save(model, tmp_path / "one.onnx")
    wanted, said = by_hand(source, x), {}
    for precision in ("float32", "float16"):
        fed, kept = tmp_path / f"{precision}.mlpackage", tmp_path / f"{precision}-kept.mlpackage"
        whole: Literal["float32", "float16"] = "float16" if precision == "float16" else "float32"
        onnx_to_coreml(tmp_path / "one.onnx", fed, minimum_os="iOS18", precision=whole)
        keep_states(fed, kept, loop.states, every=True)
        for package in (fed, kept):
            call = Call(session="edgebuild.runtimes.coreml.session", runtime="coreml", loop=loop)
            predict(package, call, tmp_path / "inputs.npz", tmp_path / f"{package.stem}-out")
            said[package.stem] = load_arrays(tmp_path / f"{package.stem}-out" / "outputs.npz")["output"]

    np.testing.assert_array_equal(said["float16-kept"], said["float16"])
    # Seen 6.6e-7, 4.5e-4 and 1.4e-3.
    far = {name: float(np.abs(found - wanted).max()) for name, found in said.items()}
    assert far["float32"] < 1e-5 < far["float32-kept"] < far["float16"] < 1e-2


@pytest.mark.slow
def test_digits_row_by_row_are_as_good_as_all_rows_at_once(tmp_path: Path) -> None:
    whole = write_digits(tmp_path)
    build(tmp_path)

    for target, integers in (
        ("ort", "int8"),
        ("litert", "int8"),
        ("coreml", "int8"),
        ("micro", "int8"),
        ("rtx", "int8"),
    ):
        found = dossier(tmp_path, "rows", target)
        # The report holds 600 of the 1,097 digits that `whole` is about: a share of 0.95 scatters by 0.9 points.
        assert abs(number(found, "source", "accuracy") - whole) < 3
        assert number(found, "source", "parity") < 1e-4
        # Seen drops of -0.2 to 1.7 points.
        assert number(found, integers, "accuracy.drop") < 4
        assert found["sequence"]["states"][0]["output"] == "state_out"


@pytest.mark.slow
def test_a_step_with_the_weights_of_a_sequence_comes_to_the_same(tmp_path: Path) -> None:
    write_digits(tmp_path)
    with np.load(tmp_path / "rows.npz") as archive:
        save_arrays(tmp_path / "inputs.npz", {"row": archive["row"]})
    loop = Loop(steps=("row",), states={"state": "state_out"})
    call = Call(session="edgebuild.runtimes.reference.session", runtime="keras", loop=loop)
    predict(tmp_path / "rows.keras", call, tmp_path / "inputs.npz", tmp_path / "out")
    said = load_arrays(tmp_path / "out" / "outputs.npz")["probs"]

    assert said.shape == (1097, 8, 10)
    # Eight steps of a GRU in float32, once by steps and once by batches.
    np.testing.assert_allclose(said[:, -1], np.load(tmp_path / "whole.npy"), atol=1e-5)
