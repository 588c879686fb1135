"""Operators of the evaluator, against what coremltools infers for constants and against numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgebuild.runtimes.coreml.library import ct
from tests.runtimes.coreml.programs import evaluated, inferred, mb

Inputs = dict[str, np.ndarray]
RANDOM = np.random.default_rng(3)


def real(*shape: int) -> np.ndarray:
    return RANDOM.normal(size=shape).astype(np.float32)


def whole(*shape: int, low: int = -9, high: int = 9) -> np.ndarray:
    return RANDOM.integers(low, high, shape).astype(np.int32)


X, POSITIVE = {"x": real(2, 3, 4)}, {"x": np.abs(real(2, 3, 4)) + np.float32(0.1)}
UNIT, INTEGERS = {"x": np.tanh(real(2, 3, 4))}, {"x": whole(2, 3, 4)}
TWO = {"x": real(2, 3, 4), "y": np.abs(real(3, 1)) + np.float32(0.5)}

PLAIN = ("abs", "atan", "ceil", "cos", "cosh", "erf", "exp", "exp2", "floor", "gelu", "identity", "inverse", "relu",
    "relu6",
         "round", "sigmoid", "sign", "sin", "sinh", "softmax", "softplus", "softsign", "square", "tan", "tanh",
             "l2_norm",
         "non_zero", "squeeze", "argsort", "cumsum", "flatten2d", "shape", "topk", "reverse")  # fmt: skip

CASES: dict[str, tuple[Callable[..., Any], Inputs]] = {
    **{name: (getattr(mb, name), X) for name in PLAIN},
    **{name: (getattr(mb, name), POSITIVE) for name in ("log", "rsqrt", "sqrt")},
    **{name: (getattr(mb, name), UNIT) for name in ("acos", "asin", "atanh")},
    **{f"{name}_whole": (getattr(mb, name), INTEGERS) for name in ("abs", "sign", "square", "argsort", "cumsum",
        "topk")},
    **{name: (getattr(mb, name), TWO) for name in
       ("add", "sub", "mul", "real_div", "floor_div", "mod", "maximum", "minimum", "equal", "greater", "greater_equal",
        "less", "less_equal", "not_equal")},
    **{f"{name}_whole": (getattr(mb, name), {"x": whole(3, 4), "y": whole(4, low=1)}) for name in
       ("add", "sub", "mul", "floor_div", "mod", "maximum", "equal", "less")},
    "pow": (mb.pow, {"x": POSITIVE["x"], "y": real(4)}),
    "rsqrt_epsilon": (lambda x: mb.rsqrt(x=x, epsilon=0.5), POSITIVE),
    "log_epsilon": (lambda x: mb.log(x=x, epsilon=0.5), POSITIVE),
    "inverse_epsilon": (lambda x: mb.inverse(x=x, epsilon=0.5), POSITIVE),
    "clip": (lambda x: mb.clip(x=x, alpha=-0.5, beta=0.7), X),
    "threshold": (lambda x: mb.threshold(x=x, alpha=0.2), X),
    "cast_int": (lambda x: mb.cast(x=mb.mul(x=x, y=4.0), dtype="int32"), X),
    "cast_bool": (lambda x: mb.cast(x=x, dtype="bool"), INTEGERS),
    "clamped_relu": (lambda x: mb.clamped_relu(x=x, alpha=0.3, beta=0.8), X),
    "elu": (lambda x: mb.elu(x=x, alpha=0.7), X),
    "gelu_tanh": (lambda x: mb.gelu(x=x, mode="TANH_APPROXIMATION"), X),
    "gelu_sigmoid": (lambda x: mb.gelu(x=x, mode="SIGMOID_APPROXIMATION"), X),
    "leaky_relu": (lambda x: mb.leaky_relu(x=x, alpha=0.1), X),
    "linear_activation": (lambda x: mb.linear_activation(x=x, alpha=2.0, beta=0.5), X),
    "scaled_tanh": (lambda x: mb.scaled_tanh(x=x, alpha=1.7, beta=0.6), X),
    "sigmoid_hard": (lambda x: mb.sigmoid_hard(x=x, alpha=0.2, beta=0.5), X),
    "thresholded_relu": (lambda x: mb.thresholded_relu(x=mb.mul(x=x, y=1.0), alpha=0.3), X),
    "prelu": (lambda x: mb.prelu(x=x, alpha=np.float32([0.1, 0.2, 0.3])), {"x": real(2, 3, 4, 5)}),
    "softplus_parametric": (
        lambda x: mb.softplus_parametric(x=x, alpha=np.float32([1, 2, 3]), beta=np.float32([0.5, 1, 2])),
        {"x": real(2, 3, 4, 5)},
    ),
    "softmax_axis": (lambda x: mb.softmax(x=x, axis=1), X),
    "layer_norm_parameters": (
        lambda x: mb.layer_norm(x=x, axes=[-2, -1], gamma=real(3, 4), beta=real(3, 4), epsilon=0.1), X,
    ),
    "l2_norm_batched": (mb.l2_norm, {"x": real(2, 3, 4, 5)}),
    "matmul": (mb.matmul, {"x": real(2, 3, 4), "y": real(2, 4, 5)}),
    "matmul_transposed": (
        lambda x, y: mb.matmul(x=x, y=y, transpose_x=True, transpose_y=True), {"x": real(2, 4, 3), "y": real(5, 4)},
    ),
    "linear": (lambda x: mb.linear(x=x, weight=real(5, 4), bias=real(5)), X),
    "einsum": (lambda x, y: mb.einsum(values=[x, y], equation="nchw,nwhu->nchu"), {"x": real(1, 2, 3, 4),
        "y": real(1, 4, 3, 5)}),
    "select": (lambda x, y: mb.select(cond=mb.greater(x=x, y=0.0), a=x, b=y), {"x": real(3, 4), "y": real(3, 4)}),
    "band_part": (lambda x: mb.band_part(x=x, lower=1, upper=0), X),
    "cumsum_reverse": (lambda x: mb.cumsum(x=x, axis=1, reverse=True), X),
    "fill": (lambda x: mb.add(x=x, y=mb.fill(shape=[2, 3, 4], value=2.5)), X),
    "fill_like": (lambda x: mb.fill_like(ref_tensor=x, value=2.5), X),
    "pad_constant": (lambda x: mb.pad(x=x, pad=[1, 2, 0, 3], constant_val=1.5), X),
    "pad_reflect": (lambda x: mb.pad(x=x, pad=[1, 2, 3, 0], mode="reflect"), X),
    "pad_replicate": (lambda x: mb.pad(x=x, pad=[1, 2, 3, 0], mode="replicate"), X),
    "tile": (lambda x: mb.tile(x=x, reps=[2, 1, 3]), X),
    "topk_ascending": (lambda x: mb.topk(x=x, k=2, axis=1, ascending=True), X),
    "argsort_axis": (lambda x: mb.argsort(x=x, axis=1, ascending=True), X),
    "flatten2d_axis": (lambda x: mb.flatten2d(x=x, axis=-1), X),
    "concat": (lambda x, y: mb.concat(values=[x, y, x], axis=1), {"x": real(2, 3), "y": real(2, 4)}),
    "split": (lambda x: mb.split(x=x, split_sizes=[1, 3], axis=-1), X),
    "split_even": (lambda x: mb.split(x=x, num_splits=2, axis=-1), X),
    "stack": (lambda x, y: mb.stack(values=[x, y], axis=1), {"x": real(2, 3), "y": real(2, 3)}),
    "expand_dims": (lambda x: mb.expand_dims(x=x, axes=[0, -1]), X),
    "squeeze_axes": (lambda x: mb.squeeze(x=x, axes=[-1]), {"x": real(1, 3, 1)}),
    "reshape": (lambda x: mb.reshape(x=x, shape=[4, -1]), X),
    "reshape_zero": (lambda x: mb.reshape(x=x, shape=[1, 2, 0, -1]), X),
    "reverse_axes": (lambda x: mb.reverse(x=x, axes=[-1, 0]), X),
    "transpose": (lambda x: mb.transpose(x=x, perm=[2, 0, -2]), X),
    "slice": (lambda x: mb.slice_by_index(x=x, begin=[0, -3, 3], end=[1, -1, 0], stride=[1, 1, -2]), X),
    "slice_masks": (
        lambda x: mb.slice_by_index(
            x=x, begin=[1, 0, 2], end=[0, 0, 0], stride=[1, 2, -1], begin_mask=[False, True, False],
            end_mask=[False, True, True], squeeze_mask=[True, False, False],
        ), X,
    ),
    "slice_by_size": (lambda x: mb.slice_by_size(x=x, begin=[0, 1, -2], size=[2, -1, 2]), X),
    "slice_update": (
        lambda x, y: mb.slice_update(x=x, update=y, begin=[0, 1, 0], end=[2, 3, 4], stride=[1, 1, 2]),
        {"x": real(2, 3, 4), "y": real(2, 2, 2)},
    ),
    "gather": (lambda x: mb.gather(x=x, indices=np.int32([[2, 0], [1, 1]]), axis=1), X),
    "gather_batched": (lambda x: mb.gather(x=x, indices=np.int32([[2, 0], [1, 1]]), axis=1, batch_dims=1), X),
    "gather_scalar": (lambda x: mb.gather(x=x, indices=np.int32(2), axis=2), X),
    "gather_along_axis": (lambda x: mb.gather_along_axis(x=x, indices=whole(2, 3, 5, low=0, high=4), axis=2), X),
    "scatter_along_axis": (
        lambda x, y: mb.scatter_along_axis(
            data=x, indices=np.int32([[3, 0], [1, 2]]), updates=y, axis=1, mode="update"),
        {"x": real(2, 4), "y": real(2, 2)},
    ),
    "range_1d": (lambda x: mb.range_1d(start=1, end=9, step=3), X),
    "quantize": (lambda x: mb.quantize(input=x, scale=0.05, zero_point=np.int8(3), output_dtype="int8"), X),
    "quantize_channels": (
        lambda x: mb.quantize(input=x, scale=np.float32([0.1, 0.2, 0.3]), axis=1, output_dtype="uint8",
                              zero_point=np.uint8([3, 100, 128])), X,
    ),
    "attention": (mb.scaled_dot_product_attention, {"query": real(1, 3, 4), "key": real(1, 5, 4), "value": real(1, 5,
        2)}),
}  # fmt: skip
NEW = {"slice_update", "attention"}
"""Cases that iOS 18 brought."""


@pytest.mark.parametrize("name", CASES)
def test_says_what_coremltools_infers(name: str) -> None:
    build, inputs = CASES[name]
    target = ct.target.iOS18 if name in NEW else ct.target.iOS17
    copies = {key: value.copy() for key, value in inputs.items()}
    # The reproducible generator serves both, so the second build sees the same constants.
    state = RANDOM.bit_generator.state
    wanted = inferred(build, copies, target)
    RANDOM.bit_generator.state = state
    found = evaluated(build, inputs, target)
    assert all(value is not None for value in wanted)
    for have, want in zip(found, wanted, strict=True):
        assert have.shape == np.shape(want)
        np.testing.assert_allclose(have, np.asarray(want, have.dtype), atol=1e-6, rtol=2e-6)


X4 = real(2, 8, 6, 6)
KNOWN: dict[str, tuple[Callable[..., Any], Inputs, Callable[..., Any]]] = {
    "exclusive": (lambda x: mb.cumsum(x=x, axis=-1, exclusive=True), X, lambda x: np.cumsum(x, -1) - x),
    "exclusive_reverse": (
        lambda x: mb.cumsum(x=x, axis=2, exclusive=True, reverse=True), X,
        lambda x: np.flip(np.cumsum(np.flip(x, 2), 2), 2) - x,
    ),
    "interleave": (
        lambda x, y: mb.concat(values=[x, y], axis=0, interleave=True), {"x": real(3, 2), "y": real(3, 2)},
        lambda x, y: np.stack([x, y], 1).reshape(6, 2),
    ),
    "one_hot": (
        lambda x: mb.one_hot(indices=x, one_hot_vector_size=4, axis=0, on_value=2.0, off_value=-1.0),
        {"x": np.int32([3, 0, 1])}, lambda x: np.where(np.eye(4)[:, x] > 0, 2, -1),
    ),
    "reverse_sequence": (
        lambda x: mb.reverse_sequence(x=x, lengths=np.int32([1, 3]), seq_axis=1, batch_axis=0), {"x": real(2, 3, 2)},
        lambda x: np.stack([x[0], x[1, ::-1]]),
    ),
    "sliding_windows": (
        lambda x: mb.sliding_windows(x=x, axis=1, size=2, stride=1), X, lambda x: np.stack([x[:, :2], x[:, 1:]], 1),
    ),
    "depth_to_space_there_and_back": (
        lambda x: mb.space_to_depth(x=mb.depth_to_space(x=x, block_size=2), block_size=2), {"x": X4}, lambda x: x,
    ),
    "depth_to_space": (
        lambda x: mb.depth_to_space(x=x, block_size=2), {"x": real(1, 4, 1, 1)}, lambda x: x.reshape(1, 1, 2, 2),
    ),
    "pixel_shuffle_there_and_back": (
        lambda x: mb.pixel_unshuffle(x=mb.pixel_shuffle(x=x, upscale_factor=2), downscale_factor=np.uint32(2)),
        {"x": X4}, lambda x: x,
    ),
    "batches_there_and_back": (
        lambda x: mb.batch_to_space(
            x=mb.space_to_batch(x=x, block_shape=[2, 3], paddings=[[1, 1], [0, 3]]), block_shape=[2, 3],
            crops=[[1, 1], [0, 3]]),
        {"x": X4}, lambda x: x,
    ),
    "crop": (lambda x: mb.crop(x=x, crop_height=[1, 2], crop_width=[0, 3]), {"x": X4}, lambda x: x[..., 1:-2, :3]),
    "reshape_like": (
        lambda x, y: mb.reshape_like(x=x, ref_tensors=[y, x], begins=[0, 2], ends=[1, 0], end_masks=[False, True]),
        {"x": real(2, 3, 4), "y": real(6, 5)}, lambda x, y: x.reshape(6, 4),
    ),
    "gather_nd": (
        lambda x: mb.gather_nd(x=x, indices=np.int32([[0, 2], [1, 0]])), X, lambda x: x[[0, 1], [2, 0]],
    ),
    "gather_nd_batched": (
        lambda x: mb.gather_nd(x=x, indices=np.int32([[[2]], [[0]]]), batch_dims=1), X,
        lambda x: np.stack([x[0, [2]], x[1, [0]]]),
    ),
    "scatter_twice": (
        lambda x, y: mb.scatter(data=x, indices=np.int32([1, 1]), updates=y, axis=1, mode="add"),
        {"x": real(2, 3), "y": real(2, 2)}, lambda x, y: np.stack([x[:, 0], x[:, 1] + y.sum(1), x[:, 2]], 1),
    ),
    "scatter_nd": (
        lambda x, y: mb.scatter_nd(data=x, indices=np.int32([[1], [0]]), updates=y, mode="max"),
        {"x": real(3, 2), "y": real(2, 2)}, lambda x, y: np.concatenate([np.maximum(x[:2], y[::-1]), x[2:]]),
    ),
    "floor_div_negative": (
        lambda x, y: mb.floor_div(x=x, y=y), {"x": np.int32([-7, 7, -7]), "y": np.int32([2, -2, -2])},
        lambda x, y: np.int32([-4, -4, 3]),
    ),
    "mod_negative": (
        lambda x, y: mb.mod(x=x, y=y), {"x": np.int32([-7, 7, -7]), "y": np.int32([2, -2, -2])},
        lambda x, y: np.int32([1, -1, -1]),
    ),
    "same_lower": (
        lambda x: mb.max_pool(x=x, kernel_sizes=[2], strides=[1], pad_type="same_lower"), {"x": real(1, 1, 5)},
        lambda x: np.maximum(x, np.concatenate([x[..., :1], x[..., :-1]], -1)),
    ),
    "last_window_in_padding_is_dropped": (
        lambda x: mb.max_pool(
            x=x, kernel_sizes=[2], strides=[2], pad_type="custom", pad=[1, 1], ceil_mode=True),
        {"x": real(1, 1, 3)}, lambda x: np.stack([x[..., 0], np.maximum(x[..., 1], x[..., 2])], -1),
    ),
    "transposed_cut_at_one_end": (
        lambda x: mb.conv_transpose(
            x=x, weight=np.float32([[[1, 10, 100]]]), strides=[2], pad_type="custom", pad=[1, 0]),
        {"x": np.float32([[[1, 2]]])}, lambda x: np.float32([[[10, 102, 20, 200]]]),
    ),
    "transposed_same": (
        lambda x: mb.conv_transpose(x=x, weight=np.float32([[[1, 10, 100]]]), strides=[2], pad_type="same"),
        {"x": np.float32([[[1, 2]]])}, lambda x: np.float32([[[1, 10, 102, 20]]]),
    ),
    "same_upper": (
        lambda x: mb.avg_pool(x=x, kernel_sizes=[2], strides=[1], pad_type="same"), {"x": real(1, 1, 5)},
        lambda x: (x + np.concatenate([x[..., 1:], np.zeros((1, 1, 1), np.float32)], -1)) / 2,
    ),
    "l2_pool": (
        lambda x: mb.l2_pool(x=x, kernel_sizes=[2], strides=[2], pad_type="valid"), {"x": real(1, 2, 6)},
        lambda x: np.hypot(x[..., ::2], x[..., 1::2]),
    ),
    "dequantize": (
        lambda x: mb.dequantize(input=mb.quantize(input=x, scale=0.5, output_dtype="int8"), scale=0.5), X,
        lambda x: np.rint(x / 0.5) * 0.5,
    ),
    "conv_run_time_weight": (
        lambda x, w: mb.conv(x=x, weight=w), {"x": real(1, 2, 3), "w": real(4, 2, 3)},
        lambda x, w: np.einsum("ncs,ocs->no", x, w)[..., None],
    ),
    "resize_default": (
        lambda x: mb.resize_bilinear(x=x, target_size_height=1, target_size_width=4, sampling_mode="DEFAULT"),
        {"x": np.float32([[[[0, 1]]]])}, lambda x: np.float32([[[[0, 0.5, 1, 1]]]]),
    ),
    "resize_offset_corners": (
        lambda x: mb.resize_bilinear(x=x, target_size_height=1, target_size_width=5, sampling_mode="OFFSET_CORNERS"),
        {"x": np.float32([[[[0, 1]]]])}, lambda x: np.float32([[[[0.1, 0.3, 0.5, 0.7, 0.9]]]]),
    ),
    "crop_resize_whole": (
        lambda x: mb.crop_resize(
            x=x, boxes=np.float32([[0, 0, 5, 5], [0, 0, 5, 5]]), target_height=6, target_width=6,
            sampling_mode="ALIGN_CORNERS"),
        {"x": X4}, lambda x: x,
    ),
    "affine_identity": (
        lambda x: mb.affine(
            x=x, transform_matrix=np.float32([[1, 0, 0, 0, 1, 0]]), output_height=6, output_width=6,
            sampling_mode="bilinear", padding_mode="constant", padding_value=0.0,
            coordinates_mode="normalized_minus_one_to_one", align_corners=True),
        {"x": X4}, lambda x: x,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
def test_says_what_numpy_says(name: str) -> None:
    build, inputs, known = KNOWN[name]
    (found,) = evaluated(build, inputs)
    want = known(**inputs)
    assert found.shape == want.shape
    np.testing.assert_allclose(found, want, atol=2e-6)


def test_a_negative_index_counts_from_the_end_up_to_ios16_only() -> None:
    inputs = {"x": real(4, 2), "i": np.int32([-1, 0])}
    (found,) = evaluated(lambda x, i: mb.gather(x=x, indices=i), inputs, ct.target.iOS16)
    np.testing.assert_array_equal(found, inputs["x"][[-1, 0]])
    with pytest.raises(ValueError, match=r"index -1 lies outside \[0, 4\)"):
        evaluated(lambda x, i: mb.gather(x=x, indices=i), inputs, ct.target.iOS17)


def test_suppression_keeps_the_best_of_what_overlaps() -> None:
    boxes = np.float32([[[0, 0, 2, 2], [0.1, 0, 2, 2], [5, 5, 1, 1]]])
    scores = np.float32([[[0.6, 0], [0, 0.9], [0.3, 0.2]]])

    def build(boxes: Any, scores: Any, apart: bool = False) -> Any:
        return mb.non_maximum_suppression(
            boxes=boxes, scores=scores, iou_threshold=0.5, score_threshold=0.1, max_boxes=3, per_class_suppression=apart
        )

    given = {"boxes": boxes, "scores": scores}
    chosen, _, places, count = evaluated(build, given, ct.target.iOS16)
    np.testing.assert_array_equal(places, [[1, 2, -1]])
    np.testing.assert_array_equal(count, [2])
    np.testing.assert_array_equal(chosen[0], [boxes[0, 1], boxes[0, 2], np.zeros(4)])
    # Two thirds of the first and the second box are shared, which is half of both together: not more than the limit.
    beside = {"boxes": np.float32([[[0, 0, 3, 1], [1, 0, 3, 1]]]), "scores": np.float32([[[0.6], [0.5]]])}
    np.testing.assert_array_equal(evaluated(build, beside, ct.target.iOS16)[2], [[0, 1, -1]])
    apart = evaluated(lambda boxes, scores: build(boxes, scores, True), given, ct.target.iOS16)
    np.testing.assert_array_equal(apart[2], [[1, 0, 2]])


def test_random_operators_and_unknown_ones_are_named_at_once() -> None:
    def build(x: Any) -> Any:
        noise = mb.random_normal(shape=[2, 3, 4])
        return mb.add(x=x, y=mb.mul(x=noise, y=mb.random_uniform(shape=[2, 3, 4])))

    with pytest.raises(ValueError, match=r"random_normal \(1\): .*random_uniform \(1\)"):
        evaluated(build, X)


def test_every_operator_of_coremltools_is_known_or_refused() -> None:
    from coremltools.converters.mil.mil.ops.registry import SSAOpRegistry

    from edgebuild.runtimes.coreml.evaluator.table import OPERATORS, PLANNED, PREPARED, REFUSED

    ours = OPERATORS.keys() | PREPARED.keys() | PLANNED | REFUSED.keys()
    constants = {name for name in SSAOpRegistry.core_ops if "const" in name}
    assert SSAOpRegistry.core_ops.keys() - constants == ours - {"coreml_update_state"}
