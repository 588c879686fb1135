"""The search over precisions as the engine runs it, on a small real network."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.compress.search.front import TakeSlot, read_front
from edgebuild.compress.search.precision.onnx import floating, onnx_layers, with_names
from edgebuild.compress.search.precision.onnx_search import SearchOnnx, SearchOnnxTimed
from edgebuild.core.dossier import Call
from edgebuild.core.graph import Clock, Graph
from edgebuild.core.searches import TRIALS_FILE
from edgebuild.core.wires import Artifact, Refusal
from edgebuild.data.sources import ReadSource, digest_path
from edgebuild.devices.facts import DeviceFacts
from edgebuild.engine.build import Options, build
from edgebuild.engine.store import Store

CALL = Call(runtime="onnxruntime", session="edgebuild.runtimes.onnxruntime.session")
ROOT = Path(__file__).resolve().parents[2]


def chain(file: Path, count: int = 5, wide: int = 8) -> Path:
    """Convolutions with Relu, then a mean; x float32 (1, 8, 12, 12), y float32 (1, 8)."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(3)
    nodes, weights, last = [], [], "x"
    for number in range(count):
        # The third layer has one channel a thousand times louder: one scale for all of them drowns the rest.
        scale = np.where(np.arange(wide) == 0, 30.0 if number == 2 else 1.0, 1.0)[:, None, None, None]
        value = random.normal(size=(wide, wide, 3, 3)) * scale / 8
        weights.append(numpy_helper.from_array(value.astype(np.float32), f"w{number}"))
        nodes.append(helper.make_node("Conv", [last, f"w{number}"], [f"c{number}"], pads=[1] * 4, name=f"conv{number}"))
        nodes.append(helper.make_node("Relu", [f"c{number}"], [f"r{number}"]))
        last = f"r{number}"
    nodes.append(helper.make_node("GlobalAveragePool", [last], ["p"]))
    nodes.append(helper.make_node("Flatten", ["p"], ["y"]))
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, wide, 12, 12])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, wide])],
        weights,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), file)
    return file


def samples(folder: Path, seed: int, count: int = 24) -> Path:
    folder.mkdir()
    np.savez(folder / "inputs.npz", x=np.random.default_rng(seed).normal(size=(count, 8, 12, 12)).astype(np.float32))
    return folder


def read(graph: Graph, path: Path) -> Artifact:
    return graph.add(ReadSource(path=str(path), digest=digest_path(path), name=path.name), path.name)


def searching(folder: Path, clocked: bool = False, **options: Any) -> Graph:
    """A search over the chain's layers, made once in a folder, and two slots of its front."""
    if not (folder / "chain.onnx").exists():
        chain(folder / "chain.onnx")
        samples(folder / "calibrate", 1)
        samples(folder / "select", 2)
    graph = Graph()
    model, calibrate, select = (read(graph, folder / name) for name in ("chain.onnx", "calibrate", "select"))
    clock = Clock(facts=graph.add(DeviceFacts(device="here"), "facts"), samples=select) if clocked else None
    kind = SearchOnnxTimed if clocked else SearchOnnx
    step = kind(model=model, calibration=calibrate, samples=select, call=CALL, clock=clock, **options)
    graph.want("front", graph.add(step, "search"))
    for number in range(2):
        slot = TakeSlot(front=graph.wanted["front"], number=number, name="model.onnx")
        graph.want(f"slot {number}", graph.add(slot, f"slot {number}"))
    return graph


def built(folder: Path, store: Path, **options: Any) -> tuple[Path, Refusal | None]:
    """The front of a search, copied, and why its first slot was refused."""
    graph = searching(folder, **options)
    out = folder / f"front-{store.name}"
    with Store(store) as opened, build(graph, opened, Options(jobs=2, workspace="here")) as results:
        refusal = results.refusal(graph.wanted["slot 0"])
        if results.refusal(graph.wanted["front"]) is None:
            shutil.copytree(results.path(graph.wanted["front"]), out)
        if results.refusal(graph.wanted["slot 1"]) is None:
            shutil.copy(results.path(graph.wanted["slot 1"]), out / "slot1.onnx")
    return out, refusal


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a search by bits; not to be changed."""
    folder = tmp_path_factory.mktemp("search")
    return built(folder, folder / "store")[0]


def test_the_front_trades_bits_for_decibels_and_everything_tried_is_told(front: Path) -> None:
    members = read_front(front)
    assert 2 <= len(members) <= 4
    gains = [member["values"]["gain"] for member in members]
    nearness = [member["values"]["sqnr"] for member in members]
    assert gains == sorted(gains, reverse=True)
    assert nearness == sorted(nearness)
    assert all(" in int8 (" in member["words"] for member in members)
    told = json.loads((front / TRIALS_FILE).read_text())
    assert told["ranked_by"] == "bits"
    # 15 regions of 5 layers, besides those that lie about the best.
    assert len(told["trials"]) >= 15
    slots = [trial["slot"] for trial in told["trials"] if trial["slot"] is not None]
    assert sorted(slots) == list(range(len(members)))
    assert [layer["name"] for layer in told["layers"]] == [f"conv{number}" for number in range(5)]


def test_a_slot_holds_integers_where_its_words_say_so(front: Path) -> None:
    import onnx

    model = onnx.load(front / "slot1.onnx")
    told = json.loads((front / TRIALS_FILE).read_text())
    slots = [trial["mixture"] for trial in told["trials"] if trial["slot"] is not None]
    stored = {tensor.name for tensor in model.graph.initializer}
    integer = {node.name for node in model.graph.node if node.op_type == "Conv" and node.input[1] not in stored}
    wanted = [
        {f"conv{number}" for number in range(item["first"], item["last"] + 1) if number not in item["floats"]}
        for item in slots
    ]
    assert integer in wanted
    assert integer


def test_layers_kept_in_floats_are_in_no_trial(tmp_path: Path) -> None:
    front, _ = built(tmp_path, tmp_path / "store", floats=("conv[24]",), most=13)
    told = json.loads((front / TRIALS_FILE).read_text())
    for trial in told["trials"]:
        item = trial["mixture"]
        inside = {number for number in range(item["first"], item["last"] + 1) if number not in item["floats"]}
        assert not inside & {2, 4}


def test_a_glob_that_matches_no_layer_is_refused_with_the_names(tmp_path: Path) -> None:
    _, refusal = built(tmp_path, tmp_path / "store", floats=("stem*",))
    assert refusal is not None
    assert "matches no layer with `stem*`" in refusal.why
    assert "conv0, conv1" in refusal.fix


def test_globs_for_all_layers_are_refused(tmp_path: Path) -> None:
    _, refusal = built(tmp_path, tmp_path / "store", floats=("conv*",))
    assert refusal is not None
    assert "names every layer" in refusal.why


def test_a_search_that_gains_nothing_keeps_its_trials_and_refuses_its_slots_with_the_best_of_them(
    tmp_path: Path,
) -> None:
    searching(tmp_path)
    with np.load(tmp_path / "calibrate" / "inputs.npz") as archive:
        spoilt = archive["x"]
    spoilt[0, 0, 0, 0] = 1e6
    np.savez(tmp_path / "calibrate" / "inputs.npz", x=spoilt)
    front, refusal = built(tmp_path, tmp_path / "store", repair=False)
    assert refusal is not None
    assert refusal.kind == "not applicable"
    assert "keeps 15 dB; the fastest, all 5 layers in int8" in refusal.why
    assert read_front(front) == []
    assert len(json.loads((front / TRIALS_FILE).read_text())["trials"]) >= 15


def test_times_are_taken_where_the_target_is_here(tmp_path: Path) -> None:
    # Where nothing gains on this machine the front is empty, and everything tried is told all the same.
    front, _ = built(tmp_path, tmp_path / "store", clocked=True, most=13)
    told = json.loads((front / TRIALS_FILE).read_text())
    assert told["ranked_by"] == "time"
    assert len({trial["gain"] for trial in told["trials"]}) > 5


def test_a_killed_search_goes_on_where_it_was(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from edgebuild.engine.build import Options, build\n"
        "from edgebuild.engine.store import Store\n"
        "from tests.compress.test_precision_search import searching\n"
        f"root = Path({str(tmp_path)!r})\n"
        "build(searching(root, most=13), Store(root / 'store'), Options(jobs=2, workspace='here')).__enter__()"
    )
    searching(tmp_path, most=13)
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, start_new_session=True)
    rows = tmp_path / "store"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and trials_in(rows) < 2 and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = trials_in(rows)
    assert before >= 2
    with Store(rows) as store, build(searching(tmp_path, most=13), store, Options(jobs=2, workspace="here")) as results:
        assert results.exit_code == 0
    with (
        Store(tmp_path / "other") as store,
        build(searching(tmp_path, most=13), store, Options(workspace="here")) as results,
    ):
        assert results.exit_code == 0
    # None of the trials that had ended ran again: as many rows as a search that nobody killed has.
    assert trials_in(rows) == trials_in(tmp_path / "other")


def trials_in(store: Path) -> int:
    """Trials that a store holds."""
    if not (store / "rows.sqlite").exists():
        return 0
    with sqlite3.connect(f"file:{store / 'rows.sqlite'}?mode=ro", uri=True) as base:
        try:
            rows = base.execute("select * from actions").fetchall()
        except sqlite3.OperationalError:
            return 0
    return sum("TryOnnx" in str(row) for row in rows)


def test_what_stands_between_two_layers_goes_with_the_earlier(tmp_path: Path) -> None:
    import onnx

    from edgebuild.compress.search.precision.mixtures import Mixture

    file = chain(tmp_path / "chain.onnx", count=3)
    assert [layer.op for layer in onnx_layers(file)] == ["Conv"] * 3
    assert all(layer.macs == 12 * 12 * 8 * 8 * 9 for layer in onnx_layers(file))
    model = with_names(onnx.load(file))
    kept = floating(model, Mixture(first=0, last=1))
    assert "conv2" in kept
    assert not {"conv0", "conv1"} & set(kept)
    assert [name for name in kept if name.startswith("Relu")] == ["Relu_5"]
