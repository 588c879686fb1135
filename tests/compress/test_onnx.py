"""Quantization for ONNX Runtime, in ONNX Runtime."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgebuild.compress.quantize.onnx_dynamic import quantize_dynamic
from edgebuild.compress.quantize.onnx_float16 import convert_float16
from edgebuild.compress.quantize.onnx_interface import interface, operators
from edgebuild.compress.quantize.onnx_static import calibrate_ranges, quantize_static
from edgebuild.compress.quantize.ranges import read_ranges
from edgebuild.errors import Refused
from tests.compress.conftest import images, onnx_network, sqnr


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return onnx_network(tmp_path / "network.onnx")


def static(network: Path, calibration: Path, output: Path, **options: object) -> Path:
    ranges = output.with_suffix(".json")
    calibrate_ranges(network, calibration, ranges, "minmax")
    quantize_static(network, read_ranges(ranges), output, **options)
    return output


def same_interface(one: Path, other: Path) -> bool:
    graphs = [onnx.load(file).graph for file in (one, other)]
    return all(len({str(interface(getattr(graph, side))) for graph in graphs}) == 1 for side in ("input", "output"))


def test_static_keeps_the_interface_and_most_of_the_signal(network: Path, calibration: Path, tmp_path: Path) -> None:
    made = static(network, calibration, tmp_path / "static.onnx")
    assert same_interface(network, made)
    # 8 bits give about 6 dB each at full range; a mean over positions adds some.
    assert sqnr("onnxruntime", made, network, {"x": images(40, 2)}) > 25


def test_static_has_unsigned_activations_and_signed_weights_per_channel(
    network: Path, calibration: Path, tmp_path: Path
) -> None:
    graph = onnx.load(static(network, calibration, tmp_path / "static.onnx")).graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    assert stored["w_quantized"].data_type == TensorProto.INT8
    assert list(stored["w_scale"].dims) == [16]
    zero = next(node.input[2] for node in graph.node if node.op_type == "QuantizeLinear")
    assert stored[zero].data_type == TensorProto.UINT8


def test_one_scale_for_each_channel_keeps_the_quiet_ones(calibration: Path, tmp_path: Path) -> None:
    network = onnx_network(tmp_path / "uneven.onnx", uneven=100.0)
    quiet = weights_of(network)["w"][0]
    error = {}
    for each in (True, False):
        stored = weights_of(static(network, calibration, tmp_path / f"{each}.onnx", per_channel=each))
        scale = stored["w_scale"].reshape(-1)[0]
        error[each] = float(np.abs(stored["w_quantized"][0] * scale - quiet).max() / np.abs(quiet).max())
    # Half a step of 127, against all of a weight that is less than one step of the loudest channel's scale.
    assert error[True] < 0.005
    assert error[False] > 0.2


def weights_of(file: Path) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(file).graph.initializer}


def test_excluded_nodes_stay_in_floating_point(network: Path, calibration: Path, tmp_path: Path) -> None:
    made = static(network, calibration, tmp_path / "static.onnx", exclude=("dense",))
    assert "v" in {tensor.name for tensor in onnx.load(made).graph.initializer}


SHARED = """<ir_version: 8, opset_import: ["":17]>
g (float[1,1,1,8] x) => (float[1,1,1,5] y)
<float[1,1,1,2] w = {1, -2}, float[1] b = {0.5}> {
 [one] b1 = Conv (x, w, b)
 [two] c = Conv (b1, w, b)
 [three] y = Conv (c, w, b)
}"""


@pytest.mark.parametrize("options", [{}, {"activations": "int8", "symmetric": True, "quantize_bias": False}])
def test_a_copy_of_a_shared_bias_is_no_other_value(options: dict[str, object], tmp_path: Path) -> None:
    # ONNX Runtime's quantizer calls the copy `b1`, like the first layer's output.
    onnx.save(onnx.parser.parse_model(SHARED), tmp_path / "shared.onnx")
    given = np.random.default_rng(0).normal(size=(20, 1, 1, 8)).astype(np.float32)
    np.savez(tmp_path / "inputs.npz", x=given)
    made = static(tmp_path / "shared.onnx", tmp_path / "inputs.npz", tmp_path / "made.onnx", **options)
    assert sqnr("onnxruntime", made, tmp_path / "shared.onnx", {"x": given}) > 25


def test_around_zero_every_zero_point_is_zero_and_biases_stay(calibration: Path, tmp_path: Path) -> None:
    options = {"activations": "int8", "symmetric": True, "quantize_bias": False, "weighted_only": True}
    graph = onnx.load(static(onnx_network(tmp_path / "n.onnx"), calibration, tmp_path / "static.onnx", **options)).graph
    stored = weights_of(tmp_path / "static.onnx")
    pairs = [node for node in graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    assert len(pairs) == 6
    assert not any(stored[node.input[2]].any() for node in pairs)
    assert {stored[node.input[2]].dtype for node in pairs} == {np.dtype(np.int8)}


def test_ranges_have_twelve_significant_bits(network: Path, calibration: Path, tmp_path: Path) -> None:
    calibrate_ranges(network, calibration, tmp_path / "ranges.json", "minmax")
    content = json.loads((tmp_path / "ranges.json").read_text())
    assert content["samples"] == 40
    for bounds in content["ranges"].values():
        for bound in bounds:
            mantissa, _ = __import__("math").frexp(bound)
            assert (mantissa * 2**12).is_integer()


@pytest.mark.parametrize("method", ["entropy", "percentile"])
def test_other_ways_to_find_ranges_leave_an_outlier_out(method: str, network: Path, tmp_path: Path) -> None:
    odd = images(40, 1)
    odd[0, 0, 0, 0] = 100.0
    calibration = tmp_path / "odd.npz"
    np.savez(calibration, x=odd)
    found = {}
    for name in ("minmax", method):
        calibrate_ranges(network, calibration, tmp_path / f"{name}.json", name)
        found[name] = read_ranges(tmp_path / f"{name}.json")
    # Ranges are rounded to 12 bits, so a bound may lie one part in 4096 outside.
    assert all(found[method][t][1] <= high * 1.001 + 1e-6 for t, (_, high) in found["minmax"].items())
    assert any(found[method][t][1] < high * 0.99 for t, (_, high) in found["minmax"].items())


def test_two_processes_write_the_same_bytes(network: Path, calibration: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from edgebuild.compress.quantize.onnx_static import calibrate_ranges, quantize_static\n"
        "from edgebuild.compress.quantize.ranges import read_ranges\n"
        "n, c, r, o = map(Path, sys.argv[1:])\n"
        "calibrate_ranges(n, c, r, 'minmax'); quantize_static(n, read_ranges(r), o)\n"
    )
    for name in ("one", "two"):
        files = [str(tmp_path / f"{name}.{suffix}") for suffix in ("json", "onnx")]
        command = [sys.executable, "-c", code, str(network), str(calibration), *files]
        subprocess.run(command, check=True, capture_output=True)
    assert (tmp_path / "one.onnx").read_bytes() == (tmp_path / "two.onnx").read_bytes()


def test_dynamic_has_integer_products_and_needs_no_samples(network: Path, tmp_path: Path) -> None:
    quantize_dynamic(network, tmp_path / "dynamic.onnx")
    assert {"ConvInteger", "MatMulInteger"} <= set(operators(onnx.load(tmp_path / "dynamic.onnx")))
    assert same_interface(network, tmp_path / "dynamic.onnx")
    assert sqnr("onnxruntime", tmp_path / "dynamic.onnx", network, {"x": images(20, 3)}) > 25


def test_float16_halves_the_weights_behind_the_same_interface(network: Path, tmp_path: Path) -> None:
    convert_float16(network, tmp_path / "half.onnx")
    types = {tensor.data_type for tensor in onnx.load(tmp_path / "half.onnx").graph.initializer}
    assert types == {TensorProto.FLOAT16}
    assert same_interface(network, tmp_path / "half.onnx")
    # 11 bits of mantissa: 60 dB and more.
    assert sqnr("onnxruntime", tmp_path / "half.onnx", network, {"x": images(20, 3)}) > 55


NAMES = ("model.onnx", "half.onnx")


def test_an_output_that_the_model_reads_itself_is_read_in_float16(tmp_path: Path) -> None:
    text = """<ir_version: 8, opset_import: ["":17]>
    g (float[2,4] x) => (float[2,4] h, float[2,4] y) <float[4,4] w = {1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7}> {
      h = MatMul(x, w)
      y = MatMul(h, w)
    }"""
    onnx.save(onnx.parser.parse_model(text), tmp_path / "model.onnx")
    convert_float16(tmp_path / "model.onnx", tmp_path / "half.onnx")
    assert same_interface(tmp_path / "model.onnx", tmp_path / "half.onnx")
    onnx.shape_inference.infer_shapes(onnx.load(tmp_path / "half.onnx"), strict_mode=True, check_type=True)
    halves = [ort.InferenceSession(tmp_path / name).run(None, {"x": np.eye(2, 4, dtype=np.float32)}) for name in NAMES]
    assert all(np.allclose(one, other, rtol=1e-3) for one, other in zip(*halves, strict=True))


def test_integer_weights_that_the_model_scales_itself_are_scaled_in_float16_and_quantized(tmp_path: Path) -> None:
    """`w_scale` is what ONNX Runtime's quantizer would call the scale of `w`."""
    text = """<ir_version: 8, opset_import: ["":17]>
    g (float[2,4] x) => (float[2,2] y)
    <int8[4,2] w_q = {1,2,3,4,5,6,7,8}, float[1,2] w_scale = {0.5, 0.25}, float[2,2] v = {1,2,3,4}> {
      w_f = Cast<to=1>(w_q)
      w = Mul(w_f, w_scale)
      h = MatMul(x, w)
      y = MatMul(h, v)
    }"""
    onnx.save(onnx.parser.parse_model(text), tmp_path / "model.onnx")
    convert_float16(tmp_path / "model.onnx", tmp_path / "half.onnx")
    ranges = {"x": (0.0, 1.0), "w_f": (0.0, 8.0), "w": (0.0, 4.0), "h": (0.0, 2.0), "y": (0.0, 9.0)}
    quantize_static(tmp_path / "model.onnx", ranges, tmp_path / "int8.onnx")
    x = {"x": np.eye(2, 4, dtype=np.float32)}
    right, half, whole = (ort.InferenceSession(tmp_path / f).run(None, x)[0] for f in (*NAMES, "int8.onnx"))
    assert np.allclose(half, right, rtol=1e-3)
    assert np.abs(whole - right).max() < 0.2


def test_a_mask_of_lowest_floats_becomes_one_of_lowest_halves(tmp_path: Path) -> None:
    text = """<ir_version: 8, opset_import: ["":17]>
    g (float[1,3] x) => (float[1,3] y) <float[1,3] mask = {0, 0, -3.4028235e38}> {
      m = Add(x, mask)
      y = Softmax(m)
    }"""
    onnx.save(onnx.parser.parse_model(text), tmp_path / "model.onnx")
    convert_float16(tmp_path / "model.onnx", tmp_path / "half.onnx")
    (y,) = ort.InferenceSession(tmp_path / "half.onnx").run(None, {"x": np.array([[1, 2, 3]], np.float32)})
    assert np.abs(y - np.array([0.26894, 0.73106, 0])).max() < 1e-3


def test_weights_beyond_float16_are_refused_with_the_tensor(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"`v` holds .*; float16 ends at 65504"):
        convert_float16(onnx_network(tmp_path / "loud.onnx", loud=1e6), tmp_path / "half.onnx")


def test_a_model_with_nothing_to_quantize_is_refused_with_its_operators(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Sin", ["x"], ["y"])],
        "sine",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "sine.onnx")
    with pytest.raises(Refused, match="it has 1 Sin"):
        quantize_dynamic(tmp_path / "sine.onnx", tmp_path / "out.onnx")
    with pytest.raises(Refused, match="it has 1 Sin"):
        quantize_static(tmp_path / "sine.onnx", {"x": (-1.0, 1.0), "y": (-1.0, 1.0)}, tmp_path / "out.onnx")


def test_samples_of_another_model_are_refused(network: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "inputs.npz", z=images(10, 1))
    with pytest.raises(Refused, match="do not fit"):
        calibrate_ranges(network, tmp_path / "inputs.npz", tmp_path / "ranges.json", "minmax")
