"""ONNX's own one-operator models through the lowering, by count: matched, refused by name, wrong.

    apt-get download libonnx-testdata && dpkg-deb -x libonnx-testdata*.deb td
    ONNX_TESTDATA=td/usr/share/libonnx-testdata/data pytest tests/bench/test_mil_onnx_testdata.py -s -m bench

Ten minutes for each of the two modes. Where `align_corners` meets a fractional scale, the stored results are of onnx's
reference, which ONNX Runtime and the lowering differ from; float64 results beyond float32 cannot be right in Core ML.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edgebuild.errors import Refused
from edgebuild.models.convert.onnx_to_coreml import onnx_to_coreml
from edgebuild.runtimes.coreml import session

pytestmark = pytest.mark.bench
FOLDERS = ("node", "simple", "pytorch-operator", "pytorch-converted")
DISAGREE = ("test_resize_downsample_scales_cubic_align_corners", "test_resize_downsample_scales_linear_align_corners")
FLOAT32_MAX = float(np.finfo(np.float32).max)


def tensor(file: Path) -> np.ndarray:
    """One stored array."""
    return numpy_helper.to_array(onnx.TensorProto.FromString(file.read_bytes()))


def prepared(folder: Path, constant: bool) -> tuple[onnx.ModelProto, dict[str, np.ndarray], list[np.ndarray]]:
    """Model with fixed shapes, run-time inputs and stored results; all inputs but the first constant if so asked."""
    model, stored = onnx.load(folder / "model.onnx"), folder / "test_data_set_0"
    filled = {item.name for item in model.graph.initializer}
    inputs = [item for item in model.graph.input if item.name not in filled]
    feed = {item.name: tensor(stored / f"input_{k}.pb") for k, item in enumerate(inputs)}
    want = [tensor(stored / f"output_{k}.pb") for k in range(len(model.graph.output))]
    if constant:
        for item in inputs[1:]:
            model.graph.initializer.append(numpy_helper.from_array(feed.pop(item.name), item.name))
            model.graph.input.remove(item)
    for item in model.graph.input:
        if item.name in feed:
            del item.type.tensor_type.shape.dim[:]
            item.type.tensor_type.shape.SetInParent()
            for size in feed[item.name].shape:
                item.type.tensor_type.shape.dim.add().dim_value = size
    return model, feed, want


def verdict(folder: Path, constant: bool) -> str:
    """What became of one model."""
    try:
        model, feed, want = prepared(folder, constant)
    except Exception as error:  # sequences and optionals, which this reads no files of
        return f"unreadable data: {type(error).__name__}"
    with tempfile.TemporaryDirectory() as place:
        source, package = Path(place) / "m.onnx", Path(place) / "m.mlpackage"
        onnx.save(model, source)
        try:
            onnx_to_coreml(source, package, minimum_os=os.environ.get("MINIMUM_OS", "iOS17"))
        except Refused as refused:
            return "not covered" if "no lowering for" in refused.why else f"refused: {refused.why}"
        try:
            got = session.open(str(package), {}).run(feed)
        except ValueError as error:
            return f"refused by the evaluator: {error}"
    if any(item.dtype == np.float64 and np.abs(item[np.isfinite(item)]).max(initial=0) > FLOAT32_MAX for item in want):
        return "float64 beyond float32"
    for port, expected in zip(model.graph.output, want, strict=True):
        found = got[port.name]
        if found.size != expected.size or not np.allclose(
            found.reshape(expected.shape).astype(np.float64), expected.astype(np.float64), 1e-3, 1e-5, equal_nan=True
        ):
            return "reference and ONNX Runtime disagree" if folder.name in DISAGREE else "WRONG"
    return "matched"


@pytest.mark.parametrize("constant", [False, True], ids=["inputs", "const"])
def test_one_operator_models(constant: bool) -> None:
    root = os.environ.get("ONNX_TESTDATA")
    if not root:
        pytest.skip("set ONNX_TESTDATA to the folder `data` of Debian's package libonnx-testdata")
    found = {
        f"{name}/{folder.name}": verdict(folder, constant)
        for name in FOLDERS
        for folder in sorted((Path(root) / name).iterdir())
        if (folder / "model.onnx").is_file()
    }
    for name, said in found.items():
        if said not in ("matched", "not covered"):
            print(f"{name}: {said}")
    counts = Counter(said.partition(":")[0] for said in found.values())
    covered = len(found) - counts["not covered"] - counts["unreadable data"]
    print(
        f"{'const' if constant else 'inputs'}: {dict(counts)}; {counts['matched'] / covered:.1%} of {covered} covered"
    )
