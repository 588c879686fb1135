"""TensorFlow Lite Micro: its kernels, its arena, and what a package holds for a microcontroller."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgebuild.compress.base import Draft
from edgebuild.compress.quantize.stage import Quantize
from edgebuild.compress.quantize.tflite import quantize_tflite_dynamic
from edgebuild.core.dossier import Account
from edgebuild.errors import Refused
from edgebuild.measure.predict import predict
from edgebuild.runtimes.litert import session as litert
from edgebuild.runtimes.tflite_micro import session
from edgebuild.runtimes.tflite_micro.arena import MeasureArena
from edgebuild.runtimes.tflite_micro.sources import WriteSources, method
from edgebuild.runtimes.tflite_micro.target import TFLiteMicroTarget
from tests.conftest import Bench, wire
from tests.deliver.packages import CLASSES, FEATURES, tflite_model
from tests.runtimes.test_delegates import with_op
from tests.runtimes.test_targets import To


def target(**options: object) -> TFLiteMicroTarget:
    return TFLiteMicroTarget.model_validate({"runtime": "tflite-micro", **options})


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """int8 throughout."""
    return tflite_model(tmp_path / "model.tflite", quantized=True)


def test_its_kernels_say_what_litert_says(model: Path) -> None:
    micro, lite = session.open(str(model), {}), litert.open(str(model), {"xnnpack": False})
    assert micro.inputs == lite.inputs and micro.outputs == lite.outputs
    for row in np.random.default_rng(1).normal(size=(20, 1, FEATURES)).astype(np.float32):
        # One matrix product: at most the last rounding may fall to another side.
        step = micro.outputs[0]["quantization"]["scale"]
        np.testing.assert_allclose(micro.run({"x": row})["y"], lite.run({"x": row})["y"], atol=1.01 * step)


def test_an_operator_without_a_kernel_is_named(model: Path, tmp_path: Path) -> None:
    odd = with_op(tflite_model(tmp_path / "float.tflite"), tmp_path / "odd.tflite", "RANK")
    with pytest.raises(ValueError, match="Didn't find op for builtin opcode 'RANK'"):
        session.open(str(odd), {})
    with pytest.raises(Refused, match="RANK"):
        Bench(tmp_path / "bench", model=odd).run(MeasureArena(model=wire("model")))


def test_a_hybrid_model_is_refused(tmp_path: Path) -> None:
    quantize_tflite_dynamic(tflite_model(tmp_path / "float.tflite"), tmp_path / "dynamic.tflite")
    with pytest.raises(ValueError, match="FULLY_CONNECTED"):
        session.open(str(tmp_path / "dynamic.tflite"), {})
    with pytest.raises(Refused, match="hybrid models are not supported") as caught:
        target().quantize(
            To(), Draft(model=wire("m"), format="tflite"), Quantize(weights="int8", activations="dynamic")
        )
    assert caught.value.kind == "not applicable"


def test_the_arena_is_the_smallest_that_will_do(model: Path, tmp_path: Path) -> None:
    found = json.loads(Bench(tmp_path / "bench", model=model).run(MeasureArena(model=wire("model"))).read_text())
    size = found["memory.arena"]["value"]
    assert 0 < size < 4096
    session.open(str(model), {"arena": size})
    with pytest.raises(ValueError, match="allocate"):
        session.open(str(model), {"arena": size - session.ALIGNMENT})
    assert session.arena(str(model)) == size


def test_the_account_counts_what_it_runs(model: Path) -> None:
    from edgebuild.runtimes.tflite_micro.account import account

    traced = session.open(str(model), {}).trace({"x": np.zeros((1, FEATURES), np.float32)}, 2)
    found: Account = account(traced)
    assert (found.ops, found.integer_ops, found.float_ops) == ({"FULLY_CONNECTED": 1}, 1, 0)


def test_what_is_quantized_gets_integer_ends() -> None:
    made = target()
    assert list(made.default_recipes()) == ["int8"]
    source = Draft(model=wire("model"), format="tflite")
    assert made.finish(To(), source) is source
    assert made.finish(To(), source.then(wire("q"), "static INT8")).words == ("static INT8", "int8 ends")


@pytest.mark.parametrize(
    ("op", "name"),
    [
        ("CONV_2D", "Conv2D"),
        ("DEPTHWISE_CONV_2D", "DepthwiseConv2D"),
        ("FULLY_CONNECTED", "FullyConnected"),
        ("RELU6", "Relu6"),
        ("SPACE_TO_BATCH_ND", "SpaceToBatchNd"),
        ("SOFTMAX", "Softmax"),
    ],
)
def test_operators_have_the_resolvers_names(op: str, name: str) -> None:
    assert method(op) == name


def test_a_custom_operator_is_refused() -> None:
    with pytest.raises(Refused, match="`MyOp` has no method"):
        method("MyOp")


@pytest.fixture
def sources(model: Path, tmp_path: Path) -> Path:
    """What ships beside the model."""
    (tmp_path / "samples").mkdir()
    x = np.random.default_rng(2).normal(size=(5, FEATURES)).astype(np.float32)
    np.savez(tmp_path / "samples" / "inputs.npz", x=x)
    predict(model, target().call(), tmp_path / "samples" / "inputs.npz", tmp_path / "predicted")
    bench = Bench(tmp_path / "arena", model=model)
    memory = bench.run(MeasureArena(model=wire("model")))
    folders = {"samples": tmp_path / "samples", "predicted": tmp_path / "predicted"}
    step = WriteSources(
        model=wire("model"), memory=wire("memory"), samples=wire("samples"), predicted=wire("predicted")
    )
    return Bench(tmp_path / "bench", model=model, memory=memory, **folders).run(step)


def test_the_sources_name_operators_and_arena(sources: Path, model: Path) -> None:
    ops = (sources / "model_ops.h").read_text()
    assert "MicroMutableOpResolver<1>" in ops and "resolver.AddFullyConnected()" in ops
    assert f"kModelArenaSize = {session.arena(str(model))};" in ops


CHECK = """
#include <cstdio>
#include "golden_data.h"
#include "model_data.h"
int main() {
  if (reinterpret_cast<unsigned long>(g_model_data) % 16) return 1;
  std::fwrite(g_model_data, 1, g_model_data_size, stdout);
  std::fwrite(g_golden_output_0, 1, sizeof(g_golden_output_0), stdout);
  return 0;
}
"""


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_the_arrays_compile_and_hold_the_model_and_the_golden_values(
    sources: Path, model: Path, tmp_path: Path
) -> None:
    (tmp_path / "check.cc").write_text(CHECK)
    files = [str(tmp_path / "check.cc"), str(sources / "model_data.cc"), str(sources / "golden_data.cc")]
    program = str(tmp_path / "check")
    subprocess.run(["g++", "-std=c++17", "-Wall", "-Werror", f"-I{sources}", *files, "-o", program], check=True)
    said = subprocess.run([program], check=True, capture_output=True).stdout
    content = model.read_bytes()
    assert said[: len(content)] == content
    raw = session.open(str(model), {"raw_io": True})
    with np.load(tmp_path / "samples" / "inputs.npz") as archive:
        wanted = np.stack([raw.run({"x": row[None]})["y"] for row in archive["x"][:3]])
    found = np.frombuffer(said[len(content) :], np.int8).reshape(3, 1, CLASSES)
    np.testing.assert_array_equal(found, wanted)
