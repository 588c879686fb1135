"""Training under integers: its scales are those of the artifacts, it repeats, it goes on, it gains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from edgebuild.compress.quantize.handed import hand_ranges
from edgebuild.compress.quantize.handed_onnx import onnx_values
from edgebuild.compress.quantize.handed_tflite import tflite_values
from edgebuild.compress.quantize.onnx_static import calibrate_ranges, quantize_static
from edgebuild.compress.quantize.ranges import read_ranges, rounded
from edgebuild.compress.quantize.tflite import quantize_tflite_static
from edgebuild.compress.quantize.tflite_calibrate import calibrate_tflite
from edgebuild.compress.train.fakequant import FakeQuant
from edgebuild.compress.train.folding import fold_norms
from edgebuild.compress.train.points import calibrate_keras
from edgebuild.compress.train.segment import MODEL, STATE
from edgebuild.compress.train.zeros import KeepZeros
from edgebuild.models.convert.import_onnx import import_onnx
from edgebuild.models.convert.tensorflow_to_onnx import tensorflow_to_onnx
from edgebuild.models.convert.tensorflow_to_tflite import tensorflow_to_tflite
from edgebuild.models.tidy.simplify import simplify
from tests.compress.train.conftest import Shed, accuracy, how, loaded, network, pictures, samples

HELD = {"constraints": (FakeQuant(), KeepZeros())}
ENDING = {"constraints": (FakeQuant(frozen=True), KeepZeros())}


def start(shed: Shed, model: Any) -> Path:
    """Save a model folded; the state that a training starts from."""
    model.save(shed.folder / "whole.keras")
    fold_norms(shed.folder / "whole.keras", shed.model)
    calibrate_keras(shed.model, samples(shed.folder / "calibrate", 40, 3), shed.folder / "state.npz")
    return shed.folder / "state.npz"


def trained(shed: Shed, state: Path, rates: tuple[float, ...] = (1e-3,)) -> Path:
    """Some epochs, and the last one with ranges that stand still."""
    one = shed.train(how(rates=rates, **HELD), state=state)
    last = how(first=len(rates), rates=rates[-1:], **ENDING)
    return shed.train(last, model=one / MODEL, state=one / STATE)


def test_starts_from_the_ranges_of_the_calibration_and_follows_the_batches(shed: Shed) -> None:
    state = start(shed, network())
    began = np.load(state)["fakequant/range/image"]
    x, _ = pictures(40, 3)
    rows = x.reshape(40, -1)
    np.testing.assert_allclose(began, [rows.min(1).mean(), rows.max(1).mean()], rtol=1e-5)
    moved = np.load(shed.train(how(**HELD), state=state) / STATE)["fakequant/range/conv"]
    still = np.load(shed.train(how(**ENDING), state=state) / STATE)["fakequant/range/conv"]
    np.testing.assert_allclose(still, np.load(state)["fakequant/range/conv"], rtol=2**-11)
    assert (moved != still).any()


def test_weights_are_whole_steps_and_the_exact_ones_go_on(shed: Shed) -> None:
    done = shed.train(how(**HELD), state=start(shed, network()))
    kernel = loaded(done).get_layer("conv").get_weights()[0]
    exact = np.load(done / STATE)["fakequant/kernel/conv"]
    scale = np.abs(kernel).max((0, 1, 2)) / np.float32(127)
    steps = kernel / scale
    assert (steps == np.rint(steps)).all()
    assert [rounded(float(item)) for item in scale] == [float(item) for item in scale]
    assert (exact != kernel).mean() > 0.5
    assert np.abs(exact - kernel).max() <= 0.51 * scale.max()
    # Nothing moves at a rate of 0: the next segment begins at the exact weights.
    again = shed.train(how(first=2, rates=(0.0,), **ENDING), model=done / MODEL, state=done / STATE)
    assert (np.load(again / STATE)["fakequant/kernel/conv"] == exact).all()


def test_one_seed_gives_the_same_bytes(shed: Shed) -> None:
    state = start(shed, network(normalized=True))
    first, again = (shed.train(how(**HELD), state=state) for _ in range(2))
    for name in (MODEL, STATE):
        assert (first / name).read_bytes() == (again / name).read_bytes()


def branched() -> Any:
    """Depthwise, a residual, a concatenation, both ways to write ReLU, normalization, a mean and a softmax."""
    keras.utils.set_random_seed(7)
    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Conv2D(8, 3, padding="same", use_bias=False, name="conv")(image)
    x = entry = keras.layers.ReLU(name="conv_relu")(keras.layers.BatchNormalization(name="norm")(x))
    x = keras.layers.DepthwiseConv2D(3, padding="same", activation="relu", name="depth")(x)
    x = keras.layers.Conv2D(8, 1, name="point")(x)
    x = keras.layers.ReLU(name="sum_relu")(keras.layers.Add(name="sum")([x, entry]))
    x = keras.layers.Concatenate(name="joined")([x, keras.layers.Conv2D(4, 1, activation="relu", name="side")(x)])
    x = keras.layers.GlobalAveragePooling2D(name="mean")(keras.layers.AveragePooling2D(2, name="pool")(x))
    return keras.Model(image, keras.layers.Dense(3, activation="softmax", name="scores")(x))


def wanted(done: Path) -> tuple[set[tuple[np.float32, int]], set[bytes]]:
    """Scale and zero point (of −128 … 127) of each range, and the scales of each layer, by the formulas."""
    ranges = {key: value for key, value in np.load(done / STATE).items() if "/range/" in key}
    between = set()
    for low, high in ranges.values():
        scale = (high - low) / np.float32(255)
        between.add((scale, int(np.rint(-low / scale)) - 128))
    weights = set()
    for layer in loaded(done).layers:
        if hasattr(layer, "kernel"):
            kernel = layer.get_weights()[0]
            axes = (0, 1) if "Depthwise" in type(layer).__name__ else tuple(range(kernel.ndim - 1))
            weights.add((np.abs(kernel).max(axes) / np.float32(127)).ravel().tobytes())
    return between, weights


def tflite_scales(file: Path) -> tuple[set[tuple[np.float32, int]], set[bytes]]:
    from ai_edge_litert.interpreter import Interpreter

    made = Interpreter(str(file))
    made.allocate_tensors()
    between, weights = set(), set()
    constant = {int(i) for op in made._get_ops_details() for i in op["inputs"]} - {
        int(i) for op in made._get_ops_details() for i in op["outputs"]
    }
    for item in made.get_tensor_details():
        scales, zeros = item["quantization_parameters"]["scales"], item["quantization_parameters"]["zero_points"]
        if item["dtype"] == np.int8 and int(item["index"]) in constant:
            weights.add(scales.tobytes())
        elif item["dtype"] == np.int8:
            between.add((scales[0], int(zeros[0])))
    return between, weights


def onnx_scales(file: Path) -> tuple[set[tuple[np.float32, int]], set[bytes]]:
    import onnx

    graph = onnx.load(file).graph
    stored = {item.name: onnx.numpy_helper.to_array(item) for item in graph.initializer}
    between, weights = set(), set()
    for node in graph.node:
        if node.op_type == "QuantizeLinear":
            between.add((stored[node.input[1]].ravel()[0], int(stored[node.input[2]].ravel()[0]) - 128))
        elif stored.get(node.input[0], np.zeros(0)).dtype == np.int8:
            weights.add(stored[node.input[1]].ravel().tobytes())
    return between, weights


@pytest.fixture
def done(shed: Shed) -> Path:
    return trained(shed, start(shed, branched()))


def test_scales_of_the_training_are_those_of_the_tflite_model(shed: Shed, done: Path) -> None:
    folder = shed.folder
    tensorflow_to_tflite(done / MODEL, "keras", folder / "float.tflite", {"batch": 1}, {})
    calibrate_tflite(folder / "float.tflite", folder / "calibrate" / "inputs.npz", folder / "ptq.json", "average")
    ptq = read_ranges(folder / "ptq.json")
    hand_ranges(done, folder / "float.tflite", ptq, folder / "calibrate", folder / "ranges.json", tflite_values)
    quantize_tflite_static(folder / "float.tflite", read_ranges(folder / "ranges.json"), folder / "model.tflite")
    (between, weights), (found, stored) = wanted(done), tflite_scales(folder / "model.tflite")
    # Of `image`, `conv_relu`, `depth`, `point`, `sum`'s ReLU with its parts, `mean` and the logits; of five layers.
    assert (len(between), len(weights)) == (7, 5)
    assert weights == stored
    assert between <= found
    # The softmax has a scale of its own, and nothing else has.
    assert found - between == {(np.float32(1 / 256), -128)}


def test_scales_of_the_training_are_those_of_the_qdq_model(shed: Shed, done: Path) -> None:
    folder = shed.folder
    tensorflow_to_onnx(done / MODEL, "keras", folder / "checked.onnx", {"batch": 1}, {})
    simplify(folder / "checked.onnx", folder / "float.onnx", {"batch": 1}, {})
    calibrate_ranges(folder / "float.onnx", folder / "calibrate" / "inputs.npz", folder / "ptq.json", "minmax")
    ptq = read_ranges(folder / "ptq.json")
    hand_ranges(done, folder / "float.onnx", ptq, folder / "calibrate", folder / "ranges.json", onnx_values)
    quantize_static(folder / "float.onnx", read_ranges(folder / "ranges.json"), folder / "model.onnx")
    (between, weights), (found, stored) = wanted(done), onnx_scales(folder / "model.onnx")
    assert weights == stored
    assert between <= found


def loud(model: Any) -> Any:
    """Nearly the same function, with its loudest channel 3000 times as loud, which then says nothing."""
    conv, depth = model.get_layer("conv"), model.get_layer("depth")
    kernel, bias = conv.get_weights()
    heard = keras.Model(model.inputs, conv.output).predict(pictures(40, 3)[0], verbose=0).max((0, 1, 2))
    factor = np.where(np.arange(16) == heard.argmax(), 3000, 1).astype(np.float32)
    conv.set_weights([kernel * factor, bias * factor])
    kernel, bias = depth.get_weights()
    depth.set_weights([kernel / (factor * factor)[:, None], bias])
    return model


def in_integers(shed: Shed, source: Path, name: str, trained_in: Path | None = None) -> float:
    """Accuracy of the static INT8 TFLite model, on pictures that no training saw."""
    from edgebuild.runtimes.litert.session import open as opened

    folder = shed.folder
    made = folder / f"{name}.tflite"
    tensorflow_to_tflite(source, "keras", made, {"batch": 1}, {})
    calibrate_tflite(made, folder / "calibrate" / "inputs.npz", folder / f"{name}.json", "average")
    if trained_in:
        ranges = read_ranges(folder / f"{name}.json")
        hand_ranges(trained_in, made, ranges, folder / "calibrate", folder / f"{name}.json", tflite_values)
    quantize_tflite_static(made, read_ranges(folder / f"{name}.json"), folder / f"{name}8.tflite")
    session = opened(folder / f"{name}8.tflite", {})
    x, y = pictures(300, 99)
    found = [int(next(iter(session.run({"image": row[None]}).values())).argmax()) for row in x]
    return float((np.array(found) == y).mean())


def test_gains_where_quantizing_alone_loses(shed: Shed) -> None:
    keras.utils.set_random_seed(1)
    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Conv2D(16, 3, padding="same", activation="relu", name="conv")(image)
    x = keras.layers.DepthwiseConv2D(3, padding="same", activation="relu", name="depth")(x)
    x = keras.layers.Flatten(name="flat")(keras.layers.AveragePooling2D(4, name="pool")(x))
    shed.save(keras.Model(image, keras.layers.Dense(3, activation="softmax", name="scores")(x)))
    learned = loud(loaded(shed.train(how(rates=(1e-2,) * 4))))
    state = start(shed, learned)
    before = in_integers(shed, shed.model, "ptq")
    done = trained(shed, state, rates=(3e-3,) * 6)
    after = in_integers(shed, done / MODEL, "qat", done)
    whole = accuracy(learned)
    assert whole > 0.9
    # Steps of the loud channel's range are larger than what the others say.
    assert before < whole - 0.2
    assert after > before + 0.15


def test_scales_of_a_qdq_model_of_ones_own_are_kept(shed: Shed, done: Path) -> None:
    folder = shed.folder
    tensorflow_to_onnx(done / MODEL, "keras", folder / "float.onnx", {"batch": 1}, {})
    calibrate_ranges(folder / "float.onnx", folder / "calibrate" / "inputs.npz", folder / "ptq.json", "minmax")
    quantize_static(folder / "float.onnx", read_ranges(folder / "ptq.json"), folder / "own.onnx")
    # The way of `candidates: {qat: {source: own.onnx}}`.
    import_onnx(folder / "own.onnx", folder / "checked.onnx", {}, {})
    simplify(folder / "checked.onnx", folder / "model.onnx", {}, {})
    assert onnx_scales(folder / "model.onnx") == onnx_scales(folder / "own.onnx")
    assert len(onnx_scales(folder / "own.onnx")[0]) > 5
