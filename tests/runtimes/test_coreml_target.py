"""The Core ML target: every candidate made for real, saved, read back and run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgebuild.compress.base import Draft, Recipe
from edgebuild.compress.prune.stage import Prune
from edgebuild.compress.quantize.stage import Quantize
from edgebuild.core.step import Step
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused
from edgebuild.runtimes import load_target
from edgebuild.runtimes.coreml.account import account
from edgebuild.runtimes.coreml.half import ENOUGH_DB
from edgebuild.runtimes.coreml.session import open as load
from edgebuild.runtimes.coreml.target import CoremlTarget
from tests.compress.conftest import images
from tests.conftest import Bench, wire


class Maker:
    """Makes each step as it is added."""

    def __init__(self, folder: Path, model: Path, calibration: Path) -> None:
        self.folder = folder
        self.inputs = {"model": model, "calibration": calibration}
        self.made: list[Step] = []

    def add(self, step: Step, label: str = "") -> Artifact:
        if step.id not in self.inputs:
            self.inputs[step.id] = Bench(self.folder / f"{len(self.made)}", **self.inputs).run(step)
            self.made.append(step)
        return step.out()

    def convert(self, model: Artifact, source: str, target: str) -> Artifact:
        return model

    surroundings: dict[str, object] = {"inputs": {}, "outputs": {}, "labels": (), "shapes": {}, "states": {}}

    def calibration(self) -> Artifact:
        return wire("calibration")

    def package(self, target: CoremlTarget, *stages: object) -> Path:
        draft = Draft(model=wire("model"), format="onnx")
        for stage in stages:
            draft = stage.lower(self, draft, target)  # type: ignore[attr-defined]
        return self.inputs[target.finish(self, draft).model.id]


def network(file: Path) -> Path:
    """Conv, Relu, mean, MatMul with weights large enough to be compressed; x float32 (1, 3, 8, 8), y (1, 4)."""
    random = np.random.default_rng(11)
    shapes = {"w": (32, 3, 3, 3), "u": (32, 32, 3, 3), "v": (32, 4)}
    constants = [numpy_helper.from_array(random.normal(size=s).astype(np.float32) / 8, n) for n, s in shapes.items()]
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Conv", ["r", "u"], ["d"]),
        helper.make_node("GlobalAveragePool", ["d"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("MatMul", ["f", "v"], ["y"]),
    ]
    return saved(file, nodes, constants, [1, 3, 8, 8], [1, 4])


def spectrum(file: Path) -> Path:
    """log(mean((x / 100000)²) + 1e-12): in float16 the square and the constant are 0, and the logarithm is -inf."""
    constants = [
        numpy_helper.from_array(np.array(value, np.float32), name)
        for name, value in (("tiny", 1e-5), ("little", 1e-12))
    ]
    nodes = [
        helper.make_node("Mul", ["x", "tiny"], ["small"]),
        helper.make_node("Mul", ["small", "small"], ["power"]),
        helper.make_node("ReduceMean", ["power"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("Add", ["mean", "little"], ["some"]),
        helper.make_node("Log", ["some"], ["y"]),
    ]
    return saved(file, nodes, constants, [1, 3, 8, 8], [1, 3])


def saved(
    file: Path, nodes: list[onnx.NodeProto], constants: list[onnx.TensorProto], given: list[int], said: list[int]
) -> Path:
    sides = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", given), ("y", said))]
    graph = helper.make_graph(nodes, "network", sides[:1], sides[1:], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), file)
    return file


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    folder = tmp_path_factory.mktemp("coreml")
    (folder / "calibration").mkdir()
    np.savez(folder / "calibration" / "inputs.npz", x=images(12, 1))
    return Maker(folder, network(folder / "model.onnx"), folder / "calibration")


def target(**options: object) -> CoremlTarget:
    made = load_target("coreml").model_validate({"runtime": "coreml", **options})
    assert isinstance(made, CoremlTarget)
    return made


def difference(maker: Maker, package: Path) -> float:
    """Largest difference from ONNX Runtime over some samples, in parts of its largest answer."""
    import onnxruntime as ort

    reference = ort.InferenceSession(str(maker.inputs["model"]))
    session = load(str(package), {})
    worst = largest = 0.0
    for x in images(6, 2):
        (wanted,) = reference.run(None, {"x": x[None]})
        worst = max(worst, float(np.abs(session.run({"x": x[None]})["y"] - wanted).max()))
        largest = max(largest, float(np.abs(wanted).max()))
    return worst / largest


HALF = Quantize(weights="float16", activations="float16")
LIMITS: dict[str, tuple[tuple[object, ...], float, str]] = {
    "source": ((), 1e-5, "float32"),
    "float16": ((HALF,), 5e-3, "float16"),
    "int8 weights": ((Quantize(weights="int8"),), 3e-2, "int8"),
    "int4 weights": ((Quantize(weights="int4"),), 0.3, "int4"),
    "palette of 4 bits": ((Quantize(weights="palette4"),), 0.3, "palette"),
    "palette of 6 bits": ((Quantize(weights="palette6"),), 0.1, "palette"),
    "palette of 8 bits": ((Quantize(weights="palette8"),), 5e-2, "palette"),
    "half the weights": ((Prune(keep=0.5, pattern="unstructured"),), 0.5, "sparse"),
    "half, 8 bits": ((Prune(keep=0.5, pattern="unstructured"), Quantize(weights="int8")), 0.5, "sparse integers"),
    "half, palette": ((Prune(keep=0.5, pattern="unstructured"), Quantize(weights="palette6")), 0.5, "sparse palette"),
    "int8 throughout": ((Quantize(weights="int8", activations="int8"),), 8e-2, "int8"),
}


@pytest.mark.parametrize("name", LIMITS)
def test_every_candidate_is_saved_read_back_and_near_the_source(maker: Maker, name: str) -> None:
    stages, limit, stored = LIMITS[name]
    package = maker.package(target(minimum_os="iOS18"), *stages)
    error = difference(maker, package)
    assert error < limit
    assert error > 0 or name == "source"
    trace = load(str(package), {}).trace({"x": images(1, 3)}, 1)
    assert stored in trace["contents"]["weights"]
    told = account(trace)
    assert told.placement == {} and told.slowest == (), "an evaluator's times say nothing of a device"
    assert told.words.endswith("which compute unit runs them is decided on the device.")
    assert (told.integer_ops > 0) == (name == "int8 throughout")


def test_fewer_bits_take_less_space(maker: Maker) -> None:
    def size(*stages: object) -> int:
        package = maker.package(target(minimum_os="iOS18"), *stages)
        return sum(file.stat().st_size for file in package.rglob("*") if file.is_file())

    assert size() > size(HALF) > size(Quantize(weights="int8")) > size(Quantize(weights="palette4"))


def test_two_makers_write_the_same_bytes(maker: Maker, tmp_path: Path) -> None:
    again = Maker(tmp_path, maker.inputs["model"], maker.inputs["calibration"])
    for stages in ((), (Quantize(weights="palette6"),), (Quantize(weights="int8", activations="int8"),)):
        one, two = (item.package(target(minimum_os="iOS18"), *stages) for item in (maker, again))
        files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
        assert files == sorted(path.relative_to(two) for path in two.rglob("*") if path.is_file())
        assert all((one / file).read_bytes() == (two / file).read_bytes() for file in files)


def test_what_float16_would_destroy_stays_in_float32(maker: Maker, tmp_path: Path) -> None:
    loud = Maker(tmp_path, spectrum(tmp_path / "spectrum.onnx"), maker.inputs["calibration"])
    package = loud.package(target(), HALF)
    (found,) = [path for path in loud.inputs.values() if path.name == "float32.json"]
    told = json.loads(found.read_text(encoding="utf-8"))
    assert told["sqnr_db"]["naive"] is None or told["sqnr_db"]["naive"] < ENOUGH_DB
    assert told["sqnr_db"]["kept"] >= ENOUGH_DB
    assert 0 < len(told["keep"]) <= 5
    assert difference(loud, package) < 1e-2
    assert "stay in float32" in account(load(str(package), {}).trace({"x": images(1, 3)}, 1)).words


def test_a_network_that_takes_float16_well_keeps_nothing(maker: Maker) -> None:
    maker.package(target(), HALF)
    found = next(path for path in maker.inputs.values() if path.name == "float32.json")
    assert json.loads(found.read_text(encoding="utf-8"))["keep"] == []


def test_what_float16_would_destroy_is_not_quantized_either(maker: Maker, tmp_path: Path) -> None:
    """Sums that stay in float32 keep their type: a quantize operation with scales of float16 is invalid there."""
    file = tmp_path / "model.onnx"
    quiet, loud = onnx.load(spectrum(tmp_path / "s.onnx")), onnx.load(network(tmp_path / "n.onnx"))
    for node in loud.graph.node:
        node.output[:] = ["dense" if name == "y" else name for name in node.output]
    wide = numpy_helper.from_array(np.ones((3, 4), np.float32), "wide")
    nodes = [*quiet.graph.node, *loud.graph.node]
    for node in quiet.graph.node:
        node.output[:] = ["level" if name == "y" else name for name in node.output]
    nodes += [helper.make_node("MatMul", ["level", "wide"], ["spread"])]
    nodes += [
        helper.make_node("Add", ["spread", "spread"], ["twice"]),
        helper.make_node("Add", ["twice", "dense"], ["y"]),
    ]
    saved(file, nodes, [*quiet.graph.initializer, *loud.graph.initializer, wide], [1, 3, 8, 8], [1, 4])
    mixed = Maker(tmp_path, file, maker.inputs["calibration"])
    package = mixed.package(target(), Quantize(weights="int8", activations="int8"))
    assert difference(mixed, package) < 0.1


def test_weights_that_are_all_small_are_declined(maker: Maker, tmp_path: Path) -> None:
    small = Maker(tmp_path, spectrum(tmp_path / "spectrum.onnx"), maker.inputs["calibration"])
    for how in ("int8", "palette6"):
        with pytest.raises(Refused, match="left every weight as it is: none in floating point has 512 elements"):
            small.package(target(), Quantize(weights=how))


@pytest.mark.parametrize(
    ("system", "how", "needed"),
    [
        ("iOS15", Quantize(weights="int8"), "iOS16"),
        ("iOS16", Quantize(weights="int8", activations="int8"), "iOS17"),
        ("macOS14", Quantize(weights="int4"), "iOS18"),
        ("iOS17", Quantize(weights="palette3"), "iOS18"),
    ],
)
def test_what_the_oldest_system_lacks_is_declined_with_the_one_that_has_it(
    maker: Maker, system: str, how: Quantize, needed: str
) -> None:
    with pytest.raises(Refused) as caught:
        maker.package(target(minimum_os=system), how)
    assert caught.value.kind == "not applicable"
    assert caught.value.fix == f"Write `minimum_os: {needed}`."


def test_the_default_set_is_what_the_system_has() -> None:
    assert list(target(minimum_os="iOS15").default_recipes()) == ["float16"]
    assert list(target(minimum_os="iOS16").default_recipes()) == ["float16", "int8-weights", "palette6"]
    assert list(target().default_recipes()) == ["float16", "int8-weights", "palette6", "int8"]
    assert all(isinstance(recipe, Recipe) for recipe in target().default_recipes().values())


def test_floats_at_the_ends_may_be_float16(maker: Maker) -> None:
    session = load(str(maker.package(target(io="float16"), HALF)), {})
    assert [item["dtype"] for item in (*session.inputs, *session.outputs)] == ["float32", "float32"]
    from edgebuild.runtimes.coreml.library import ct

    spec = ct.utils.load_spec(str(maker.package(target(io="float16"), HALF)))
    assert [item.type.multiArrayType.dataType for item in spec.description.input] == [65552]


def stepwise(folder: Path, **around: object) -> Maker:
    """A running sum: x, total (1, 4) → y, total_out; with two steps to calibrate by."""
    sides = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in ("x", "t", "y", "t_out")]
    nodes = [helper.make_node("Add", ["x", "t"], ["t_out"]), helper.make_node("Relu", ["t_out"], ["y"])]
    graph = helper.make_graph(nodes, "g", sides[:2], sides[2:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "t.onnx")
    steps = folder / "calibration"
    steps.mkdir()
    np.savez(steps / "inputs.npz", x=np.ones((2, 4), np.float32), t=np.ones((2, 4), np.float32))
    made = Maker(folder, folder / "t.onnx", steps)
    made.surroundings = {**made.surroundings, "states": {"t": "t_out"}, "initial": {}, **around}
    return made


@pytest.mark.parametrize(
    ("asked", "around", "inside", "words"),
    [
        ({"minimum_os": "iOS18"}, {}, True, "float16 states kept by Core ML itself (`MLState`)"),
        ({"minimum_os": "macOS15", "states": "native"}, {}, True, "float16 states kept by Core ML itself (`MLState`)"),
        ({"minimum_os": "iOS18", "states": "explicit"}, {}, False, "states as inputs and outputs"),
        ({"minimum_os": "iOS17"}, {}, False, "outputs (Core ML keeps them itself from iOS 18 on)"),
        ({"minimum_os": "iOS18"}, {"initial": {"t": 1.0}}, False, "outputs (Core ML's own begin with zeros)"),
    ],
)
def test_states_are_inside_where_core_ml_keeps_them(
    tmp_path: Path, asked: dict[str, object], around: dict[str, object], inside: bool, words: str
) -> None:
    made = stepwise(tmp_path, **around)
    chosen = target(**asked)
    half = chosen.packaged(made, Draft(model=wire("model"), format="onnx"), "float16")  # type: ignore[arg-type]
    draft = chosen.finish(made, half)  # type: ignore[arg-type]
    session = load(str(made.inputs[draft.model.id]), {})

    assert draft.words[-1].endswith(words)
    assert [item["name"] for item in session.inputs] == (["x"] if inside else ["x", "t"])
    assert [item["name"] for item in session.states] == (["t"] if inside else [])


@pytest.mark.parametrize(("asked", "inside"), [(None, False), ("native", True)])
def test_in_float32_states_are_rounded_only_where_that_is_asked_for(
    tmp_path: Path, asked: str | None, inside: bool
) -> None:
    made = stepwise(tmp_path)
    chosen = target(minimum_os="iOS18", **({"states": asked} if asked else {}))
    draft = chosen.finish(made, Draft(model=wire("model"), format="onnx"))  # type: ignore[arg-type]

    assert [item["name"] for item in load(str(made.inputs[draft.model.id]), {}).states] == (["t"] if inside else [])
    assert inside or draft.words[-1] == "states as inputs and outputs (Core ML's own are float16)"


def test_a_native_state_that_begins_with_something_is_declined(tmp_path: Path) -> None:
    made = stepwise(tmp_path, initial={"t": 0.5})
    with pytest.raises(Refused, match=r"begin with zeros; `t` begins with 0\.5\."):
        made.package(target(minimum_os="iOS18", states="native"))


def test_a_configuration_has_apples_own_words() -> None:
    made = target(compute_units="cpu_and_ne", minimum_os="iOS16")
    assert made.config() == {"computeUnits": "cpuAndNeuralEngine", "minimumDeploymentTarget": "iOS16"}
    assert made.call().options == {"compute_units": "cpu_and_ne"}


def channels_last(file: Path) -> Path:
    """Mean over rows and columns, softmax; image float32 (1, 8, 8, 3), y (1, 3)."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Softmax", ["mean"], ["y"], axis=1),
    ]
    return saved(file, nodes, [], [1, 8, 8, 3], [1, 3])


def test_an_image_input_takes_pixels_and_is_judged_by_what_the_model_takes(maker: Maker, tmp_path: Path) -> None:
    import onnxruntime as ort

    baker = Maker(tmp_path, channels_last(tmp_path / "model.onnx"), maker.inputs["calibration"])
    baker.surroundings = {
        "inputs": {"x": {"kind": "image", "color": "rgb", "scale": 1 / 127.5, "mean": (1.0, 1.0, 0.5)}},
        "labels": ("red", "green", "blue"),
        "shapes": {},
    }
    package = baker.package(target(bake=["preprocess", "labels"]))
    session = load(str(package), {})
    assert [(item["name"], item.get("image")) for item in session.inputs] == [("x", "RGB")]
    pixels = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3))
    x = (pixels / 127.5 - (1.0, 1.0, 0.5)).astype(np.float32)
    (wanted,) = ort.InferenceSession(str(baker.inputs["model"])).run(None, {"x": x})
    found = session.run({"x": x})
    assert np.abs(found["y"] - wanted).max() < 1e-6
    assert list(found) == ["y"], "the label is Core ML's own"
    from edgebuild.runtimes.coreml.library import ct

    described = ct.utils.load_spec(str(package)).description
    assert described.predictedFeatureName in [item.name for item in described.output]


@pytest.mark.parametrize("bake", ["preprocess", "labels"])
def test_what_the_spec_does_not_tell_cannot_be_baked(maker: Maker, bake: str) -> None:
    with pytest.raises(Refused, match="nothing to bake") as caught:
        maker.package(target(bake=[bake]))
    assert "interface" in caught.value.fix


def test_an_open_axis_takes_every_size_of_its_range_and_no_other(maker: Maker, tmp_path: Path) -> None:
    import onnxruntime as ort

    sides = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["seq", 4]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, ["seq", 3]),
    ]
    weight = numpy_helper.from_array(np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32), "w")
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", sides[:1], sides[1:], [weight])
    file = tmp_path / "open.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), file)
    loose = Maker(tmp_path, file, maker.inputs["calibration"])
    loose.surroundings = {"inputs": {}, "labels": (), "shapes": {"range": {"seq": "1..9"}}}
    session = load(str(loose.package(target())), {})
    reference = ort.InferenceSession(str(file))
    for size in (1, 5, 9):
        x = np.random.default_rng(size).normal(size=(size, 4)).astype(np.float32)
        (wanted,) = reference.run(None, {"x": x})
        assert np.abs(session.run({"x": x})["y"] - wanted).max() < 1e-5
    with pytest.raises(ValueError, match="10"):
        session.run({"x": np.zeros((10, 4), np.float32)})
