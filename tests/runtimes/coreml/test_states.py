"""States inside a package: against the same package with states as inputs and outputs, and against ONNX Runtime."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edgebuild.core.dossier import Call, Loop
from edgebuild.data.arrays import load_arrays, save_arrays
from edgebuild.errors import Refused
from edgebuild.measure.predict import predict
from edgebuild.models.convert.onnx_to_coreml import onnx_to_coreml
from edgebuild.runtimes.coreml import session
from edgebuild.runtimes.coreml.library import ct
from edgebuild.runtimes.coreml.states import keep_states
from tests.runtimes.coreml.programs import function, mb, saved

MODEL = """\
<ir_version: 8, opset_import: ["" : 17]>
rnn (float[1, 6] x, float[1, 8] h, int64[1] n) => (float[1, 4] y, float[1, 8] h_out, int64[1] n_out)
<float[6, 8] wx, float[8, 8] wh, float[8, 4] v, int64[1] one = {1}> {
  a = MatMul(x, wx)
  d = MatMul(h, wh)
  e = Add(a, d)
  h_out = Tanh(e)
  y = MatMul(h_out, v)
  n_out = Add(n, one)
}
"""
"""A hidden state of real numbers, and a counter of steps."""
STATES = {"h": "h_out", "n": "n_out"}
LOOP = Loop(steps=("x",), states=STATES)
RANDOM = np.random.default_rng(3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model, samples of 12 steps, and its package in both precisions, with states as inputs and outputs."""
    made = tmp_path_factory.mktemp("rnn")
    model = onnx.parser.parse_model(MODEL)
    constant = [item for item in model.graph.initializer if item.name == "one"]
    del model.graph.initializer[:]
    model.graph.initializer.extend(constant)
    for name, shape in {"wx": (6, 8), "wh": (8, 8), "v": (8, 4)}.items():
        values = RANDOM.normal(size=shape).astype(np.float32) / 2
        model.graph.initializer.append(numpy_helper.from_array(values, name))
    del model.graph.value_info[:]
    onnx.save(model, made / "rnn.onnx")
    save_arrays(made / "inputs.npz", {"x": RANDOM.normal(size=(3, 12, 6)).astype(np.float32)})
    for precision in ("float32", "float16"):
        onnx_to_coreml(
            made / "rnn.onnx",
            made / f"{precision}.mlpackage",
            minimum_os="iOS18",
            precision="float16" if precision == "float16" else "float32",
        )
    return made


def said(model: Path, folder: Path, into: Path, runtime: str = "coreml") -> np.ndarray:
    """The answers of every step: (samples, steps, 4)."""
    call = Call(session=f"edgebuild.runtimes.{runtime}.session", runtime=runtime, loop=LOOP)
    predict(model, call, folder / "inputs.npz", into)
    return load_arrays(into / "outputs.npz")["y"]


def program(package: Path) -> list[tuple[str, list[str]]]:
    """Operators that are no constants, and what they make."""
    made = ct.utils.load_spec(str(package)).mlProgram.functions["main"]
    operations = made.block_specializations[made.opset].operations
    return [(op.type, [out.name for out in op.outputs]) for op in operations if op.type != "const"]


def test_in_float16_states_inside_change_no_bit(folder: Path, tmp_path: Path) -> None:
    keep_states(folder / "float16.mlpackage", tmp_path / "m.mlpackage", STATES)
    kept = said(tmp_path / "m.mlpackage", folder, tmp_path / "kept")

    np.testing.assert_array_equal(kept, said(folder / "float16.mlpackage", folder, tmp_path / "fed"))
    assert np.abs(kept[:, 1:] - kept[:, :1]).max() > 0.1, "the steps differ"
    # What is read is used as it is, and what is written comes straight from the arithmetic.
    casts = [made for kind, made in program(tmp_path / "m.mlpackage") if kind == "cast"]
    assert not [name for (name,) in casts if name.startswith("h")]


def test_in_float32_a_state_is_rounded_between_steps_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    keep_states(folder / "float32.mlpackage", tmp_path / "m.mlpackage", {"h": "h_out"}, every=True)
    kept = said(tmp_path / "m.mlpackage", folder, tmp_path / "kept")
    exact = said(folder / "rnn.onnx", folder, tmp_path / "onnx", "onnxruntime")
    half = said(folder / "float16.mlpackage", folder, tmp_path / "half")

    np.testing.assert_allclose(kept[:, 0], exact[:, 0], atol=1e-6)
    # The state lies between -1 and 1 and is off by 2^-12 at most each time.
    assert 0 < np.abs(kept - exact).max() < np.abs(half - exact).max()
    by_hand = session.open(str(folder / "float32.mlpackage"), {})
    feed: dict[str, Any] = {"h": np.zeros((1, 8), np.float32), "n": np.zeros(1, np.int64)}
    for x, wanted in zip(load_arrays(folder / "inputs.npz")["x"][0], kept[0], strict=True):
        out = by_hand.run({"x": x[None], **feed})
        np.testing.assert_array_equal(out["y"][0], wanted)
        feed = {"h": out["h_out"].astype(np.float16).astype(np.float32), "n": out["n_out"]}


def test_whole_numbers_stay_outside(folder: Path, tmp_path: Path) -> None:
    keep_states(folder / "float16.mlpackage", tmp_path / "m.mlpackage", STATES)
    loaded = session.open(str(tmp_path / "m.mlpackage"), {})

    assert [item["name"] for item in loaded.inputs] == ["x", "n"]
    assert [item["name"] for item in loaded.outputs] == ["y", "n_out"]
    assert loaded.states == [{"name": "h", "shape": [1, 8], "dtype": "float32"}]
    with pytest.raises(Refused, match="begin with zeros; `n` holds whole numbers"):
        keep_states(folder / "float16.mlpackage", tmp_path / "n.mlpackage", STATES, every=True)
    assert not (tmp_path / "n.mlpackage").exists()


def test_what_is_computed_in_float32_stays_outside_unless_every_state_is_asked_for(
    folder: Path, tmp_path: Path
) -> None:
    keep_states(folder / "float32.mlpackage", tmp_path / "m.mlpackage", STATES)
    loaded = session.open(str(tmp_path / "m.mlpackage"), {})

    assert ([item["name"] for item in loaded.inputs], loaded.states) == (["x", "h", "n"], [])
    exact = said(folder / "float32.mlpackage", folder, tmp_path / "fed")
    np.testing.assert_array_equal(said(tmp_path / "m.mlpackage", folder, tmp_path / "kept"), exact)


def test_a_state_that_is_cut_to_whole_numbers_stays_cut(tmp_path: Path) -> None:
    text = """\
<ir_version: 8, opset_import: ["" : 17]>
cut (float[2] x, float[2] a) => (float[2] y, float[2] s) {
  y = Add(a, x)
  n = Cast <to: int = 6> (y)
  s = Cast <to: int = 1> (n)
}
"""
    onnx.save(onnx.parser.parse_model(text), tmp_path / "cut.onnx")
    onnx_to_coreml(tmp_path / "cut.onnx", tmp_path / "cut.mlpackage", minimum_os="iOS18", precision="float16")
    keep_states(tmp_path / "cut.mlpackage", tmp_path / "m.mlpackage", {"a": "s"}, every=True)
    loaded = session.open(str(tmp_path / "m.mlpackage"), {})

    assert [loaded.run({"x": np.float32([1.5, 1])})["y"][0] for _ in range(3)] == [1.5, 2.5, 3.5]


def test_an_open_axis_stays_outside(folder: Path, tmp_path: Path) -> None:
    model = onnx.load(folder / "rnn.onnx")
    for value in (model.graph.input[1], model.graph.output[1]):
        value.type.tensor_type.shape.dim[0].dim_param = "rows"
    onnx.save(model, tmp_path / "open.onnx")
    onnx_to_coreml(tmp_path / "open.onnx", tmp_path / "open.mlpackage", minimum_os="iOS18")

    with pytest.raises(Refused, match="`h` has an open axis"):
        keep_states(tmp_path / "open.mlpackage", tmp_path / "m.mlpackage", {"h": "h_out"}, every=True)


def test_the_same_bytes_again(folder: Path, tmp_path: Path) -> None:
    def digests(package: Path) -> dict[str, str]:
        files = (path for path in package.rglob("*") if path.is_file())
        return {str(file.relative_to(package)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    for name in ("a", "b"):
        keep_states(folder / "float16.mlpackage", tmp_path / f"{name}.mlpackage", STATES)
    assert digests(tmp_path / "a.mlpackage") == digests(tmp_path / "b.mlpackage")


def test_half_the_interface_needs_no_cast(folder: Path, tmp_path: Path) -> None:
    onnx_to_coreml(
        folder / "rnn.onnx", tmp_path / "h.mlpackage", minimum_os="iOS18", precision="float16", float16_io=True
    )
    keep_states(tmp_path / "h.mlpackage", tmp_path / "m.mlpackage", STATES)

    assert "cast" not in [kind for kind, _ in program(tmp_path / "m.mlpackage")]
    found = said(tmp_path / "m.mlpackage", folder, tmp_path / "kept")
    np.testing.assert_array_equal(found, said(tmp_path / "h.mlpackage", folder, tmp_path / "fed"))


def test_a_state_that_comes_back_and_one_output_for_two(tmp_path: Path) -> None:
    text = """\
<ir_version: 8, opset_import: ["" : 17]>
two (float[2] x, float[2] a, float[2] b, float[2] c) => (float[2] y, float[2] s, float[2] c_out) {
  s = Add(a, x)
  t = Add(s, b)
  y = Add(t, c)
  c_out = Identity(c)
}
"""
    onnx.save(onnx.parser.parse_model(text), tmp_path / "two.onnx")
    onnx_to_coreml(tmp_path / "two.onnx", tmp_path / "two.mlpackage", minimum_os="iOS18", precision="float16")
    keep_states(tmp_path / "two.mlpackage", tmp_path / "m.mlpackage", {"a": "s", "b": "s", "c": "c_out"}, every=True)
    loaded = session.open(str(tmp_path / "m.mlpackage"), {})

    assert [item["name"] for item in loaded.outputs] == ["y"]
    # a and b: 0, 1, 2, …; y = 2 a + x, and c stays what it is set to.
    assert [loaded.run({"x": np.float32([1, 1])})["y"][0] for _ in range(3)] == [1, 3, 5]
    loaded.hold({"c": np.float32([10, 10])})
    assert [loaded.run({"x": np.float32([1, 1])})["y"][0] for _ in range(2)] == [17, 19]
    loaded.reset()
    assert loaded.run({"x": np.float32([1, 1])})["y"][0] == 1


def test_coremltools_reads_what_it_would_have_written(tmp_path: Path) -> None:
    """`mb.read_state` and `mb.coreml_update_state`, and ours: equal operators, description, and types."""
    text = '<ir_version: 8, opset_import: ["" : 17]> one (float[2] x, float[2] a) => (float[2] y, float[2] s)'
    onnx.save(onnx.parser.parse_model(text + " { s = Add(a, x)\n y = Relu(s) }"), tmp_path / "one.onnx")
    onnx_to_coreml(
        tmp_path / "one.onnx", tmp_path / "e.mlpackage", minimum_os="iOS18", precision="float16", float16_io=True
    )
    keep_states(tmp_path / "e.mlpackage", tmp_path / "ours.mlpackage", {"a": "s"})

    def theirs(x: Any, a: Any) -> Any:
        s = mb.add(x=mb.read_state(input=a), y=x)
        y = mb.relu(x=s, name="y")
        mb.coreml_update_state(state=a, value=s)
        return y

    half = np.zeros(2, np.float16)
    made = function(theirs, {"x": half}, ct.target.iOS18, states={"a": half})
    saved(tmp_path / "theirs.mlpackage", made, ct.target.iOS18, half=True)
    specs = [ct.utils.load_spec(str(tmp_path / f"{name}.mlpackage")) for name in ("ours", "theirs")]
    ours, others = specs
    assert ours.description.state == others.description.state
    assert ours.specificationVersion == others.specificationVersion
    for one, other in zip(*(spec.mlProgram.functions["main"].inputs for spec in specs), strict=True):
        assert one == other
    kinds = [[kind for kind, _ in program(tmp_path / f"{name}.mlpackage")] for name in ("ours", "theirs")]
    kinds[0].remove("identity")  # Under which our lowering puts an output's name.
    assert kinds[0] == ["read_state", "add", "relu", "write_state"]
    # coremltools reads again what it has just written.
    assert sorted(kinds[1]) == sorted([*kinds[0], "read_state"])


def test_values_between_the_operators_are_those_of_the_states_that_are_fed(folder: Path, tmp_path: Path) -> None:
    keep_states(folder / "float32.mlpackage", tmp_path / "m.mlpackage", {"h": "h_out"}, every=True)
    feed = {"x": np.ones((1, 6), np.float32), "h": np.full((1, 8), 0.5, np.float32), "n": np.zeros(1, np.int64)}
    found = {
        name: {row["name"]: row["value"] for row in session.open(str(package), {}).layers(feed)}
        for name, package in (("fed", folder / "float32.mlpackage"), ("kept", tmp_path / "m.mlpackage"))
    }
    np.testing.assert_array_equal(found["kept"]["y"], found["fed"]["y"])
    with pytest.raises(ValueError, match=r"state `h` has shape \[8\]; it takes \[1, 8\]"):
        session.open(str(tmp_path / "m.mlpackage"), {}).run({**feed, "h": np.zeros(8, np.float32)})
