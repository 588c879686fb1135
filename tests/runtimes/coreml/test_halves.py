"""Numbers below the operators: rounding to float16, erf, and the file of one convolution."""

from __future__ import annotations

import math

import numpy as np
import onnx

from edgebuild.runtimes.coreml.evaluator.elementwise import erf
from edgebuild.runtimes.coreml.evaluator.halves import rounded
from edgebuild.runtimes.coreml.evaluator.kernel import model


def test_rounding_is_numpys_own_bit_for_bit() -> None:
    made = np.random.default_rng(1)
    every = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float32)
    finite = every[np.isfinite(every)]
    between = (finite + np.nextafter(finite, np.float32(np.inf))) / 2
    halves = (np.sort(finite)[1:] + np.sort(finite)[:-1]) / 2
    random = (made.normal(size=200_000) * 10.0 ** made.uniform(-9, 4, 200_000)).astype(np.float32)
    for values in (
        finite,
        between,
        halves,
        random,
        np.concatenate([random, every]),
        np.float32([65519.9, -65520.0] * 50),
    ):
        with np.errstate(all="ignore"):
            wanted = values.astype(np.float16).astype(np.float32)
            found = rounded(values.copy())
        np.testing.assert_array_equal(found, wanted)


def test_what_cannot_be_overwritten_is_not() -> None:
    source = np.linspace(0, 1, 300, dtype=np.float32).reshape(10, 30)
    for view in (source[:, ::2], np.broadcast_to(source[0], (10, 30)), source[0, :20]):
        kept = source.copy()
        np.testing.assert_array_equal(rounded(view), view.astype(np.float16).astype(np.float32))
        np.testing.assert_array_equal(source, kept)


def test_erf_is_right_to_float32() -> None:
    x = np.linspace(-6, 6, 20_001, dtype=np.float32)
    np.testing.assert_allclose(erf(x), [math.erf(value) for value in x.tolist()], atol=4e-7)


def test_the_file_of_a_convolution_is_onnx() -> None:
    weight = np.random.default_rng(2).normal(size=(6, 2, 3, 300)).astype(np.float32)
    written = onnx.load_from_string(model("Conv", weight, {"group": 2, "strides": [1, 2], "pads": [0, 1, 2, 3]}))
    onnx.checker.check_model(written)
    (node,) = written.graph.node
    assert {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute} == {
        "group": 2, "strides": [1, 2], "pads": [0, 1, 2, 3],
    }  # fmt: skip
    np.testing.assert_array_equal(onnx.numpy_helper.to_array(written.graph.initializer[0]), weight)
    assert written.graph.input[0].type.tensor_type.shape.dim[1].dim_value == 4
