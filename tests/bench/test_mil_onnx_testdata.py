"""ONNX's own one-operator models through the lowering, by count: matched, refused by name, wrong.

    apt-get download libonnx-testdata && dpkg-deb -x libonnx-testdata*.deb td
    ONNX_TESTDATA=td/usr/share/libonnx-testdata/data UPDATE=1 pytest tests/bench/test_mil_onnx_testdata.py -s -m bench

Fifteen minutes on one core; WORKERS is the number of processes, RESULTS a JSON file of every verdict, from which an
interrupted run goes on; delete it after a change.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from edgebuild.errors import Refused
from edgebuild.models.convert.onnx_to_coreml import onnx_to_coreml
from edgebuild.runtimes.coreml import session

pytestmark = pytest.mark.bench
MODES = ("inputs", "const")
TABLE = Path(__file__).parents[2] / "edgebuild/models/convert/onnx_to_mil/TESTDATA.md"
HEAD = """# ONNX's one-operator models through the lowering

From ONNX's own test data (Debian's package libonnx-testdata): each model is converted to an `.mlpackage`, the package
read back and run by the evaluator, and its outputs compared with the stored ones (rtol 1e-3, atol 1e-5). In the mode
`inputs` every input is given at run time; in `const` all but the first are constants of the model, as axes, shapes and
weights are in real models. *Not covered* are models with an operator that nothing lowers, or with inputs that are no
tensors; *of types Core ML lacks* are those whose inputs or outputs it cannot hold: bfloat16, text, float64 beyond
float32, more than five dimensions, no elements. `tests/bench/test_mil_onnx_testdata.py` says how to run it, and writes
this table with UPDATE=1.
"""
FOLDERS = ("node", "simple", "pytorch-operator", "pytorch-converted")
DISAGREE = ("test_resize_downsample_scales_cubic_align_corners", "test_resize_downsample_scales_linear_align_corners")
"""The stored results are of onnx's reference, from which ONNX Runtime differs; these are held against the latter."""


def tensor(file: Path) -> np.ndarray:
    """One stored array."""
    return np.asarray(numpy_helper.to_array(onnx.TensorProto.FromString(file.read_bytes())))


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
            return f"refused: at run time, {error}"
        if folder.name in DISAGREE:
            want = onnxruntime.InferenceSession(str(source), providers=["CPUExecutionProvider"]).run(None, feed)
    same = [alike(got[port.name], expected) for port, expected in zip(model.graph.output, want, strict=True)]
    return "matched" if all(same) else "WRONG"


def alike(found: np.ndarray, expected: np.ndarray) -> bool:
    """Within the tolerances, whatever the rank: Core ML has no scalars."""
    if found.size != expected.size:
        return False
    plain = found.reshape(expected.shape).astype(np.float64)
    return np.allclose(plain, expected.astype(np.float64), 1e-3, 1e-5, equal_nan=True)


def shared(folder: Path) -> bool:
    """Whether both modes are the same model: it has one run-time input or none."""
    graph = onnx.load(folder / "model.onnx").graph
    return len({item.name for item in graph.input} - {item.name for item in graph.initializer}) < 2


def judged(root: Path, results: Path) -> dict[str, dict[str, str]]:
    """Mode → model → verdict, written to `results` as it goes."""
    folders = [
        folder for name in FOLDERS for folder in sorted((root / name).iterdir()) if (folder / "model.onnx").is_file()
    ]
    names = {folder: f"{folder.parent.name}/{folder.name}" for folder in folders}
    same = {folder for folder in folders if shared(folder)}
    found: dict[str, dict[str, str]] = {mode: {} for mode in MODES}
    if results.is_file():
        found = json.loads(results.read_text(encoding="utf-8"))
    with ProcessPoolExecutor(int(os.environ.get("WORKERS", "1")), get_context("spawn")) as pool:
        asked = {
            pool.submit(verdict, folder, mode == "const"): (folder, mode)
            for folder in folders
            for mode in (MODES[:1] if folder in same else MODES)
            if names[folder] not in found[mode]
        }
        for done in as_completed(asked):
            folder, mode = asked[done]
            for each in MODES if folder in same else (mode,):
                found[each][names[folder]] = done.result()
            results.write_text(json.dumps(found, indent=1, sort_keys=True), encoding="utf-8")
    return found


def reason(said: str) -> str:
    """A refusal without the node's name and the numbers of its model."""
    words = re.sub(r"node `[^`]*` | `[^`]*`| \(`[^`]*`\)", "", said.partition(": ")[2])
    return re.sub(r"\b\d+(?:, \d+)*\b", "N", words).strip().replace("|", "\\|")


def foreign(said: str) -> bool:
    """Whether Core ML cannot hold the model's inputs or outputs themselves, however it were lowered."""
    return said.startswith(("refused: the input `", "refused: the output `", "refused: at run time, "))


def row(mode: str, found: dict[str, str]) -> str:
    """The counts of one mode."""
    counts = Counter(said.partition(": ")[0] for said in found.values())
    out, beyond = counts["not covered"] + counts["unreadable data"], sum(map(foreign, found.values()))
    covered, matched = len(found) - out, counts["matched"]
    share = f"{matched} ({matched / covered:.1%}; {matched / (covered - beyond):.1%} without the former)"
    cells = (mode, len(found), out, covered, beyond, share, counts["refused"] - beyond, counts["WRONG"])
    return f"| {' | '.join(map(str, cells))} |"


def table(found: dict[str, dict[str, str]]) -> str:
    """The counts and the reasons as Markdown."""
    lines = [
        HEAD,
        "| mode | models | not covered | covered | of types Core ML lacks | matched | else refused by name | wrong |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
        *(row(mode, found[mode]) for mode in MODES),
    ]
    for mode in MODES:
        reasons = Counter(reason(said) for said in found[mode].values() if said.startswith("refused: "))
        lines += ["", f"## Refused, {mode}", "", "| models | reason |", "|--:|---|"]
        ranked = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
        lines += [f"| {count} | {why} |" for why, count in ranked]
    return "\n".join(lines) + "\n"


def test_one_operator_models(tmp_path: Path) -> None:
    root = os.environ.get("ONNX_TESTDATA")
    if not root:
        pytest.skip("set ONNX_TESTDATA to the folder `data` of Debian's package libonnx-testdata")
    found = judged(Path(root), Path(os.environ.get("RESULTS", tmp_path / "results.json")))
    said = table(found)
    print(said)
    if os.environ.get("UPDATE"):
        TABLE.write_text(said, encoding="utf-8")
    wrong = [f"{mode} {name}" for mode in MODES for name, words in found[mode].items() if words == "WRONG"]
    assert not wrong
    assert TABLE.read_text(encoding="utf-8") == said, "run with UPDATE=1"
