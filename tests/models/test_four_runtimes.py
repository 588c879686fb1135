"""Every model of the zoo for Core ML and TensorRT: right, or declined by name. Prints its tables (`pytest -s`)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pytest

from edgebuild.compress.quantize.onnx_static import calibrate_ranges, quantize_static
from edgebuild.compress.quantize.ranges import read_ranges
from edgebuild.compress.quantize.stage import Quantize
from edgebuild.models.convert.onnx_to_coreml import onnx_to_coreml
from edgebuild.runtimes.tensorrt.check import BY as PARSER
from tests.models.conftest import said
from tests.models.four_runtimes import HEAD, Prepare, Row, measured, prepared, spread, write
from tests.models.zoo import ZOO, ZooModel

pytestmark = pytest.mark.slow

CLOSE = 1e-4
"""Of float32, relative to an output's largest value."""
HALF_DB, EIGHT_BITS_DB = 25.0, 5.0
"""Least SQNR of float16 and of what has fewer bits: of weights drawn at random, whose answers are close together."""
HALF = Quantize(weights="float16", activations="float16")
COREML = {
    "int8 weights": Quantize(weights="int8"),
    "palette of 6 bits": Quantize(weights="palette6"),
    "int8": Quantize(weights="int8", activations="int8"),
}
TENSORRT = {"float32": (), "float16": (HALF,), "int8": (Quantize(weights="int8", activations="int8"),)}
INTEGERS = {"int8-tflite": 17}
"""Models whose values between operators are integers, and the first iOS that has those."""
LOST = ("minilm-int8", "basic-pitch")
"""8 bits with one scale for all of a layer's input or of a sum leave little of these, -0 and 5 dB. A GELU of MiniLM
answers up to 174 where most values are below 3; ONNX Runtime's own static quantization leaves 3 dB."""
TOOLS = ("coremltools", "numpy", "onnx", "onnxruntime", "onnxsim", "tensorrt-rtx-cu13-bindings", "tf2onnx", "torch")


@pytest.fixture(scope="module")
def rows() -> Iterator[list[Row]]:
    """What was measured; written where it is of the whole zoo."""
    found: list[Row] = []
    yield found
    order = list(ZOO)
    found.sort(key=lambda row: (order.index(row.model), row.runtime))
    if {row.model for row in found} == set(ZOO):
        write("Candidates", [HEAD, *(row.line() for row in found)])
        write("Versions", [f"- {name} {version(name)}" for name in TOOLS])


@pytest.fixture(scope="module")
def ready(animals: Callable[[str], ZooModel], tmp_path_factory: pytest.TempPathFactory) -> Prepare:
    """A model of the zoo as simplified ONNX, and what was made of it so far."""
    return cache(lambda name: prepared(animals(name), tmp_path_factory.mktemp(name)))


@pytest.mark.parametrize("name", ZOO)
def test_coreml_in_float32_says_what_the_source_says(name: str, ready: Prepare, rows: list[Row]) -> None:
    model = ready(name)
    for system in (15, 18):
        row = model.row(model.target("coreml", minimum_os=f"iOS{system}"), f"float32, iOS {system}")
        rows.append(row)
        if system < INTEGERS.get(name, 0):
            assert re.search(r"node `\S+` \(\w+\): .* from iOS 17 on", row.refused)
        else:
            assert row.error <= CLOSE, row.line()


@pytest.mark.parametrize("name", ZOO)
def test_coreml_in_float16_keeps_the_answers(name: str, ready: Prepare, rows: list[Row]) -> None:
    model = ready(name)
    row = model.row(model.target("coreml", minimum_os="iOS18"), "float16", HALF)
    rows.append(row)
    assert row.sqnr_db >= HALF_DB, row.line()


@pytest.mark.parametrize("name", ZOO)
def test_coreml_in_fewer_bits_is_near_or_declined(name: str, ready: Prepare, rows: list[Row]) -> None:
    model = ready(name)
    for words, how in COREML.items():
        row = model.row(model.target("coreml", minimum_os="iOS18"), words, how)
        rows.append(row)
        if row.refused:
            assert "none in floating point has 512 elements" in row.refused, row.line()
        elif words != "int8" or name not in LOST:
            assert row.sqnr_db >= EIGHT_BITS_DB, row.line()


@pytest.mark.parametrize("name", ZOO)
def test_tensorrt_is_near_or_its_parser_names_the_node(name: str, ready: Prepare, rows: list[Row]) -> None:
    model = ready(name)
    least = {"float32": 80.0, "float16": HALF_DB, "int8": EIGHT_BITS_DB}
    for words, stages in TENSORRT.items():
        row = model.row(model.target("tensorrt"), words, *stages)
        rows.append(row)
        if row.refused.startswith(PARSER):
            assert re.search(r"it declines \d+ of \d+ nodes: [A-Z]\w+ `\S+`: ", row.refused)
        elif row.refused:
            assert name in INTEGERS and re.search(r"no operator .* has \d+ Conv", row.refused), row.refused
        else:
            assert row.sqnr_db >= least[words], row.line()


@pytest.mark.parametrize("name", ["int8-tflite", "minilm-int8", "resnet8", "mobilenet", "separable"])
def test_a_qdq_graph_in_coreml_is_as_near_to_onnx_runtime_as_that_is_to_itself(
    name: str, ready: Prepare, tmp_path: Path
) -> None:
    model = ready(name)
    if "int8" not in name:
        calibrate_ranges(model.onnx, model.maker.inputs["calibration"] / "inputs.npz", tmp_path / "r.json", "minmax")
        quantize_static(model.onnx, read_ranges(tmp_path / "r.json"), tmp_path / "qdq.onnx")
        model = model._replace(onnx=tmp_path / "qdq.onnx")
    model = model._replace(wanted=said("onnxruntime", model.onnx, model.zoo.feeds))
    onnx_to_coreml(model.onnx, tmp_path / "model.mlpackage", minimum_os="iOS18")
    found = measured(model.wanted, said("coreml", tmp_path / "model.mlpackage", model.zoo.feeds))[0]
    own = spread(model)
    print(f"\n{name}: Core ML {found:.1e} from ONNX Runtime, which is {own:.1e} from itself")
    assert found <= max(2 * own, 1e-6)


FRESH = """\
import json, sys, time
from pathlib import Path
from edgebuild.models.convert.onnx_to_coreml import onnx_to_coreml

onnx_to_coreml(Path(sys.argv[1]), Path(sys.argv[2]), minimum_os="iOS18")
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({"cpu_s": time.process_time(), "peak_mb": int(peak) * 1024 / 1e6}))
"""
"""The kernel's own mark of this program: what `getrusage` tells of a child begins at the size of its parent."""


def test_a_conversion_takes_seconds_and_little_memory(ready: Prepare, tmp_path: Path) -> None:
    lines = ["| model | ONNX, kB | CPU, s | peak memory, MB |", "|---|---|---|---|"]
    for name in ("resnet8", "basic-pitch", "minilm-int8"):
        model = ready(name).onnx
        command = [sys.executable, "-c", FRESH, str(model), str(tmp_path / f"{name}.mlpackage")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        told = json.loads(done.stdout.splitlines()[-1])
        size = model.stat().st_size
        lines.append(f"| {name} | {size / 1000:.0f} | {told['cpu_s']:.1f} | {told['peak_mb']:.0f} |")
        assert told["cpu_s"] < 30
        # Libraries take 150 MB; the rest is a few copies of the weights.
        assert told["peak_mb"] < 400 + 12 * size / 1e6
    write("Conversion to Core ML, in a process of its own, imports included", lines)


def test_the_committed_table_holds_every_model() -> None:
    from tests.models.four_runtimes import FILE

    held = re.findall(r"^\| (\S+) \| (coreml|tensorrt) \|", FILE.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(held) == {(name, runtime) for name in ZOO for runtime in ("coreml", "tensorrt")}
