"""A model of a node or a few, converted, saved, evaluated and compared with ONNX Runtime."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgebuild.models.convert.onnx_to_coreml import onnx_to_coreml
from edgebuild.runtimes.coreml import session

RNG = np.random.default_rng(7)


def normal(*shape: int) -> np.ndarray:
    """Unit normals in float32."""
    return RNG.normal(size=shape).astype(np.float32)


def model_of(
    nodes: list[onnx.NodeProto],
    feed: dict[str, np.ndarray],
    constants: dict[str, np.ndarray],
    outputs: list[str],
    opset: int = 17,
    shapes: dict[str, list[Any]] | None = None,
    types: dict[str, int] | None = None,
) -> onnx.ModelProto:
    """A model whose run-time inputs have the shapes of `feed`, or named axes of `shapes`."""
    inputs = [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(array.dtype), (shapes or {}).get(name, list(array.shape))
        )
        for name, array in feed.items()
    ]
    results = [helper.make_tensor_value_info(name, (types or {}).get(name, 1), None) for name in outputs]
    held = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "g", inputs, results, held)
    imports = [helper.make_opsetid("", opset)]
    if any(node.domain for node in nodes):
        imports.append(helper.make_opsetid("com.microsoft", 1))
    return helper.make_model(graph, opset_imports=imports, ir_version=8 if opset < 21 else 10)


def onnxruntime(model: onnx.ModelProto, feed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What ONNX Runtime says, without its optimisers."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    names = [item.name for item in model.graph.output]
    found = ort.InferenceSession(model.SerializeToString(), options).run(names, feed)
    return dict(zip(names, found, strict=True))


def coreml(model: onnx.ModelProto, feed: dict[str, np.ndarray], **options: Any) -> dict[str, np.ndarray]:
    """What the saved package says."""
    with tempfile.TemporaryDirectory() as folder:
        source, package = Path(folder) / "m.onnx", Path(folder) / "m.mlpackage"
        onnx.save(model, source)
        onnx_to_coreml(source, package, **options)
        return session.open(str(package), {}).run(feed)


def check(model: onnx.ModelProto, feed: dict[str, np.ndarray], tolerance: float = 1e-5, **options: Any) -> None:
    """Both agree, in shape, type and numbers."""
    want, got = onnxruntime(model, feed), coreml(model, feed, **{"minimum_os": "iOS17", **options})
    for name, expected in want.items():
        found = got[name]
        assert found.dtype == expected.dtype, name
        assert found.shape == (expected.shape or (1,)), name
        np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=1e-4, atol=tolerance, err_msg=name)


def one(
    op: str,
    feed: dict[str, np.ndarray],
    constants: dict[str, np.ndarray] | None = None,
    *,
    order: list[str] | None = None,
    outputs: int = 1,
    opset: int = 17,
    kind: int = 1,
    domain: str = "",
    **attributes: Any,
) -> onnx.ModelProto:
    """A model of one node; `order` places inputs, "" for none."""
    constants = constants or {}
    names = [f"y{k}" for k in range(outputs)]
    node = helper.make_node(op, order or [*feed, *constants], names, name="it", domain=domain, **attributes)
    return model_of([node], feed, constants, names, opset, types=dict.fromkeys(names, kind))
