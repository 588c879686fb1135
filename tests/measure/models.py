"""Tiny real models and samples, and sessions that behave badly on purpose."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgebuild.core.dossier import Call

ORT = Call(session="edgebuild.runtimes.onnxruntime.session", options={"threads": 1}, runtime="onnxruntime")
FEATURES = 8


def weights(width: int, depth: int) -> list[np.ndarray]:
    """Of a chain of square layers after the first; scaled so that values neither vanish nor grow."""
    random = np.random.default_rng(3)
    shapes = [(FEATURES, width), *[(width, width)] * (depth - 1)]
    return [(random.normal(size=shape) / np.sqrt(shape[0])).astype(np.float32) for shape in shapes]


def dense(file: Path, width: int = 4, depth: int = 1) -> Path:
    """`y = tanh(…tanh(x·w₀)…·wₙ)`, x float32 (1, 8), y float32 (1, width)."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants, last = [], [], "x"
    for layer, array in enumerate(weights(width, depth)):
        constants.append(numpy_helper.from_array(array, f"w{layer}"))
        nodes.append(helper.make_node("MatMul", [last, f"w{layer}"], [f"m{layer}"]))
        last = "y" if layer == depth - 1 else f"t{layer}"
        nodes.append(helper.make_node("Tanh", [f"m{layer}"], [last]))
    graph = helper.make_graph(
        nodes,
        "dense",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, FEATURES])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, width])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, file)
    return file


def expected(inputs: np.ndarray, width: int = 4, depth: int = 1) -> np.ndarray:
    """The same in numpy."""
    for array in weights(width, depth):
        inputs = np.tanh(inputs @ array)
    return inputs


def split(folder: Path, count: int = 20) -> Path:
    """A sample folder of unit normals, as far as a runner reads it."""
    folder.mkdir(parents=True)
    np.savez(folder / "inputs.npz", x=np.random.default_rng(7).normal(size=(count, FEATURES)).astype(np.float32))
    return folder


SESSIONS = {
    "abort": "def open(path, options):\n    import os\n    print('last words', flush=True)\n    os.abort()\n",
    "starved": "def open(path, options):\n    raise RuntimeError('bfc_arena.cc: Failed to allocate memory for 9 GB')\n",
    "full": "def open(path, options):\n    raise ValueError('write: No space left on device')\n",
    "hang": "def open(path, options):\n    import time\n    time.sleep(60)\n",
    "threads": "import os\ndef open(path, options):\n    raise RuntimeError('OMP ' + os.environ['OMP_NUM_THREADS'])\n",
    "sleepy": (
        "import time\nclass Session:\n    inputs = [{'name': 'x', 'shape': [1, 8], 'dtype': 'float32'}]\n"
        "    outputs = [{'name': 'y', 'shape': [1, 8], 'dtype': 'float32'}]\n"
        "    def run(self, feed):\n        time.sleep(0.002)\n        return {'y': feed['x']}\n"
        "def open(path, options):\n    return Session()\n"
    ),
    "uneven": (
        "import time\nopened = []\nclass Session:\n    inputs = [{'name': 'x', 'shape': [1, 8], 'dtype': 'float32'}]\n"
        "    outputs = [{'name': 'y', 'shape': [1, 8], 'dtype': 'float32'}]\n"
        "    def __init__(self):\n        opened.append(self)\n        self.ns = 50_000 * 2 ** len(opened)\n"
        "    def run(self, feed):\n        end = time.perf_counter_ns() + self.ns\n"
        "        while time.perf_counter_ns() < end:\n            pass\n        return {'y': feed['x']}\n"
        "def open(path, options):\n    return Session()\n"
    ),
}


def session(folder: Path, name: str) -> Call:
    """A session module of that behaviour in `folder`, which must be on the runner's path."""
    module = f"session_{name}"
    text = f"def versions():\n    return {{'{name}': '1.0'}}\n{SESSIONS[name]}"
    (folder / f"{module}.py").write_text(text, encoding="utf-8")
    return Call(session=module, runtime=name)
