"""Mixed precision beside its peers, on the MLPerf Tiny networks: `EDGEBUILD_STUDIES=DIR pytest -m bench -s …`.

DIR holds `mlperf-tiny/` and `cifar10-train-4660.npz`. `NNCF_PYTHON`, a Python with nncf 3.4, adds NNCF's models. All of
one network are candidates of one spec: the same samples, one interleaved timing run; calibration, choice and report on
disjoint samples.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from edgebuild.core.dossier import CandidateFile, Dossier
from edgebuild.data.partition import partition
from edgebuild.data.samples import SampleSet
from edgebuild.data.splits import Split

pytestmark = pytest.mark.bench

STUDIES = os.environ.get("EDGEBUILD_STUDIES", "")
PEERS = Path(__file__).with_name("peers.py")
FLOOR_DB = 15.0
LOADER = """
import numpy as np

archive = np.load("cifar.npz")


def samples():
    for index, (image, label) in enumerate(zip(archive["X"], archive["Y"])):
        yield {{"inputs": {{"{name}": {expression}}}, "label": int(label), "id": str(index)}}
"""
IMAGE = "image.astype('float32')"
WIDE = "np.repeat(np.repeat(image, 3, 0), 3, 1).astype('float32') / 255"
FIRST = "image.transpose(2, 0, 1).astype('float32')"
WIDE_FIRST = f"({WIDE}).transpose(2, 0, 1)"
NOISE = "np.random.default_rng(index).normal(0, {scale}, {shape}).astype('float32')"
SPEC = """
edgebuild: 1
name: study
model: {{source: {model}}}
data:
  source: data.py:samples
  inputs: [cifar.npz]
  splits: {splits}
metrics:
  sqnr: {{metric: sqnr}}
{metrics}
candidates:
  best: {{quantize: mixed}}
{own}
targets:
  here: {{device: here, runtime: {runtime}}}
budgets:
  all: {{sqnr: 15 dB, latency.p50: 1x}}
"""
LABELLED = "{calibrate: 300, select: 1000, report: 3000}"
UNLABELLED = "{calibrate: 300, select: 300, report: 600}"


def project(folder: Path, model: str, runtime: str, name: str, expression: str, labelled: bool = False) -> Path:
    """A folder with everything; its spec."""
    folder.mkdir()
    shutil.copy(Path(STUDIES, "cifar10-train-4660.npz"), folder / "cifar.npz")
    shutil.copy(Path(STUDIES, "mlperf-tiny", model), folder / model)
    loader = LOADER.format(name=name, expression=expression)
    (folder / "data.py").write_text(loader if labelled else loader.replace('"label": int(label), ', ""))
    own = peers(folder, model, name) if model.endswith(".onnx") else []
    text = SPEC.format(
        model=model,
        runtime=runtime,
        splits=LABELLED if labelled else UNLABELLED,
        metrics="  accuracy: {metric: top1}" if labelled else "",
        own="\n".join(f"  {item}: {{source: {item}.onnx}}" for item in own),
    )
    (folder / "deployment.edge.yaml").write_text(text)
    return folder / "deployment.edge.yaml"


def peers(folder: Path, model: str, name: str) -> list[str]:
    """Models of the other tools beside the spec, from samples of the `calibrate` split."""
    code = "import data, numpy as np; rows = list(data.samples()); np.savez('all.npz', x=[r['inputs']"
    code += f"['{name}'] for r in rows])"
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)
    with np.load(folder / "all.npz") as archive:
        whole = archive["x"]
    ids = tuple(str(index) for index in range(len(whole)))
    splits = {"calibrate": Split(count=300), "select": Split(count=300), "report": Split(count=600)}
    rows = partition(SampleSet(inputs={name: whole}, ids=ids), splits, 0, False)["calibrate"]  # type: ignore[arg-type]
    np.savez(folder / "calibrate.npz", **{name: whole[rows]})
    (folder / "all.npz").unlink()
    tools = {"ort": sys.executable, "nncf": os.environ.get("NNCF_PYTHON", "")}
    for tool, python in tools.items():
        if python:
            command = [python, str(PEERS), tool, model, "calibrate.npz", "."]
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
    (folder / "prepared.onnx").unlink()
    return [item for item in ("ort-default", "nncf", "nncf-tuned") if (folder / f"{item}.onnx").exists()]


def built(file: Path) -> tuple[Dossier, float]:
    """The dossier of a cold build, and how long it took."""
    began = time.perf_counter()
    command = [sys.executable, "-P", "-m", "edgebuild", "build", file.name, "--store", "store"]
    done = subprocess.run(command, cwd=file.parent, capture_output=True, text=True, check=False)
    # A contended run, or a network that no integer helps, is told in the table.
    assert done.returncode in (0, 1), done.stdout + done.stderr
    dossier = Dossier.model_validate_json((file.parent / "build/study/dossiers/here.json").read_text())
    return dossier, time.perf_counter() - began


def point(item: CandidateFile) -> tuple[float, float]:
    """Speed-up over the source in the same run, and dB on `report`."""
    sqnr = item.measured("sqnr", "report")
    assert sqnr is not None
    assert sqnr.value is not None
    return 1 / item.ratio["latency.p50"][0], sqnr.value


def hypervolume(points: list[tuple[float, float]]) -> float:
    """What a front covers of (speed-up - 1) x (dB - 15)."""
    total, reached = 0.0, FLOOR_DB
    for gain, sqnr in sorted(points, reverse=True):
        if gain > 1 and sqnr > reached:
            total += (gain - 1) * (sqnr - reached)
            reached = sqnr
    return total


def table(dossier: Dossier, seconds: float) -> dict[str, tuple[float, float]]:
    """Print all candidates; speed-up and dB by name."""
    found: dict[str, tuple[float, float]] = {}
    contended = any("does not count" in note for note in dossier.notes)
    print(f"\n{dossier.source} on {dossier.runtime}: {seconds:.0f} s{', contended' if contended else ''}")
    for item in dossier.candidates:
        if item.refusal is not None or "latency.p50" not in item.ratio:
            print(f"  {item.name:14} {item.refusal.why if item.refusal else 'not timed'}")
            continue
        found[item.name] = gain, sqnr = point(item)
        drop = item.measured("accuracy.drop", "report")
        words = ""
        if drop is not None and drop.upper is not None:
            words = f"  drop {drop.value:+.2f} pp, at most {drop.upper.high:.2f}"
        print(f"  {item.name:14} {gain:5.2f} x {sqnr:6.1f} dB{words}  {item.recipe[:90]}")
    return found


@pytest.fixture
def studies() -> None:
    if not STUDIES:
        pytest.skip("EDGEBUILD_STUDIES names no folder")


@pytest.mark.parametrize(
    ("model", "expression", "labelled"), [("resnet8.onnx", FIRST, True), ("vww.onnx", WIDE_FIRST, False)]
)
def test_beside_peers_on_onnx_runtime(
    studies: None, tmp_path: Path, model: str, expression: str, labelled: bool
) -> None:
    file = project(tmp_path / "study", model, "onnxruntime", "x", expression, labelled)
    found = table(*built(file))
    ours = [value for key, value in found.items() if key.startswith("best")]
    for peer in ("int8", "ort-default", "nncf", "nncf-tuned"):
        if peer in found:
            print(f"  hypervolume of {peer}: {hypervolume([found[peer]]):.1f}")
    print(f"  hypervolume of all peers: {hypervolume([found[p] for p in found if not p.startswith('best')]):.1f}")
    print(f"  hypervolume of the front: {hypervolume(ours):.1f}")


LITE = {
    "pretrainedResnet.tflite": ("input_1", IMAGE),
    "pretrainedResnet_large_float.tflite": ("input_5", IMAGE),
    "vww_96_float.tflite": ("input_1", WIDE),
    "kws_ref_model_float32.tflite": ("input_1", NOISE.format(scale=10, shape=(49, 10, 1))),
    "ad01_fp32.tflite": ("input_1", NOISE.format(scale=5, shape=(640,))),
}
"""Network to its input and what it is fed; keyword spotting and anomalies have no recordings here, and get noise: what
is timed is real, decibels of them say little."""


def floating(model: Path) -> None:
    """Turn stored 8-bit weights into float32 in place: the float file of keyword spotting has such."""
    from ai_edge_litert import schema_py_generated as schema

    from edgebuild.models.tidy.tflite_file import read, write

    opened = read(model.read_bytes())
    for tensor in opened.subgraphs[0].tensors:
        if tensor.type == schema.TensorType.INT8:
            (scale,) = tensor.quantization.scale
            data = np.frombuffer(bytes(opened.buffers[tensor.buffer].data), np.int8) * np.float32(scale)
            opened.buffers[tensor.buffer].data = np.frombuffer(data.astype(np.float32).tobytes(), np.uint8)
            tensor.type, tensor.quantization = schema.TensorType.FLOAT32, None
    model.chmod(0o644)
    model.write_bytes(write(opened))


@pytest.mark.parametrize("runtime", ["litert", "onnxruntime"])
def test_five_networks(studies: None, tmp_path: Path, runtime: str) -> None:
    gains: dict[str, list[float]] = {}
    for model, (name, expression) in LITE.items():
        file = project(tmp_path / model, model, runtime, name, expression)
        floating(file.with_name(model))
        dossier, seconds = built(file)
        found = table(dossier, seconds)
        shipped = dossier.choice or "source"
        for recipe in ("source", "float16", "int8", "int8-dynamic"):
            gains.setdefault(recipe, []).append(found.get(recipe, (1.0, 0.0))[0])
        gains.setdefault("chosen", []).append(found[shipped][0])
        print(f"  ships {shipped}")
    print("\ngeometric means of the speed-up:")
    for recipe, values in gains.items():
        print(f"  {recipe:14} {float(np.exp(np.mean(np.log(values)))):.2f} x, least {min(values):.2f} x")
