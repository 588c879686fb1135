"""Channels of ONNX models, two of each four weights, and weights fitted to what is left."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper, parser

from edgebuild.compress.prune.account import Pruning
from edgebuild.compress.prune.onnx_cut import example, hold_against, narrowed, run
from edgebuild.compress.prune.onnx_graph import OnnxNetwork, onnx_network
from edgebuild.compress.prune.onnx_sparse import halved, prune_two_of_four
from edgebuild.compress.prune.onnx_steps import cut_onnx, measure_onnx, plan_onnx, repair_onnx
from edgebuild.compress.prune.onnx_windows import windows
from edgebuild.compress.prune.widths import Work, left_out, uniform
from edgebuild.errors import Refused

GRAPHS = {
    "plain": """(float[1,3,8,8] x) => (float[1,4] y) {
        a = Conv <pads=[1,1,1,1]> (x, w16x3x3x3, b16)
        r = Relu (a)
        p = MaxPool <kernel_shape=[2,2], strides=[2,2]> (r)
        c = Conv (p, w24x16x3x3)
        m = GlobalAveragePool (c)
        f = Flatten (m)
        y = Gemm <transB=1> (f, w4x24, b4) }""",
    "block": """(float[1,3,8,8] x) => (float[1,4,8,8] y) {
        a = Conv (x, w8x3x1x1)
        b = Conv <pads=[1,1,1,1]> (x, w8x3x3x3)
        c = Conv <pads=[1,1,1,1]> (x, w16x3x3x3)
        j = Concat <axis=1> (a, b)
        s = Add (c, j)
        y = Conv (s, w4x16x1x1) }""",
    "residual": """(float[2,3,8,8] x) => (float[2,8] y) {
        a = Conv <auto_pad="SAME_UPPER", strides=[2,2]> (x, w16x3x3x3, b16)
        b = Conv <pads=[1,1,1,1]> (a, w12x16x3x3, b12)
        n = BatchNormalization (b, s12, b12, b12, v12)
        c = Conv <pads=[1,1,1,1]> (n, w16x12x3x3)
        s = Add (a, c)
        r = LeakyRelu (s)
        f = Reshape (r, to_2_256)
        g = MatMul (f, w256x16)
        h = Add (g, b16)
        y = MatMul (h, w16x8) }""",
    "inverted": """(float[1,3,8,8] x) => (float[1,5,1,1] y) {
        a = Conv (x, w8x3x1x1)
        b = Conv (a, w32x8x1x1)
        c = Clip (b, zero, six)
        d = Conv <group=32, pads=[1,1,1,1]> (c, w32x1x3x3, b32)
        e = Conv <group=32> (d, w64x1x3x3)
        h = HardSwish (e)
        m = ReduceMean <axes=[2,3]> (h)
        y = Conv (m, w5x64x1x1) }""",
    "dense": """(float[1,3,8,8] x) => (float[1,3,8,8] y) {
        a = Conv (x, w16x3x1x1)
        b = Conv (a, w8x16x1x1)
        c = Concat <axis=1> (a, b, a)
        d = Mul (c, s40x1x1)
        e = Conv (d, w12x40x1x1)
        f = Concat <axis=1> (d, e)
        p = PRelu (f, s52x1x1)
        y = Conv (p, w3x52x1x1) }""",
    "excite": """(float[1,3,8,8] x) => (float[1,2,8,8] y) {
        a = Conv (x, w16x3x1x1, b16)
        m = ReduceMean <axes=[2,3], keepdims=0> (a)
        g = Gemm (m, w16x8, b8)
        r = Relu (g)
        h = Gemm (r, w8x16, b16)
        s = Sigmoid (h)
        u = Reshape (s, to_1_16_1_1)
        e = Mul (a, u)
        one = Conv (e, w1x16x1x1)
        t = Mul (e, one)
        y = Conv (t, w2x16x1x1) }""",
    "upwards": """(float[1,3,4,4] x) => (float[1,2,8,8] y) {
        a = Conv (x, w16x3x1x1)
        b = ConvTranspose <strides=[2,2]> (a, w16x12x2x2, b12)
        c = Resize <mode="nearest"> (a, none, none, to_1_16_8_8)
        d = Concat <axis=1> (b, c)
        e = Pad (d, pads_one)
        y = Conv (e, w2x28x3x3) }""",
    "turned": """(float[1,8,8,3] x) => (float[1,6] y) {
        t = Transpose <perm=[0,3,1,2]> (x)
        a = Conv (t, w16x3x3x3)
        u = Transpose <perm=[0,2,3,1]> (a)
        v = MatMul (u, w16x12)
        w = Add (v, b12)
        f = Reshape (w, to_1_432)
        y = Gemm (f, w432x6) }""",
    "shared": """(float[1,3,8,8] x) => (float[1,16,8,8] y) {
        a = Conv (x, w16x3x1x1)
        b = Conv (a, w16x16x1x1)
        c = Conv (b, w16x16x1x1)
        y = Conv (c, w16x16x1x1) }""",
}


def model(name: str, seed: int = 0) -> Any:
    """A graph with weights of no special value: names tell kind and shape."""
    text, random = GRAPHS[name], np.random.default_rng(seed)
    made = parser.parse_model(f'<ir_version: 8, opset_import: ["":17]> {name} {text}')
    known = {item.name for item in made.graph.input} | {out for node in made.graph.node for out in node.output}
    for word in sorted({entry for node in made.graph.node for entry in node.input} - known):
        if word == "none":
            for node in made.graph.node:
                node.input[:] = ["" if entry == "none" else entry for entry in node.input]
            continue
        made.graph.initializer.append(numpy_helper.from_array(constant(word, random), word))
    return onnx.shape_inference.infer_shapes(made, strict_mode=True)


def constant(word: str, random: np.random.Generator) -> Any:
    given = {
        "rows": np.array([-1, 16]),
        "zero": np.float32(0),
        "six": np.float32(6),
        "pads_one": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
    }
    if word in given:
        return np.array(given[word])
    if word.startswith("to_"):
        return np.array([int(size) for size in word.split("_")[1:]])
    shape = [int(size) for size in word[1:].split("x")]
    if word[0] in "sv":
        return random.uniform(0.5, 1.5, shape).astype(np.float32)
    return (random.normal(size=shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)


def silence(network: OnnxNetwork, out: set[int]) -> Any:
    """Zeros for all that makes or passes on these channels."""
    made = onnx.ModelProto()
    made.CopyFrom(network.model)
    for site, weight in network.every_weight():
        value = network.constants[network.source(site.name, weight.name)].copy()
        for axis, (role, numbers) in weight.axes.items():
            if role != "in" and weight.name != "variance":
                value *= network.kept(numbers, out).reshape([-1 if a == axis else 1 for a in range(value.ndim)])
        name = f"{site.name}/{weight.name}"
        made.graph.initializer.append(numpy_helper.from_array(value, name))
        made.graph.node[network.nodes[site.name]].input[network.inputs[site.name, weight.name]] = name
    return made


@pytest.mark.parametrize("name", sorted(GRAPHS))
@pytest.mark.parametrize("seed", [0, 1])
def test_a_narrower_model_answers_what_the_whole_one_does_with_those_channels_at_zero(name: str, seed: int) -> None:
    whole = model(name, seed)
    network, random = onnx_network(whole), np.random.default_rng(seed)
    groups = network.groups()
    assert groups
    out = {int(c) for g in groups for c in random.permutation(g.classes)[: random.integers(1, len(g.classes))]}
    made, feeds = narrowed(network, out), example(network)
    onnx.checker.check_model(made, full_check=True)
    hold_against(network, made, out, feeds)
    for want, got in zip(run(silence(network, out), feeds)[0], run(made, feeds)[0], strict=True):
        np.testing.assert_allclose(got, want, atol=1e-5 * max(1, np.abs(want).max()))
    assert Work(onnx_network(made), []).macs({}) < Work(network, []).macs({})


GROUPS = {
    "residual": [(2, 16), (1, 12), (1, 16)],
    "inverted": [(1, 8), (1, 32)],
    "excite": [(2, 16), (1, 8)],
    "dense": [(1, 16), (1, 8), (1, 12)],
    "turned": [(1, 16), (1, 12)],
    "shared": [(1, 16)] * 3,
}


@pytest.mark.parametrize("name", sorted(GROUPS))
def test_nodes_whose_outputs_meet_are_one_group(name: str) -> None:
    assert [(len(g.layers), len(g.classes)) for g in onnx_network(model(name)).groups()] == GROUPS[name]


@pytest.mark.parametrize(
    ("middle", "words"),
    [("Softmax <axis=1> (a)", "is a Softmax"), ("Conv <group=4> (a, w16x4x1x1)", "convolves in 4 groups"),
     ("DepthToSpace <blocksize=2> (a)", "is a DepthToSpace"), ("Reshape (a, to_1_8_16_8)", "together with places"),
     ("InstanceNormalization (a, s16, b16)", "is a InstanceNormalization")],
)  # fmt: skip
def test_what_nobody_knows_keeps_its_width_and_is_named(
    middle: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"(float[1,3,8,8] x) => (y) {{ a = Conv (x, w16x3x1x1)\n m = {middle}\n y = GlobalAveragePool (m) }}"
    monkeypatch.setitem(GRAPHS, "odd", text.replace("(y)", "(float[1,N,1,1] y)"))
    network = onnx_network(model("odd"))
    assert not network.groups()
    assert any(words in why for why in network.stay.values())


@pytest.mark.parametrize(("middle", "last"), [("Reshape (a, rows)", "w16x3"), ("Concat <axis=0> (a, a)", "w16x3")])
def test_a_batch_that_changes_is_no_place_to_cut(middle: str, last: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"(float[s0,4,8] x) => (y) {{ a = MatMul (x, w8x16)\n m = {middle}\n y = MatMul (m, {last}) }}"
    rank = "n,3" if "rows" in middle else "n,4,3"
    monkeypatch.setitem(GRAPHS, "rows", text.replace("(y)", f"(float[{rank}] y)"))
    network = onnx_network(model("rows"))
    assert not network.groups()
    assert network.stay


def test_groups_with_the_same_first_layer_have_names_of_their_own() -> None:
    network = onnx_network(model("block"))
    names = [group.name for group in network.groups()]
    assert len(set(names)) == len(names) == 2
    widths = uniform(network.groups(), 0.5, 4)
    assert Work(network, network.groups()).macs(widths) < Work(network, network.groups()).macs({})


def test_a_value_that_a_branch_reads_stays(tmp_path: Path) -> None:
    text = """<ir_version: 8, opset_import: ["":17]> g (float[1,3,4,4] x, bool which) => (float[1,16,4,4] y) {
        a = Conv (x, w)
        y = If (which) <then_branch = t () => (float[1,16,4,4] p) { p = Relu (a) },
                        else_branch = e () => (float[1,16,4,4] q) { q = Neg (a) }> }"""
    made = parser.parse_model(text)
    made.graph.initializer.append(numpy_helper.from_array(np.ones((16, 3, 1, 1), np.float32), "w"))
    network = onnx_network(made)
    assert not network.groups() and any("branch" in why for why in network.stay.values())
    onnx.save(made, tmp_path / "m.onnx")
    with pytest.raises(Refused, match="no layer can become narrower: `If_1` reads it in a branch or loop") as caught:
        plan_onnx(tmp_path / "m.onnx", tmp_path / "p.json", keep=0.5)
    assert caught.value.kind == "not applicable" and "source:" in caught.value.fix


@pytest.mark.parametrize("auto_pad", ["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize("rank", [1, 2])
def test_windows_are_what_a_convolution_reads(auto_pad: str, rank: int) -> None:
    random = np.random.default_rng(0)
    kernel = random.normal(size=(5, 3, 3, 2)[: 2 + rank]).astype(np.float32)
    x = random.normal(size=(2, 3, 9, 8)[: 2 + rank]).astype(np.float32)
    more: dict[str, Any] = {"pads": [1, 0, 2, 1][:: 2 if rank == 1 else 1]} if auto_pad == "NOTSET" else {}
    dilations = [2, 1][:rank] if auto_pad == "NOTSET" else [1] * rank
    node = helper.make_node(
        "Conv", ["x", "w"], ["y"], strides=[2, 3][:rank], dilations=dilations, auto_pad=auto_pad, **more
    )
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", x.shape), ("y", None))]
    graph = helper.make_graph([node], "g", values[:1], values[1:], [numpy_helper.from_array(kernel, "w")])
    y = run(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), [{"x": x}])[0][0]
    rows, answers = windows(node, kernel, x, y, 10, random)
    assert len(rows) == min(10, y[:, 0].size)
    np.testing.assert_allclose(rows @ kernel.reshape(5, -1).T, answers, atol=1e-5)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A network whose channels say nearly the same, and samples."""
    whole, random = model("residual", 3), np.random.default_rng(4)
    onnx.save(whole, tmp_path / "m.onnx")
    base = random.normal(size=(60, 1, 3, 2, 2)).repeat(4, 3).repeat(4, 4)
    noise = random.normal(size=(60, 2, 3, 8, 8))
    np.savez(tmp_path / "inputs.npz", x=(base + 0.2 * noise).astype(np.float32))
    return tmp_path


def noise(files: Path, name: str) -> float:
    given = np.load(files / "inputs.npz")["x"][40:]
    want, got = (run(onnx.load(files / n), [{"x": row} for row in given]) for n in ("m.onnx", name))
    w, g = (np.array([item[0] for item in side], np.float64) for side in (want, got))
    return float(((w - g) ** 2).sum() / (w**2).sum())


def test_fitted_weights_make_up_for_most_of_what_is_gone(files: Path) -> None:
    whole = np.load(files / "inputs.npz")["x"]
    np.savez(files / "some.npz", x=whole[:40])
    plan_onnx(files / "m.onnx", files / "p.json", keep=0.5)
    cut_onnx(files / "m.onnx", files / "p.json", files / "cut.onnx")
    repair_onnx(files / "m.onnx", files / "cut.onnx", files / "p.json", files / "some.npz", files / "fit.onnx")
    shapes = [
        sorted(tuple(t.dims) for t in onnx.load(files / n).graph.initializer if len(t.dims) > 1)
        for n in ("cut.onnx", "fit.onnx")
    ]
    assert shapes[0] == shapes[1]
    # On samples that nothing was fitted to.
    assert noise(files, "fit.onnx") < 0.5 * noise(files, "cut.onnx")


def test_sensitivity_spares_what_hurts_and_keeps_the_work(files: Path) -> None:
    measure_onnx(files / "m.onnx", files / "inputs.npz", files / "s.json", multiple=4)
    plan_onnx(files / "m.onnx", files / "even.json", keep=0.5, multiple=4)
    plan_onnx(files / "m.onnx", files / "by.json", keep=0.5, multiple=4, sensitivity=files / "s.json")
    even, by = (Pruning.model_validate_json((files / n).read_bytes()) for n in ("even.json", "by.json"))
    assert by.spread == "sensitivity" and by.macs[1] <= even.macs[1]
    assert {name: cut.after for name, cut in by.groups.items()} != {
        name: cut.after for name, cut in even.groups.items()
    }
    cut_onnx(files / "m.onnx", files / "even.json", files / "even.onnx")
    cut_onnx(files / "m.onnx", files / "by.json", files / "by.onnx")
    assert noise(files, "by.onnx") < noise(files, "even.onnx")


def test_two_of_each_four_stay_the_largest(tmp_path: Path) -> None:
    onnx.save(model("plain"), tmp_path / "m.onnx")
    prune_two_of_four(tmp_path / "m.onnx", tmp_path / "s.onnx")
    made = {
        t.name.partition("_")[0]: numpy_helper.to_array(t) for t in onnx.load(tmp_path / "s.onnx").graph.initializer
    }
    assert (np.count_nonzero(made["w24x16x3x3"].reshape(24, 4, 4, 9), axis=2) == 2).all()
    assert (np.count_nonzero(made["w4x24"].reshape(4, 6, 4), axis=2) == 2).all()
    assert np.count_nonzero(made["w16x3x3x3"]) == made["w16x3x3x3"].size
    np.testing.assert_array_equal(halved(np.array([[1.0, -3, 2, 0.5]]), 1), [[0, -3, 2, 0]])
    np.testing.assert_array_equal(halved(np.array([[1.0], [-3], [2], [0.5]]), 0), [[0], [-3], [2], [0]])


def test_nothing_that_divides_by_four_is_refused(tmp_path: Path) -> None:
    made = parser.parse_model(
        '<ir_version: 8, opset_import: ["":17]> g (float[1,3] x) => (float[1,3] y) { y = Relu (x) }'
    )
    onnx.save(made, tmp_path / "m.onnx")
    with pytest.raises(Refused, match="divide by four") as caught:
        prune_two_of_four(tmp_path / "m.onnx", tmp_path / "s.onnx")
    assert caught.value.kind == "not applicable"


def test_two_processes_write_the_same_bytes(files: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from edgebuild.compress.prune.onnx_steps import cut_onnx, plan_onnx, repair_onnx\n"
        "m, s, p, c, o = map(Path, sys.argv[1:])\n"
        "plan_onnx(m, p, keep=0.5); cut_onnx(m, p, c); repair_onnx(m, c, p, s, o)\n"
    )
    for name in ("one", "two"):
        made = [str(files / f"{name}.{suffix}") for suffix in ("json", "cut.onnx", "onnx")]
        given = [str(files / n) for n in ("m.onnx", "inputs.npz")]
        subprocess.run([sys.executable, "-c", code, *given, *made], check=True, capture_output=True)
    for suffix in ("json", "cut.onnx", "onnx"):
        assert (files / f"one.{suffix}").read_bytes() == (files / f"two.{suffix}").read_bytes()


def test_uniform_widths_and_ties_of_scores_are_stable() -> None:
    network = onnx_network(model("shared"))
    groups = network.groups()
    out = left_out(groups, {}, uniform(groups, 0.5, 8))
    assert out == {item for group in groups for item in group.classes[8:]}
