"""Models for TensorRT, asked of the parser and the builder of TensorRT-RTX. Nothing here runs on a GPU."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from edgebuild.compress.base import Draft
from edgebuild.compress.quantize.onnx_float16 import convert_float16
from edgebuild.compress.quantize.onnx_static import QuantizeStatic, calibrate_ranges, quantize_static
from edgebuild.compress.quantize.ranges import read_ranges
from edgebuild.compress.quantize.stage import Quantize
from edgebuild.core.dossier import Account
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused
from edgebuild.runtimes.tensorrt.account import account as describe
from edgebuild.runtimes.tensorrt.ahead import build_ahead
from edgebuild.runtimes.tensorrt.check import CheckTensorrt, parse
from edgebuild.runtimes.tensorrt.profiles import axis_ranges
from edgebuild.runtimes.tensorrt.target import TensorrtTarget
from tests.compress.conftest import onnx_network, sqnr
from tests.conftest import Bench, wire
from tests.runtimes.networks import basic_pitch, onnx_text, samples, transformer
from tests.runtimes.test_targets import To

CNN = {"activations": "int8", "symmetric": True, "quantize_bias": False, "weighted_only": True}
"""Arguments with which the target quantizes; a test compares them."""
UNKNOWN = """<ir_version: 8, opset_import: ["":17, "com.microsoft":1]>
g (float[1,4] x) => (float[1,4] y) {
 [first] a = Erfc (x)
 b = com.microsoft.Gelu (a)
 [last] y = Det (b)
}"""
MIXED = """<ir_version: 8, opset_import: ["":17]>
g (float[1,4] x) => (float[1,4] y) {
 a = Cast<to=10>(x)
 [sum] y = Add(a, x)
}"""


def target(**options: object) -> TensorrtTarget:
    return TensorrtTarget.model_validate({"runtime": "tensorrt", **options})


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Float networks of three kinds."""
    folder = tmp_path_factory.mktemp("models")
    made: dict[str, Callable[[Path], Path]] = {"cnn": onnx_network, "transformer": transformer, "pitch": basic_pitch}
    found = {}
    for name, make in made.items():
        (folder / name).mkdir()
        found[name] = make(folder / name / "model.onnx")
    return found


def quantized(model: Path, folder: Path, **options: object) -> Path:
    """Static INT8 with ranges of a few samples."""
    inputs = samples(folder / "samples" / "inputs.npz", model, 2)
    calibrate_ranges(model, inputs, folder / "ranges.json", "minmax")
    quantize_static(model, read_ranges(folder / "ranges.json"), folder / "int8.onnx", **options)
    return folder / "int8.onnx"


@pytest.mark.parametrize("name", ["cnn", "transformer", "pitch"])
def test_the_parser_takes_float_half_and_int8_as_the_target_makes_them(
    name: str, models: dict[str, Path], tmp_path: Path
) -> None:
    convert_float16(models[name], tmp_path / "half.onnx")
    for model in (models[name], tmp_path / "half.onnx", quantized(models[name], tmp_path, **CNN)):
        parsed = parse(model)
        assert parsed.taken, parsed.declined
        assert parsed.layers >= parsed.nodes > 0


@pytest.mark.parametrize("options", [{}, {"activations": "int8"}, {"activations": "int8", "symmetric": True}])
def test_int8_as_onnx_runtime_wants_it_is_declined(
    options: dict[str, object], models: dict[str, Path], tmp_path: Path
) -> None:
    # Zero points other than 0; then the biases of 32-bit integers.
    model = onnx_text(
        tmp_path / "biased.onnx",
        """<ir_version: 8, opset_import: ["":17]>
        g (float[1,3,8,8] x) => (float[1,2,6,6] y)
        <float[2,3,3,3] w = {1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,
                             1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9}, float[2] b = {0.5, -0.5}>
        { y = Conv (x, w, b) }""",
    )
    made = quantized(model, tmp_path, **options)
    with pytest.raises(Refused, match=r"(Quantize|Dequantize)Linear") as caught:
        Bench(tmp_path / "bench", model=made).run(CheckTensorrt(model=wire("model")))
    assert caught.value.kind == "rejected"
    assert caught.value.fix


def test_int8_has_zero_points_of_zero_biases_in_float_and_no_quantized_results(
    models: dict[str, Path], tmp_path: Path
) -> None:
    graph = onnx.load(quantized(models["pitch"], tmp_path, **CNN)).graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    pairs = [node for node in graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    assert pairs
    for node in pairs:
        assert not numpy_helper.to_array(stored[node.input[2]]).any()
        assert stored[node.input[2]].data_type == TensorProto.INT8
    assert all(stored[node.input[0]].data_type == TensorProto.INT8 for node in pairs if node.input[0] in stored)
    # All that is quantized at run time goes into a convolution.
    readers = {name: node.op_type for node in graph.node for name in node.input}
    dequantized = {node.input[0]: node.output[0] for node in pairs if node.op_type == "DequantizeLinear"}
    taken = {readers[dequantized[node.output[0]]] for node in pairs if node.op_type == "QuantizeLinear"}
    assert taken == {"Conv"}


def test_int8_around_zero_keeps_most_of_the_signal(models: dict[str, Path], tmp_path: Path) -> None:
    made = quantized(models["cnn"], tmp_path, **CNN)
    given = {"x": np.random.default_rng(3).normal(size=(20, 3, 8, 8)).astype(np.float32)}
    # Signed values around 0 have one bit less for what is never negative than unsigned ones: 6 dB of 30.
    assert sqnr("onnxruntime", made, models["cnn"], given) > 24


def test_what_the_parser_declines_is_named_with_its_words(tmp_path: Path, bench: Bench) -> None:
    bench.inputs["model"] = onnx_text(tmp_path / "unknown.onnx", UNKNOWN)
    with pytest.raises(Refused) as caught:
        bench.run(CheckTensorrt(model=wire("model")))
    refused = caught.value
    assert refused.by == "the ONNX parser of TensorRT-RTX" and refused.kind == "rejected"
    assert "Erfc `first`: " in refused.why and "of 3 nodes" in refused.why
    assert "Det" in refused.why
    assert "Plugin not found" in refused.why


def test_an_operator_of_onnx_runtimes_own_is_declined_under_its_full_name(tmp_path: Path) -> None:
    text = UNKNOWN.replace("[first] a = Erfc", "a = Relu").replace("Gelu (a)", "QuickGelu (a)")
    parsed = parse(onnx_text(tmp_path / "contrib.onnx", text))
    assert ("com.microsoft.QuickGelu", "→ b") in [(item.operator, item.name) for item in parsed.declined]


def test_two_types_in_one_operator_are_declined_since_nothing_is_cast(tmp_path: Path) -> None:
    parsed = parse(onnx_text(tmp_path / "mixed.onnx", MIXED))
    assert not parsed.taken
    (only,) = parsed.declined
    assert (only.operator, only.name) == ("Add", "sum")
    assert "must have same input types" in only.words and "\n" not in only.words


def test_a_model_that_is_taken_passes_unchanged(models: dict[str, Path], bench: Bench) -> None:
    bench.inputs["model"] = models["cnn"]
    assert bench.run(CheckTensorrt(model=wire("model"))).read_bytes() == models["cnn"].read_bytes()


def account(model: Path, folder: Path, **options: object) -> Account:
    """As the target's own step writes it."""
    samples(folder / "samples" / "inputs.npz", model, 1)
    bench = Bench(folder / "bench", model=model, samples=folder / "samples")
    step = target(**options).account(Artifact(id="model", filename="model.onnx"), wire("samples"))
    return Account.model_validate(json.loads(bench.run(step).read_text()))


def test_the_account_tells_what_was_built_ahead_and_that_nothing_ran(models: dict[str, Path], tmp_path: Path) -> None:
    found = account(quantized(models["cnn"], tmp_path, **CNN), tmp_path, compute_capability="8.6")
    assert (found.integer_ops, found.float_ops, found.conversions) == (0, 0, 6)
    assert "2 of 2 heavy operators have quantized inputs and weights" in found.words
    assert "engine for compute capability 8.6 was built here" in found.words
    assert "is no TensorRT engine" in found.words and "Nothing ran on a GPU." in found.words


def test_a_model_that_cannot_be_built_ahead_is_not_refused_for_it(tmp_path: Path) -> None:
    text = """<ir_version: 8, opset_import: ["":17]>
    g (float[1,1,4,4,4] x) => (float[1,1,3,3,3] y) <float[1,1,2,2,2] w = {1,2,3,4,5,6,7,8}> { y = Conv (x, w) }"""
    made = quantized(onnx_text(tmp_path / "volume.onnx", text), tmp_path, **CNN)
    assert parse(made).taken
    found = account(made, tmp_path, compute_capability="7.5")
    assert "was built ahead, which refuses nothing" in found.words
    assert "3D convolution is not supported" in found.words


def test_a_gpu_that_the_builder_does_not_know_is_told_with_those_it_knows(
    models: dict[str, Path], tmp_path: Path
) -> None:
    found = account(models["cnn"], tmp_path, compute_capability="8.7")
    assert "No TensorRT-RTX engine for compute capability 8.7" in found.words
    assert "8.6, 8.9" in found.words


def test_layers_that_ran_on_a_gpu_are_told_with_its_clock(models: dict[str, Path]) -> None:
    ops = [["conv + relu", "layer", "TensorRT", 12.5], ["dense", "layer", "TensorRT", 3.25]]
    found = describe(models["cnn"], None, None, "", {"ops": ops, "graph": {"layer": 2}, "gpu_ms": 0.0214})
    assert found.placement == {"TensorRT": 2}
    assert found.slowest == (("conv + relu", 12.5), ("dense", 3.25))
    assert found.words.startswith("No parser of TensorRT-RTX is here to ask.")
    assert found.words.endswith("On the GPU a run takes 0.0214 ms by CUDA events, without copies.")


def test_the_account_tells_in_what_the_graph_is_typed(models: dict[str, Path], tmp_path: Path) -> None:
    convert_float16(models["cnn"], tmp_path / "half.onnx")
    assert "2 of 2 heavy operators are typed float16, 0 float32" in account(tmp_path / "half.onnx", tmp_path).words


def test_a_dynamic_model_is_built_for_the_shape_it_is_fed_with(tmp_path: Path) -> None:
    text = """<ir_version: 8, opset_import: ["":17]>
    g (float[batch,4] x) => (float[batch,2] y) <float[4,2] w = {1,2,3,4,5,6,7,8}> { y = MatMul (x, w) }"""
    built = build_ahead(onnx_text(tmp_path / "dynamic.onnx", text), "8.6", 0, {"x": (3, 4)}, tmp_path)
    assert built.size > 1000 and built.seconds > 0, built.why


def test_what_ends_the_builder_is_an_answer(tmp_path: Path) -> None:
    built = build_ahead(tmp_path / "none.onnx", "8.6", 0, {}, tmp_path, timeout_s=0.05)
    assert built.size == 0
    assert "was stopped after 0.05 s" in built.why


def test_the_target_quantizes_statically_as_the_parser_wants_it() -> None:
    to = To()
    how = Quantize(weights="int8", activations="int8")
    target().quantize(to, Draft(model=wire("model"), format="onnx"), how)
    step = to.steps[-1]
    assert isinstance(step, QuantizeStatic)
    assert {name: getattr(step, name) for name in CNN} == CNN and step.per_channel


def test_every_candidate_goes_through_the_parser() -> None:
    to = To()
    draft = target().finish(to, Draft(model=wire("model"), format="onnx", words=("as it is",)))
    assert isinstance(to.steps[-1], CheckTensorrt)
    assert draft.model == to.steps[-1].out() and draft.words == ("as it is",)


def test_dynamic_int8_is_not_applicable_with_what_is_missing() -> None:
    with pytest.raises(Refused, match="no ConvInteger") as caught:
        target().quantize(
            To(), Draft(model=wire("model"), format="onnx"), Quantize(weights="int8", activations="dynamic")
        )
    assert caught.value.kind == "not applicable"


def test_options_reach_the_packages_configuration() -> None:
    made = target(version="10", workspace="512 MiB", builder_optimization_level=5, compute_capability="8.7", tf32=False)
    assert made.package_config({"short": {"seq": 16}, "any": {"seq": "1..128"}}) == {
        "tensorrt": "10",
        "strongly_typed": True,
        "tf32": False,
        "workspace_bytes": 512 * 2**20,
        "builder_optimization_level": 5,
        "compute_capability": "8.7",
        "axes": {"seq": [1, 16, 128]},
    }


def test_the_usual_size_of_an_axis_is_that_of_the_first_shape() -> None:
    shapes: dict[str, dict[str, int | str]] = {"first": {"a": "2..8", "b": 3}, "then": {"a": 32, "c": 1}}
    assert axis_ranges(shapes) == {"a": [2, 8, 32], "b": [3, 3, 3], "c": [1, 1, 1]}
