"""Single operators where their meaning is easily missed, against ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from edgebuild.models.convert.onnx_to_mil.lower import lower
from tests.models.onnx_to_mil.cases import check, coreml, model_of, normal, one

INT64, BOOL = TensorProto.INT64, TensorProto.BOOL


def test_integer_division_goes_towards_zero() -> None:
    feed = {"a": np.array([-7, 7, -7, 7, 6]), "b": np.array([2, -2, -2, 2, 3])}
    check(one("Div", feed, kind=INT64), feed)


@pytest.mark.parametrize(("axis", "shape"), [(None, (4,)), (1, (3,)), (0, (2, 3)), (1, (3, 4))])
def test_broadcasting_before_opset_7(axis: int | None, shape: tuple[int, ...]) -> None:
    feed = {"a": normal(2, 3, 4), "b": normal(*shape)}
    attributes = {} if axis is None else {"axis": axis}
    old = one("Sub", feed, opset=6, broadcast=1, **attributes)
    spread = feed["b"].reshape(*shape, *[1] * (3 - len(shape) - (3 - len(shape) if axis is None else axis)))
    np.testing.assert_allclose(coreml(old, feed)["y0"], feed["a"] - spread)


@pytest.mark.parametrize("fmod", [0, 1])
def test_modulo_has_the_sign_that_fmod_says(fmod: int) -> None:
    feed = {"a": np.array([-7, 7, -7, 7]), "b": np.array([3, -3, -3, 3])}
    check(one("Mod", feed, kind=INT64, fmod=fmod), feed)


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax", "Hardmax"])
@pytest.mark.parametrize(("opset", "axis"), [(11, 1), (11, 2), (13, 1), (13, -1)])
def test_softmax_before_opset_13_takes_all_axes_at_once(op: str, opset: int, axis: int) -> None:
    feed = {"x": normal(2, 3, 4)}
    check(one(op, feed, opset=opset, axis=axis), feed)


@pytest.mark.parametrize(
    ("start", "end", "axis", "step"),
    [(-1, -100, 1, -1), (4, 0, 1, -2), (0, 2**63 - 1, 0, 2), (-3, -1, 1, 1), (3, -(2**63), 1, -1)],
)
def test_slices_backwards_and_to_the_ends(start: int, end: int, axis: int, step: int) -> None:
    feed = {"x": normal(4, 5)}
    bounds = {name: np.array([value]) for name, value in zip("seat", (start, end, axis, step), strict=True)}
    check(one("Slice", feed, bounds), feed)


@pytest.mark.parametrize(
    "attributes",
    [
        {"pads": [1, 0, 2, 1]},
        {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
        {"auto_pad": "SAME_LOWER", "strides": [2, 2]},
        {"auto_pad": "VALID", "dilations": [2, 1]},
    ],
)
def test_convolutions_pad_each_side_by_its_own(attributes: dict[str, Any]) -> None:
    feed = {"x": normal(1, 3, 7, 8)}
    check(one("Conv", feed, {"w": normal(4, 3, 2, 4), "b": normal(4)}, **attributes), feed)


def test_groups_and_one_dimension() -> None:
    feed = {"x": normal(2, 4, 9)}
    check(one("Conv", feed, {"w": normal(6, 2, 3)}, group=2, strides=[2]), feed)


@pytest.mark.parametrize(
    "attributes",
    [
        {"strides": [2, 2], "output_padding": [1, 0]},
        {"strides": [2, 2], "pads": [1, 0, 0, 1]},
        {"strides": [3, 2], "output_shape": [13, 9]},
        {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
        {"dilations": [2, 1], "pads": [1, 1, 1, 1], "group": 2},
    ],
)
def test_transposed_convolutions_are_cropped_as_onnx_says(attributes: dict[str, Any]) -> None:
    feed = {"x": normal(1, 4, 4, 5)}
    out = 3 if "group" not in attributes else 2
    check(
        one(
            "ConvTranspose",
            feed,
            {"w": normal(4, out, 3, 3), "b": normal(out * attributes.get("group", 1))},
            **attributes,
        ),
        feed,
    )


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize(
    "attributes",
    [
        {"pads": [1, 0, 0, 1]},
        {"ceil_mode": 1, "strides": [2, 2]},
        {"auto_pad": "SAME_LOWER", "strides": [2, 2]},
        {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
    ],
)
def test_pools_pad_and_round_as_onnx_says(op: str, attributes: dict[str, Any]) -> None:
    feed = {"x": normal(1, 2, 8, 7)}
    check(one(op, feed, kernel_shape=[3, 2], **attributes), feed)


def test_counted_pads_and_holes() -> None:
    feed = {"x": normal(1, 2, 7, 7)}
    check(one("AveragePool", feed, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2], count_include_pad=1), feed)
    check(one("MaxPool", feed, kernel_shape=[2, 2], dilations=[2, 3], pads=[0, 1, 1, 0]), feed)


@pytest.mark.parametrize("attributes", [{"strides": [2, 1]}, {"pads": [1, 0, 0, 1], "storage_order": 1}])
def test_indices_of_maxima(attributes: dict[str, Any]) -> None:
    feed = {"x": np.round(normal(2, 3, 5, 6))}
    node = helper.make_node("MaxPool", ["x"], ["y", "i"], kernel_shape=[2, 3], **attributes)
    check(model_of([node], feed, {}, ["y", "i"], types={"i": INT64}), feed)


def test_a_condition_at_run_time() -> None:
    feed = {"x": normal(3, 4), "c": np.array([True, False, True])}
    check(one("Compress", feed, axis=0), feed)
    result = [helper.make_tensor_value_info("o", 1, None)]
    then = helper.make_graph([helper.make_node("Relu", ["x"], ["o"])], "b", [], result)
    other = helper.make_graph([helper.make_node("Neg", ["x"], ["o"])], "b", [], result)
    for condition in (True, False):
        feed = {"c": np.array(condition), "x": normal(3)}
        fork = helper.make_node("If", ["c"], ["y"], then_branch=then, else_branch=other)
        check(model_of([fork], feed, {}, ["y"]), feed)


def test_negative_indices_at_run_time() -> None:
    feed = {"x": normal(5, 3), "i": np.array([[-1, 0], [-5, 4]])}
    check(one("Gather", feed, axis=0), feed)
    feed = {"x": normal(2, 3), "i": np.array([[0, -1], [-2, 1]])}
    check(one("GatherND", feed), feed)
    feed = {"x": normal(3, 4), "i": np.array([[-1, 0, 1, -3]])}
    check(one("GatherElements", feed, axis=0), feed)


def test_scatter_smaller_than_the_data() -> None:
    feed = {"x": normal(3, 4), "i": np.array([[2, -3], [0, 1]]), "u": normal(2, 2)}
    check(one("ScatterElements", feed, axis=0), feed)


@pytest.mark.parametrize("epsilon", [1e-5, 0.3])
def test_batch_normalisation_has_its_epsilon(epsilon: float) -> None:
    feed = {"x": normal(2, 3, 4, 4)}
    held = {"s": normal(3), "b": normal(3), "m": normal(3), "v": np.abs(normal(3))}
    check(one("BatchNormalization", feed, held, epsilon=epsilon), feed)


@pytest.mark.parametrize("turned", [0, 1])
def test_gemm_scales_both_terms(turned: int) -> None:
    feed = {"x": normal(4, 3) if turned else normal(3, 4)}
    held = {"w": normal(5, 4), "b": normal(5)}
    check(one("Gemm", feed, held, alpha=0.5, beta=2.5, transA=turned, transB=1), feed)
    check(one("Gemm", feed, {"w": normal(4, 5), "b": normal(3, 5)}, alpha=0.5, beta=2.5, transA=turned), feed)


@pytest.mark.parametrize(
    ("op", "attributes"),
    [("HardSigmoid", {}), ("HardSigmoid", {"alpha": 0.3, "beta": 0.1}), ("Elu", {"alpha": 0.7}), ("Selu", {}),
     ("Celu", {"alpha": 2.0}),
     ("LeakyRelu", {}), ("ThresholdedRelu", {"alpha": 0.4}), ("Shrink", {"bias": 0.2, "lambd": 0.6}), ("Mish", {}),
     ("HardSwish", {}), ("Softplus", {}), ("Softsign", {}), ("Asinh", {}), ("Reciprocal", {}), ("Round", {}),
      ("Sign", {})],
)  # fmt: skip
def test_activations_and_their_defaults(op: str, attributes: dict[str, float]) -> None:
    feed = {"x": 2 * normal(3, 8)}
    check(one(op, feed, opset=18, **attributes), feed)


RESIZES = [
    {"mode": "nearest", "coordinate_transformation_mode": mode, "nearest_mode": rounding}
    for mode in ("half_pixel", "asymmetric", "align_corners")
    for rounding in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
] + [
    {"mode": kind, "coordinate_transformation_mode": mode, **more}
    for kind, more in (("linear", {}), ("cubic", {}), ("cubic", {"exclude_outside": 1, "cubic_coeff_a": -0.5}))
    for mode in ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
]  # fmt: skip


@pytest.mark.parametrize("attributes", RESIZES, ids=lambda item: "-".join(str(value) for value in item.values()))
def test_resize_in_every_mode(attributes: dict[str, Any]) -> None:
    feed = {"x": normal(1, 2, 4, 5)}
    for scales in ([1, 1, 2, 3], [1, 1, 1.5, 0.6]):
        held = {"scales": np.array(scales, np.float32)}
        check(one("Resize", feed, held, order=["x", "", "scales"], opset=18, **attributes), feed)


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("aligned", [0, 1])
def test_samples_at_places_of_a_grid(mode: str, padding: str, aligned: int) -> None:
    feed = {"x": normal(2, 3, 5, 4), "g": normal(2, 6, 3, 2)}
    check(one("GridSample", feed, mode=mode, padding_mode=padding, align_corners=aligned), feed)


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge"])
def test_pads_over_any_axis(mode: str) -> None:
    feed = {"x": normal(3, 4, 5)}
    check(one("Pad", feed, {"p": np.array([1, 0, 2, 2, 1, 0])}, mode=mode), feed)


@pytest.mark.parametrize("equation", ["bij,bjk->bik", "ij,jk", "bhid,bhjd->bhij", "...ij,...jk->...ik", "ij,ik->jk"])
def test_einsum(equation: str) -> None:
    shapes = {"bij,bjk->bik": ((2, 3, 4), (2, 4, 5)), "bhid,bhjd->bhij": ((2, 3, 4, 5), (2, 3, 6, 5)),
              "...ij,...jk->...ik": ((2, 3, 4), (2, 4, 5)), "ij,ik->jk": ((3, 4), (3, 5))}  # fmt: skip
    left, right = shapes.get(equation, ((3, 4), (4, 5)))
    feed = {"a": normal(*left), "b": normal(*right)}
    check(one("Einsum", feed, equation=equation), feed)


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_depth_to_space_for_several_samples(mode: str) -> None:
    feed = {"x": normal(2, 8, 2, 3)}
    check(one("DepthToSpace", feed, blocksize=2, mode=mode), feed)
    feed = {"x": normal(2, 3, 4, 6)}
    check(one("SpaceToDepth", feed, blocksize=2), feed)


def test_narrow_integers_wrap() -> None:
    feed = {"a": np.array([250, 3], np.uint8), "b": np.array([10, 5], np.uint8)}
    check(one("Add", feed, kind=TensorProto.UINT8), feed)
    check(one("Sub", feed, kind=TensorProto.UINT8), feed)


def test_bits_of_wide_integers_go_right() -> None:
    feed = {"a": np.array([2**31 - 1, 77, 2**30], np.uint64), "n": np.array([1, 3, 31], np.uint64)}
    check(one("BitShift", feed, kind=TensorProto.UINT64, direction="RIGHT"), feed)


def test_a_condition_larger_than_its_values() -> None:
    feed = {"c": np.array([[True, False], [False, True]]), "a": normal(2), "b": normal(1)}
    model = one("Where", feed)
    check(model, feed)
    # The evaluator would broadcast the condition; the shape that Core ML is told does not.
    assert lower(model).program.functions["main"].outputs[0].shape == (2, 2)
