"""Repairs of quantization, each on a network that it must help."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper

from edgebuild.compress.quantize.onnx_blocks import quantize_blocks
from edgebuild.compress.quantize.onnx_static import calibrate_ranges, quantize_static
from edgebuild.compress.quantize.ranges import read_ranges
from edgebuild.compress.quantize.repair.bias import correct_bias
from edgebuild.compress.quantize.repair.chain import quantize_named
from edgebuild.compress.quantize.repair.channels import Finder
from edgebuild.compress.quantize.repair.equalize import equalize
from edgebuild.compress.quantize.repair.histograms import choose_ranges, chosen, take_histograms
from edgebuild.compress.quantize.repair.pairs import ends_of, with_names
from edgebuild.compress.quantize.repair.patches import matrices, rows_of
from edgebuild.compress.quantize.repair.rounding import nearest, round_weights
from edgebuild.compress.quantize.repair.smooth import smooth
from edgebuild.errors import Refused
from tests.compress.conftest import sqnr

RESIDUAL = """<ir_version: 8, opset_import: ["":17]>
g (float[n,3,8,8] x) => (float[n,4] y) {
 r1 = Conv <pads=[1,1,1,1]> (x, w1, b1)
 a1 = Relu (r1)
 r2 = Conv <pads=[1,1,1,1], group=8> (a1, w2, b2)
 a2 = Relu (r2)
 r3 = Conv (a2, w3, b3)
 s = Add (a1, r3)
 a3 = Relu (s)
 p = GlobalAveragePool (a3)
 f = Flatten (p)
 y = Gemm <transB=1> (f, v, c)
}"""
SHAPES = {"w1": (8, 3, 3, 3), "b1": (8,), "w2": (8, 1, 3, 3), "b2": (8,), "w3": (8, 8, 1, 1), "b3": (8,), "v": (4, 8),
          "c": (4,)}  # fmt: skip

NORMALISED = """<ir_version: 8, opset_import: ["":17]>
g (float[n,6,16] x) => (float[n,6,8] y) {
 h = LayerNormalization <axis=-1> (x, gamma, beta)
 m = MatMul (h, w1)
 t = Tanh (m)
 u = Mul (t, loud)
 e = Sigmoid (u)
 z = Mul (u, e)
 y = MatMul (z, w2)
}"""


def written(file: Path, text: str, constants: dict[str, np.ndarray]) -> Path:
    model = onnx.parser.parse_model(text)
    for name, values in constants.items():
        model.graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), name))
    onnx.save(model, file)
    return file


def residual(file: Path, damage: float = 0.0, **own: np.ndarray) -> Path:
    """A residual network with a depthwise layer.

    Args:
        file: to write.
        damage: channels of the first activations are rescaled by 2^U(-damage, damage), with the same answers.
        own: weights in place of the random ones.
    """
    random = np.random.default_rng(3)
    stored = {name: random.normal(size=shape) / np.sqrt(np.prod(shape[1:]) or 1) for name, shape in SHAPES.items()}
    stored |= own
    first, second = (2.0 ** random.uniform(-damage, damage, 8) for _ in range(2))
    for name in ("w1", "b1", "w3", "b3"):
        stored[name] = stored[name] * first.reshape(-1, *[1] * (stored[name].ndim - 1))
    stored["w2"] = stored["w2"] * (second / first).reshape(-1, 1, 1, 1)
    stored["b2"] = stored["b2"] * second
    stored["w3"] = stored["w3"] / second.reshape(1, -1, 1, 1)
    stored["v"] = stored["v"] / first
    return written(file, RESIDUAL, stored)


def images(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 3, 8, 8)).astype(np.float32)


def answers(model: Path, x: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x})[0])


def stored(file: Path) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(file).graph.initializer}


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    np.savez(tmp_path / "inputs.npz", x=images(48, 1))
    return tmp_path / "inputs.npz"


def quantized(model: Path, samples: Path, method: str = "minmax") -> Path:
    histograms, ranges = model.with_suffix(".npz"), model.with_suffix(".json")
    take_histograms(model, samples, histograms, 2048)
    choose_ranges(histograms, ranges, method, 99.9)
    output = model.with_name(f"{model.stem}-{method}-int8.onnx")
    quantize_named(model, ranges, output, {}, False)
    return output


def db(model: Path, reference: Path) -> float:
    """Of samples that nothing was calibrated with."""
    return sqnr("onnxruntime", model, reference, {"x": images(60, 2)})


def test_equalizing_keeps_the_answers_and_evens_the_channels(tmp_path: Path) -> None:
    model, made = residual(tmp_path / "m.onnx", damage=3.0), tmp_path / "equal.onnx"
    equalize(model, made)
    np.testing.assert_allclose(answers(made, images(9, 4)), answers(model, images(9, 4)), rtol=1e-4, atol=1e-5)
    before, after = (np.abs(stored(file)["w2"]).reshape(8, -1).max(axis=1) for file in (model, made))
    assert after.max() / after.min() < 0.5 * before.max() / before.min()


def test_equalizing_repairs_what_rescaling_damaged(samples: Path, tmp_path: Path) -> None:
    sound, broken = residual(tmp_path / "sound.onnx"), residual(tmp_path / "broken.onnx", damage=3.0)
    np.testing.assert_allclose(answers(broken, images(9, 4)), answers(sound, images(9, 4)), rtol=1e-4, atol=1e-5)
    made = tmp_path / "equal.onnx"
    equalize(broken, made)
    whole = db(quantized(sound, samples), sound)
    assert db(quantized(broken, samples), sound) < whole - 3
    # The damage is gone: what equalizing makes of the sound network it makes of the broken one.
    best = tmp_path / "best.onnx"
    equalize(sound, best)
    assert abs(db(quantized(made, samples), sound) - db(quantized(best, samples), sound)) < 1


def test_a_dead_channel_stays_finite_and_harmless(tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    dead = random.normal(size=SHAPES["w3"]) / 3
    dead[:, 2] = 0.0
    first = random.normal(size=SHAPES["w2"])
    first[5] = 0.0
    model, made = residual(tmp_path / "m.onnx", w3=dead, w2=first), tmp_path / "equal.onnx"
    equalize(model, made)
    assert all(np.isfinite(values).all() for values in stored(made).values())
    np.testing.assert_allclose(answers(made, images(9, 4)), answers(model, images(9, 4)), rtol=1e-4, atol=1e-5)


def test_what_is_not_scale_equivariant_is_left_alone(tmp_path: Path) -> None:
    text = RESIDUAL.replace("a1 = Relu (r1)", "a1 = Sigmoid (r1)").replace("a3 = Relu (s)", "a3 = Tanh (s)")
    text = text.replace("a2 = Relu (r2)", "a2 = Clip (r2, low, high)")
    constants = {name: np.ones(shape) for name, shape in SHAPES.items()} | {"low": np.array(0.0), "high": np.array(6.0)}
    with pytest.raises(Refused, match="no activation lies between"):
        equalize(written(tmp_path / "m.onnx", text, constants), tmp_path / "made.onnx")


def test_a_residual_stage_is_one_group(tmp_path: Path) -> None:
    free = [group for group in Finder(onnx.load(residual(tmp_path / "m.onnx"))).groups() if group.free]
    assert [sorted({side.name for side in group.readers}) for group in free] == [["v", "w2"], ["w3"]]


def test_a_flattened_image_has_several_weights_for_each_channel(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    text = """<ir_version: 8, opset_import: ["":17]>
    g (float[n,3,4,4] x) => (float[n,5] y) {
     c = Conv (x, w)
     r = Relu (c)
     f = Flatten (r)
     y = MatMul (f, v)
    }"""
    scales = np.geomspace(1, 100, 6)
    constants = {
        "w": random.normal(size=(6, 3, 1, 1)) * scales[:, None, None, None],
        "v": random.normal(size=(96, 5)) / np.repeat(scales, 16)[:, None],
    }
    model, made = written(tmp_path / "m.onnx", text, constants), tmp_path / "equal.onnx"
    equalize(model, made)
    x = random.normal(size=(4, 3, 4, 4)).astype(np.float32)
    np.testing.assert_allclose(answers(made, x), answers(model, x), rtol=1e-4, atol=1e-5)
    heard = np.abs(stored(made)["w"]).reshape(6, -1).max(axis=1)
    assert heard.max() / heard.min() < 5


def loud_rows(file: Path, samples: Path) -> tuple[Path, np.ndarray]:
    """A normalised network with channels 50 times as loud as others, in both kinds of activation."""
    random = np.random.default_rng(5)
    loud = np.ones(16)
    loud[[3, 11]] = 50.0
    constants = {
        "gamma": loud, "beta": np.zeros(16), "loud": loud,
        "w1": random.normal(size=(16, 16)) / loud[:, None], "w2": random.normal(size=(16, 8)) / loud[:, None],
    }  # fmt: skip
    x = random.normal(size=(90, 6, 16)).astype(np.float32)
    np.savez(samples, x=x[:40])
    return written(file, NORMALISED, constants), x[40:]


def test_smoothing_moves_loud_channels_into_the_weights(tmp_path: Path) -> None:
    inputs = tmp_path / "rows.npz"
    model, x = loud_rows(tmp_path / "m.onnx", inputs)
    made = tmp_path / "smooth.onnx"
    smooth(model, inputs, made, 0.5)
    np.testing.assert_allclose(answers(made, x), answers(model, x), rtol=1e-3, atol=1e-4)
    # Into the normalisation itself; before the other product an operator is inserted.
    assert stored(made)["gamma"].max() / stored(made)["gamma"].min() < 20
    assert [node.op_type for node in onnx.load(made).graph.node].count("Mul") == 3
    before, after = (sqnr("onnxruntime", quantized(file, inputs), model, {"x": x}) for file in (model, made))
    assert after > before + 3


@pytest.mark.parametrize("method", ["percentile", "entropy"])
def test_an_outlier_does_not_choose_the_range(method: str) -> None:
    values = np.concatenate([np.random.default_rng(0).normal(size=100_000), [400.0]])
    counts = np.histogram(values, bins=2048)[0]
    low, high = chosen(counts, float(values.min()), 400.0, method, 99.99)
    assert 2.0 < high < 200.0
    assert low < -2.0
    assert chosen(counts, -5.0, 400.0, "minmax") == (-5.0, 400.0)


def test_the_range_of_least_error_has_the_least(tmp_path: Path) -> None:
    values = np.random.default_rng(0).laplace(size=200_000)
    counts = np.histogram(values, bins=2048)[0]
    errors = {}
    for method in ("minmax", "mse"):
        low, high = chosen(counts, float(values.min()), float(values.max()), method)
        step = (high - low) / 255
        errors[method] = float(((np.clip(np.rint(values / step), low / step, high / step) * step - values) ** 2).mean())
    assert errors["mse"] < 0.8 * errors["minmax"]


def test_histograms_hold_every_value_between_its_bounds(samples: Path, tmp_path: Path) -> None:
    take_histograms(residual(tmp_path / "m.onnx"), samples, tmp_path / "h.npz", 64)
    with np.load(tmp_path / "h.npz") as found:
        names = found["tensors"].tolist()
        assert {"x", "a1", "s", "y"} <= set(names)
        assert found["counts"][names.index("x")].sum() == 48 * 3 * 64
        assert found["bounds"][names.index("a1")][0] == 0.0


def test_a_tensor_that_is_not_finite_has_no_range(tmp_path: Path) -> None:
    masked = """<ir_version: 8, opset_import: ["":17]>
    g (float[n,4] x) => (float[n,4] y) {
     k = Greater (x, zero)
     m = Where (k, x, low)
     y = Softmax (m)
    }"""
    constants = {"zero": np.zeros(1), "low": np.full(1, -np.inf)}
    model = written(tmp_path / "masked.onnx", masked, constants)
    np.savez(tmp_path / "rows.npz", x=np.random.default_rng(1).normal(size=(4, 4)).astype(np.float32))
    with pytest.raises(Refused, match="the values of `m` on the calibration samples are not all finite"):
        take_histograms(model, tmp_path / "rows.npz", tmp_path / "histograms.npz", 64)
    with pytest.raises(Refused, match="are not all finite"):
        calibrate_ranges(model, tmp_path / "rows.npz", tmp_path / "ranges.json", "minmax")


def test_a_series_has_its_channels_on_axis_1(tmp_path: Path) -> None:
    series = """<ir_version: 8, opset_import: ["":17]>
    g (float[n,3,20] x) => (float[n,5,18] y) { y = Conv (x, w, b) }"""
    random = np.random.default_rng(2)
    weights = {"w": random.normal(size=(5, 3, 3)), "b": random.normal(size=5)}
    model = written(tmp_path / "series.onnx", series, weights)
    shifted = written(tmp_path / "shifted.onnx", series, weights | {"b": weights["b"] + 0.3})
    np.savez(tmp_path / "rows.npz", x=random.normal(size=(30, 3, 20)).astype(np.float32))
    small = quantized(shifted, tmp_path / "rows.npz")
    correct_bias(model, small, tmp_path / "rows.npz", tmp_path / "corrected.onnx")
    with np.load(tmp_path / "rows.npz") as archive:
        x = archive["x"]
    errors = [abs((answers(made, x) - answers(model, x)).mean((0, 2))) for made in (small, tmp_path / "corrected.onnx")]
    assert errors[0].min() > 0.25
    assert errors[1].max() < 0.05


@pytest.mark.parametrize("form", [{}, {"activations": "int8", "symmetric": True, "quantize_bias": False}])
def test_a_corrected_bias_takes_the_mean_error_back(form: dict[str, object], samples: Path, tmp_path: Path) -> None:
    model = tmp_path / "named.onnx"
    onnx.save(with_names(onnx.load(residual(tmp_path / "m.onnx"))), model)
    take_histograms(model, samples, tmp_path / "h.npz", 256)
    choose_ranges(tmp_path / "h.npz", tmp_path / "r.json", "minmax", 0)
    quantize_static(model, read_ranges(tmp_path / "r.json"), tmp_path / "int8.onnx", **form)
    # What was moved by a third of a quantum of its own would be hard to tell from rounding.
    damaged, shifted = onnx.load(tmp_path / "int8.onnx"), 0
    for tensor in damaged.graph.initializer:
        if tensor.name.startswith(("b2", "b3")) and tensor.name.removesuffix("_quantized") in ("b2", "b3"):
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * 2, tensor.name))
            shifted += 1
    assert shifted == 2
    onnx.save(damaged, tmp_path / "int8.onnx")
    correct_bias(model, tmp_path / "int8.onnx", samples, tmp_path / "made.onnx")
    assert db(tmp_path / "made.onnx", model) > db(tmp_path / "int8.onnx", model) + 10


def test_rounding_serves_the_output_and_not_the_weight() -> None:
    random = np.random.default_rng(2)
    inputs = random.normal(size=(400, 12)) @ random.normal(size=(12, 12))
    weights, scale = random.normal(size=(1, 5, 12)), np.full((1, 5, 12), 0.1)
    energy = np.cov(inputs.T, bias=True)[None]
    found = nearest(weights, scale, energy)
    assert np.abs(found - weights).max() <= 0.1 + 1e-9
    np.testing.assert_allclose(found / 0.1, np.rint(found / 0.1), atol=1e-9)

    def loss(tried: np.ndarray) -> float:
        return float(np.einsum("goi,gij,goj->", tried - weights, energy, tried - weights))

    assert loss(found) < 0.6 * loss(np.rint(weights / 0.1) * 0.1)


def test_rounded_weights_answer_nearer(samples: Path, tmp_path: Path) -> None:
    model = tmp_path / "named.onnx"
    onnx.save(with_names(onnx.load(residual(tmp_path / "m.onnx"))), model)
    before, made = quantized(model, samples), tmp_path / "made.onnx"
    round_weights(model, before, samples, made)
    changed = [name for name, values in stored(made).items() if not np.array_equal(values, stored(before)[name])]
    assert sorted(changed) == ["v_quantized", "w1_quantized", "w2_quantized", "w3_quantized"]
    assert all(np.abs(stored(made)[n].astype(int) - stored(before)[n]).max() == 1 for n in changed)


@pytest.mark.parametrize(
    "words", ["pads=[1,0,1,2]", "strides=[2,1]", "dilations=[2,1]", "group=2", 'auto_pad="SAME_UPPER", strides=[2,2]']
)
def test_rows_and_matrices_are_the_convolution(words: str) -> None:
    groups = 2 if "group" in words else 1
    text = f'<ir_version: 8, opset_import: ["":17]> g (float[1,4,7,8] x, float[6,{4 // groups},3,2] w) => (float[n,6,p,q] y) {{ y = Conv <{words}> (x, w) }}'  # noqa: E501
    model = onnx.parser.parse_model(text)
    random = np.random.default_rng(0)
    x, w = (random.normal(size=s).astype(np.float32) for s in ((1, 4, 7, 8), (6, 4 // groups, 3, 2)))
    want = ort.InferenceSession(model.SerializeToString()).run(None, {"x": x, "w": w})[0]
    rows = rows_of(x, model.graph.node[0], w.shape)
    got = matrices(w, model.graph.node[0]) @ rows.transpose(0, 2, 1)
    np.testing.assert_allclose(got.reshape(want.shape), want, atol=1e-4)


def test_the_ends_are_the_first_and_the_last_layer(tmp_path: Path) -> None:
    model = with_names(onnx.load(residual(tmp_path / "m.onnx")))
    assert ends_of(model) == ("Conv_0", "Gemm_9")


def test_matrix_products_keep_their_weights_in_few_bits(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    text = """<ir_version: 8, opset_import: ["":17]>
    g (float[n,64] x) => (float[n,32] y) {
     h = MatMul (x, w)
     r = Relu (h)
     y = MatMul (r, v)
    }"""
    constants = {"w": random.normal(size=(64, 128)) / 8, "v": random.normal(size=(128, 32)) / 11}
    model, x = written(tmp_path / "m.onnx", text, constants), random.normal(size=(20, 64)).astype(np.float32)
    nearness = {}
    for bits in (4, 8):
        made = tmp_path / f"{bits}.onnx"
        quantize_blocks(model, made, bits)
        assert [node.op_type for node in onnx.load(made).graph.node] == ["MatMulNBits", "Relu", "MatMulNBits"]
        # The bits themselves, a scale for each 32 weights, and the graph.
        assert made.stat().st_size < (bits + 3) / 32 * model.stat().st_size
        nearness[bits] = sqnr("onnxruntime", made, model, {"x": x})
    assert nearness[4] > 15
    assert nearness[8] > nearness[4] + 15


def test_a_model_without_matrix_products_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="the model has none \\(it has 1 Add, 3 Conv"):
        quantize_blocks(residual(tmp_path / "m.onnx"), tmp_path / "made.onnx", 4)
