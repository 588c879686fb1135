"""The session of Core ML packages: names, images, classes, states, and a vendor's own package."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.runtimes.coreml import ports, session
from edgebuild.runtimes.coreml.library import ct
from edgebuild.runtimes.coreml.ports import NAMES
from tests.runtimes.coreml.programs import function, mb, saved

PITCH = Path(find_spec("basic_pitch").origin).parent / "saved_models" / "icassp_2022"  # type: ignore[union-attr,arg-type]
RANDOM = np.random.default_rng(5)


def real(*shape: int) -> np.ndarray:
    return RANDOM.normal(size=shape).astype(np.float32)


def test_a_vendors_package_says_what_its_onnx_says() -> None:
    """Spotify made both files from one Keras model, with other converters than ours."""
    import onnxruntime as ort

    other = ort.InferenceSession(str(PITCH / "nmp.onnx"), providers=["CPUExecutionProvider"])
    loaded = session.open(str(PITCH / "nmp.mlpackage"), {"threads": 1})
    assert loaded.inputs == [{"name": "input_2", "shape": [1, 43844, 1], "dtype": "float32"}]
    time = np.arange(43844) / 22050
    tones = sum(volume * np.sin(2 * np.pi * pitch * time) for volume, pitch in ((0.3, 440), (0.2, 660), (0.1, 1760)))
    wanted_names = [item.name for item in other.get_outputs()]
    # Behind a logarithm of spectral power: near silence two orders of one sum differ by far more.
    for audio in (tones.astype(np.float32).reshape(1, -1, 1) + 0.05 * real(1, 43844, 1), 0.1 * real(1, 43844, 1)):
        wanted = dict(zip(wanted_names, other.run(None, {other.get_inputs()[0].name: audio}), strict=True))
        found = loaded.run({"input_2": audio})
        for ours, theirs in zip(("Identity", "Identity_1", "Identity_2"), (0, 1, 2), strict=True):
            np.testing.assert_allclose(found[ours], wanted[f"StatefulPartitionedCall:{theirs}"], atol=1e-4)


def convolved(x: Any) -> Any:
    made = np.random.default_rng(1)
    y = mb.conv(x=x, weight=made.normal(size=(4, 3, 3, 3)).astype(np.float32), pad_type="same", strides=[2, 2])
    y = mb.reduce_mean(x=mb.relu(x=y), axes=[2, 3])
    return mb.softmax(x=mb.linear(x=y, weight=made.normal(size=(4, 4)).astype(np.float32)), name="p")


@pytest.fixture(scope="module")
def cnn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(
        tmp_path_factory.mktemp("cnn") / "m.mlpackage", function(convolved, {"x": np.zeros((1, 3, 8, 8), np.float32)})
    )


def test_unknown_options_are_declined(cnn: Path) -> None:
    with pytest.raises(ValueError, match="unknown session options: quick"):
        session.open(str(cnn), {"quick": True})
    with pytest.raises(ValueError, match="`compute_units` must be one of all, cpu_only"):
        session.open(str(cnn), {"compute_units": "gpu"})


def test_versions_name_what_decides() -> None:
    assert {"coremltools", "numpy"} <= session.versions().keys()


def test_a_wrong_shape_is_told(cnn: Path) -> None:
    with pytest.raises(ValueError, match=r"`x` has shape \[1, 3, 8, 9\]; the program takes \[1, 3, 8, 8\]"):
        session.open(str(cnn), {}).run({"x": real(1, 3, 8, 9)})


def test_a_missing_input_is_named(cnn: Path) -> None:
    with pytest.raises(ValueError, match="no value for x"):
        session.open(str(cnn), {}).run({"y": real(1, 3, 8, 8)})


def test_what_a_caller_does_with_an_output_stays_with_the_caller(tmp_path: Path) -> None:
    made = function(lambda x: (mb.identity(x=x, name="same"), mb.const(val=np.float32([1, 2]), name="two")),
                    {"x": np.zeros(2, np.float32)})  # fmt: skip
    loaded = session.open(str(saved(tmp_path / "m.mlpackage", made)), {})
    feed = {"x": np.float32([3, 4])}
    for value in loaded.run(feed).values():
        np.add(value, 1, out=value)
    assert feed["x"].tolist() == [3, 4]
    assert [value.tolist() for value in loaded.run(feed).values()] == [[3, 4], [1, 2]]


def test_whole_numbers_as_classes(tmp_path: Path) -> None:
    made = function(convolved, {"x": np.zeros((1, 3, 8, 8), np.float32)})
    package = saved(tmp_path / "m.mlpackage", made, classifier_config=ct.ClassifierConfig([10, 20, 30, 40]))
    loaded = session.open(str(package), {})
    found = loaded.run({"x": real(1, 3, 8, 8)})
    label, marks = (found[item["name"]] for item in loaded.outputs)
    assert (label.dtype, label.shape, marks.shape) == (np.int64, (1,), (1, 4))
    assert label[0] == 10 * (marks.argmax() + 1)


def test_trace_counts_every_operator(cnn: Path) -> None:
    traced = session.open(str(cnn), {}).trace({"x": real(1, 3, 8, 8)}, 3)
    assert traced["graph"] == {"conv": 1, "linear": 1, "reduce_mean": 1, "relu": 1, "softmax": 1}
    times = [op[3] for op in traced["ops"]]
    assert times == sorted(times, reverse=True) and times[-1] > 0
    assert {op[2] for op in traced["ops"]} == {"evaluator"}


def test_original_names_and_types_are_used(tmp_path: Path) -> None:
    made = function(lambda ids: mb.identity(x=mb.add(x=ids, y=1), name="out"), {"ids": np.zeros(3, np.int32)})
    package = saved(tmp_path / "m.mlpackage", made)
    spec = ct.utils.load_spec(str(package))
    spec.description.metadata.userDefined[NAMES] = json.dumps(
        {
            "inputs": {"ids": {"name": "input:ids", "dtype": "int64"}},
            "outputs": {"out": {"name": "out/0", "dtype": "int64"}},
        }
    )
    written = next(package.rglob("*.mlmodel"))
    written.write_bytes(spec.SerializeToString())
    loaded = session.open(str(package), {})
    assert loaded.inputs == [{"name": "input:ids", "shape": [3], "dtype": "int64"}]
    found = loaded.run({"input:ids": np.int64([1, 2, 3])})["out/0"]
    assert found.dtype == np.int64 and found.tolist() == [2, 3, 4]
    with pytest.raises(ValueError, match="`input:ids` has values beyond 32 bits"):
        loaded.run({"input:ids": np.int64([1, 2, 2**40])})


def test_a_number_beyond_float32_is_refused_and_infinity_is_not() -> None:
    port = ports.Port("x", "x", (3,), "float32", "float64")
    assert np.isinf(port.offered(np.float64([1, np.inf, np.nan]))[1])
    with pytest.raises(ValueError, match="`x` has values beyond float32"):
        port.offered(np.float64([1, 2, -1e300]))


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(
        tmp_path_factory.mktemp("cls") / "m.mlpackage", function(convolved, {"x": np.zeros((1, 3, 8, 8), np.float32)}),
        inputs=[ct.ImageType("x", shape=(1, 3, 8, 8), scale=1 / 255, bias=[-0.4, -0.5, -0.6], color_layout="BGR")],
        classifier_config=ct.ClassifierConfig(["red", "green", "blue", "none"]),
    )  # fmt: skip


def test_images_and_classes(classifier: Path, cnn: Path) -> None:
    loaded = session.open(str(classifier), {})
    assert loaded.inputs == [{"name": "x", "shape": [1, 3, 8, 8], "dtype": "float32", "image": "BGR"}]
    image = RANDOM.integers(0, 256, (8, 8, 3)).astype(np.uint8)
    planes = image.transpose(2, 0, 1)[None]
    scaled = planes.astype(np.float32) / 255 + np.float32([-0.4, -0.5, -0.6]).reshape(1, 3, 1, 1)
    wanted = session.open(str(cnn), {}).run({"x": scaled})["p"]
    for offered in (image, planes, image[None], planes.astype(np.float32)):
        found = loaded.run({"x": offered})
        np.testing.assert_allclose(found["classLabel_probs"], wanted, atol=1e-6)
        assert found["classLabel"].tolist() == [["red", "green", "blue", "none"][int(wanted.argmax())]]
    assert loaded.outputs[1]["classes"] == ["red", "green", "blue", "none"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (np.zeros((8, 9, 3)), "has shape"),
        (np.full((8, 8, 3), 0.5), "whole values"),
        (np.full((8, 8, 3), 300), "0 to 255"),
    ],
)
def test_what_is_no_image_is_told(wrong: np.ndarray, said: str, classifier: Path) -> None:
    with pytest.raises(ValueError, match=said):
        session.open(str(classifier), {}).run({"x": wrong})


def test_states_last_from_run_to_run_until_reset(tmp_path: Path) -> None:
    def counted(x: Any, total: Any) -> Any:
        return mb.coreml_update_state(state=total, value=mb.add(x=mb.read_state(input=total), y=x), name="y")

    half = np.zeros(2, np.float16)
    made = function(counted, {"x": half}, ct.target.iOS18, states={"total": half})
    loaded = session.open(str(saved(tmp_path / "m.mlpackage", made, ct.target.iOS18)), {})
    key = loaded.outputs[0]["name"]
    sums = [loaded.run({"x": np.float16([1, 2])})[key].tolist() for _ in range(3)]
    assert sums == [[1, 2], [2, 4], [3, 6]]
    loaded.reset()
    assert loaded.run({"x": np.float16([1, 2])})[key].tolist() == [1, 2]
    other = session.open(str(tmp_path / "m.mlpackage"), {})
    assert other.run({"x": np.float16([1, 2])})[key].tolist() == [1, 2]


def test_loops_and_branches(tmp_path: Path) -> None:
    def grown(x: Any) -> Any:
        (grown,) = [mb.while_loop(
            _cond=lambda v: mb.less(x=mb.reduce_sum(x=v), y=100.0), _body=lambda v: mb.mul(x=v, y=2.0), loop_vars=(x,)
        )]  # fmt: skip
        last = grown if not isinstance(grown, tuple) else grown[0]
        return mb.cond(
            pred=mb.greater(x=mb.reduce_max(x=last), y=80.0), _true_fn=lambda: mb.add(x=last, y=1.0),
            _false_fn=lambda: mb.sub(x=last, y=1.0),
        )  # fmt: skip

    made = function(grown, {"x": np.ones(3, np.float32)})
    loaded = session.open(str(saved(tmp_path / "m.mlpackage", made)), {})
    name = loaded.outputs[0]["name"]
    assert loaded.run({"x": np.float32([1, 1, 1])})[name].tolist() == [63, 63, 63]
    assert loaded.run({"x": np.float32([0, 0, 30])})[name].tolist() == [0 + 1, 1, 121]


def test_an_axis_that_may_vary(tmp_path: Path) -> None:
    from coremltools.converters.mil.mil import get_new_symbol

    inputs = {"x": mb.placeholder(shape=(get_new_symbol(), 3, 8, 8))}
    with ct.converters.mil.mil.Function(inputs, opset_version=ct.target.iOS17) as made:
        made.set_outputs([convolved(made.inputs["x"])])
    flexible = [ct.TensorType("x", shape=ct.Shape([ct.RangeDim(1, 16, 1), 3, 8, 8]))]
    loaded = session.open(str(saved(tmp_path / "m.mlpackage", made, inputs=flexible)), {})
    assert loaded.inputs[0]["shape"] == [-1, 3, 8, 8]
    batch = real(5, 3, 8, 8)
    together = loaded.run({"x": batch})["p"]
    apart = np.concatenate([loaded.run({"x": row[None]})["p"] for row in batch])
    # One matrix product of five rows may add in another order than five of one.
    np.testing.assert_allclose(together, apart, atol=1e-6)


def test_one_of_several_shapes(tmp_path: Path) -> None:
    from coremltools.converters.mil.mil import get_new_symbol

    inputs = {"x": mb.placeholder(shape=(1, 3, get_new_symbol(), get_new_symbol()))}
    with ct.converters.mil.mil.Function(inputs, opset_version=ct.target.iOS17) as made:
        made.set_outputs([convolved(made.inputs["x"])])
    shapes = [ct.TensorType("x", shape=ct.EnumeratedShapes([(1, 3, 8, 8), (1, 3, 16, 8)]))]
    loaded = session.open(str(saved(tmp_path / "m.mlpackage", made, inputs=shapes)), {})
    assert loaded.inputs[0]["shape"] == [1, 3, -1, 8]
    for height in (8, 16):
        assert loaded.run({"x": real(1, 3, height, 8)})["p"].shape == (1, 4)


def test_a_grey_image(tmp_path: Path) -> None:
    made = function(lambda x: mb.mul(x=x, y=2.0, name="y"), {"x": np.zeros((1, 1, 4, 5), np.float32)})
    package = saved(
        tmp_path / "m.mlpackage", made, inputs=[ct.ImageType("x", shape=(1, 1, 4, 5), color_layout="G", scale=0.5)]
    )
    loaded = session.open(str(package), {})
    assert loaded.inputs[0]["image"] == "GRAYSCALE"
    image = RANDOM.integers(0, 256, (4, 5)).astype(np.uint8)
    for offered in (image, image[:, :, None], image[None, None]):
        np.testing.assert_array_equal(loaded.run({"x": offered})["y"][0, 0], image)


def test_half_precision_is_rounded_after_every_operator(tmp_path: Path) -> None:
    def build(x: Any) -> Any:
        return mb.sub(x=mb.add(x=x, y=2048.0), y=2048.0, name="y")

    made = function(build, {"x": np.zeros(4, np.float32)})
    loaded = session.open(str(saved(tmp_path / "m.mlpackage", made, half=True)), {})
    # Between 2048 and 4096 float16 has steps of 2, halves to even.
    assert loaded.run({"x": np.float32([0.9, 1, 1.1, 3])})["y"].tolist() == [0, 0, 2, 4]
    made = function(build, {"x": np.zeros(4, np.float32)})
    whole = session.open(str(saved(tmp_path / "w.mlpackage", made)), {})
    assert whole.run({"x": np.float32([0.5, 1, 1.5, 3])})["y"].tolist() == [0.5, 1, 1.5, 3]


def test_convolutions_without_onnx_runtime_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from tests.runtimes.coreml.programs import evaluated

    inputs = {"x": real(2, 4, 9, 7)}
    weight, spread = real(6, 2, 3, 3), real(4, 3, 3, 2)

    def build(x: Any) -> Any:
        y = mb.conv(
            x=x, weight=weight, groups=2, strides=[2, 1], dilations=[1, 2], pad_type="same", bias=np.ones(6, np.float32)
        )
        return y, mb.conv_transpose(x=x, weight=spread, strides=[2, 3], groups=2, pad=[1, 0, 0, 1], pad_type="custom")

    fast = evaluated(build, inputs)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    for have, want in zip(evaluated(build, inputs), fast, strict=True):
        np.testing.assert_allclose(have, want, atol=1e-5)


def test_an_older_kind_of_model_is_declined(tmp_path: Path) -> None:
    from coremltools.models.neural_network import NeuralNetworkBuilder

    kind = ct.models.datatypes.Array(3)
    builder = NeuralNetworkBuilder([("x", kind)], [("y", kind)])
    builder.add_activation("relu", "RELU", "x", "y")
    ct.utils.save_spec(builder.spec, str(tmp_path / "m.mlmodel"))
    with pytest.raises(ValueError, match="holds a neuralNetwork; only ML programs are run"):
        session.open(str(tmp_path / "m.mlmodel"), {})
