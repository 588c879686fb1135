"""The session: on the processor for real; for a GPU as far as none is needed, through TensorRT-RTX."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import tensorrt_rtx_bindings as trt

from edgebuild.core.dossier import Call
from edgebuild.errors import Refused
from edgebuild.measure.predict import predict
from edgebuild.runtimes.tensorrt import here, session
from edgebuild.runtimes.tensorrt.session_cuda import Cuda, CudaError, gpu
from edgebuild.runtimes.tensorrt.session_engine import Network
from edgebuild.runtimes.tensorrt.target import TensorrtTarget
from tests.compress.conftest import images, onnx_network
from tests.runtimes.networks import onnx_text
from tests.runtimes.test_tensorrt import UNKNOWN

DYNAMIC = """<ir_version: 8, opset_import: ["":17]>
g (float[batch,4] x, int64[batch] k) => (float[batch,2] y, int64[batch] n) <float[4,2] w = {1,2,3,4,5,6,7,8}> {
 y = MatMul (x, w)
 n = Add (k, k)
}"""

has_gpu = "missing" not in gpu()
without_gpu = pytest.mark.skipif(has_gpu, reason="there is a GPU here")


def test_the_processor_runs_the_same_graph(tmp_path: Path) -> None:
    model = onnx_network(tmp_path / "model.onnx")
    opened = session.open(str(model), {"execute": "onnxruntime", "threads": 1})
    feed = {"x": images(1, 1)}
    (wanted,) = ort.InferenceSession(str(model), providers=["CPUExecutionProvider"]).run(None, feed)
    np.testing.assert_array_equal(opened.run(feed)["y"], wanted)
    assert opened.inputs == [{"name": "x", "shape": [1, 3, 8, 8], "dtype": "float32"}]
    assert set(session.versions()) == {"onnxruntime", "numpy"}


def test_unknown_options_are_declined(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown session options: fp16"):
        session.open(str(tmp_path / "model.onnx"), {"fp16": True})
    with pytest.raises(ValueError, match="`execute` must be tensorrt or onnxruntime, got 'cuda'"):
        session.open(str(tmp_path / "model.onnx"), {"execute": "cuda"})


@without_gpu
def test_without_a_gpu_tensorrt_is_declined_and_never_stood_in_for(tmp_path: Path) -> None:
    model = onnx_network(tmp_path / "model.onnx")
    with pytest.raises(CudaError, match=r"no driver of NVIDIA's here|no GPU"):
        session.open(str(model), {"execute": "tensorrt"})
    np.savez(tmp_path / "inputs.npz", x=images(1, 1))
    call = Call(session="edgebuild.runtimes.tensorrt.session", options={"execute": "tensorrt"}, runtime="tensorrt")
    with pytest.raises(Refused, match="CudaError") as caught:
        predict(model, call, tmp_path / "inputs.npz", tmp_path / "out")
    assert caught.value.by == "tensorrt not loaded"


def test_a_network_tells_inputs_and_outputs_as_a_session_does(tmp_path: Path) -> None:
    network = Network(trt, str(onnx_text(tmp_path / "model.onnx", DYNAMIC)))
    assert network.inputs == [
        {"name": "x", "shape": [-1, 4], "dtype": "float32"},
        {"name": "k", "shape": [-1], "dtype": "int64"},
    ]
    assert [item["dtype"] for item in network.outputs] == ["float32", "int64"]
    assert network.dynamic and network.network.get_flag(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)


def test_options_and_shapes_reach_the_builder(tmp_path: Path) -> None:
    network = Network(trt, str(onnx_text(tmp_path / "model.onnx", DYNAMIC)))
    options = {"workspace": 1 << 26, "builder_optimization_level": 1, "tf32": False}
    config = network.config(options, {"x": (5, 4), "k": (5,)})
    assert config.builder_optimization_level == 1
    assert config.get_memory_pool_limit(trt.MemoryPoolType.WORKSPACE) == 1 << 26
    assert not config.get_flag(trt.BuilderFlag.TF32)
    assert network.config({}, {"x": (5, 4), "k": (5,)}).get_flag(trt.BuilderFlag.TF32)
    config.num_compute_capabilities = 1
    config.set_compute_capability(trt.ComputeCapability.SM86, 0)
    assert network.build(config).nbytes > 1000


def test_what_the_builder_declines_has_its_words(tmp_path: Path) -> None:
    network = Network(trt, str(onnx_text(tmp_path / "model.onnx", DYNAMIC)))
    # No profile for the dynamic axes.
    bare = network.builder.create_builder_config()
    bare.num_compute_capabilities = 1
    bare.set_compute_capability(trt.ComputeCapability.SM86, 0)
    with pytest.raises(RuntimeError, match="no optimization profile"):
        network.build(bare)


def test_what_the_parser_declines_has_its_words(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"Erfc `first`: .*Plugin not found"):
        Network(trt, str(onnx_text(tmp_path / "model.onnx", UNKNOWN)))


@without_gpu
def test_without_a_gpu_the_driver_says_so() -> None:
    assert set(gpu()) == {"missing"}
    with pytest.raises(CudaError):
        Cuda()
    done = subprocess.run(
        [sys.executable, "-m", here.MODULE], capture_output=True, text=True, check=True, env={"PATH": ""}
    )
    assert "driver" in json.loads(done.stdout)["missing"]


@without_gpu
def test_the_target_says_that_it_is_simulated_and_its_key_too() -> None:
    made = TensorrtTarget.model_validate({"runtime": "tensorrt", "threads": 2, "workspace": "1 GiB"})
    assert made.call().options == {"execute": "onnxruntime", "threads": 2}
    assert made.simulated().startswith("ONNX Runtime's kernels on this machine's processor compute the same graph;")
    assert made.simulated().endswith(".")


def test_a_hidden_gpu_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here, "version_of", lambda name: "11.4.1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert here.gpu_here() == {"missing": "CUDA_VISIBLE_DEVICES is empty."}
