"""Models of torch: the same numbers as torch's own, and nothing of a stranger's is run."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from edgebuild.core.wires import UserCode
from edgebuild.data.usercode import resolve
from edgebuild.errors import Refused, UserCodeError
from edgebuild.models.convert.read_torch import read_torch, refuse_expressions
from edgebuild.models.convert.torch_to_onnx import torch_to_onnx
from edgebuild.models.inspect.step import inspect_model
from edgebuild.models.routes import model_format
from edgebuild.models.tidy.simplify import simplify
from tests.models.conftest import furthest, said
from tests.models.zoo import ZooModel

CLOSE = 2e-6
"""Float32 kernels that add in another order; seen 5e-7."""
BUILDER = """\
import torch


def build():
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh()), {"input": torch.zeros(1, 4)}


def alone():
    return torch.nn.Linear(4, 3)
"""


class Evil:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.trace,)  # type: ignore[return-value]


@pytest.mark.parametrize(
    "name", ["cnn", *(pytest.param(name, marks=pytest.mark.slow) for name in ("bert", "lstm", "mobilenet"))]
)
@pytest.mark.parametrize("form", ["pt2", "torchscript"])
def test_onnx_says_what_torch_says(name: str, form: str, animals: Callable[[str], ZooModel], tmp_path: Path) -> None:
    model = animals(name)
    assert model_format(model.files[form]) == form
    opened = tmp_path / ("model.ts" if form == "torchscript" else "model.pt2")
    feed = model.feeds[0]
    names = {"cnn": "input", "bert": "ids", "lstm": "x", "mobilenet": "input"}
    dims = dict(zip([names[name]], [array.shape for array in feed.values()], strict=True))
    read_torch(model.files[form], form, dims, None, opened)
    torch_to_onnx(opened, form, tmp_path / "checked.onnx", {"batch": 1}, {})
    simplify(tmp_path / "checked.onnx", tmp_path / "model.onnx", {"batch": 1}, {})
    one, other = inspect_model(opened, form, {}), inspect_model(tmp_path / "model.onnx", "onnx", {})
    assert (one.inputs, one.outputs) == (other.inputs, other.outputs)
    feeds = [dict(zip(dims, feed.values(), strict=True)) for feed in model.feeds]
    found = said("onnxruntime", tmp_path / "model.onnx", feeds)
    assert furthest(found, said("pytorch", opened, feeds)) < CLOSE
    # And torch itself says what the exporter of the zoo heard from it.
    first = said("onnxruntime", model.files["onnx-file"], model.feeds)
    for left, right in zip(first, found, strict=True):
        np.testing.assert_allclose(next(iter(left.values())), next(iter(right.values())), atol=CLOSE)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["pt2", "torchscript"])
def test_two_conversions_write_the_same_bytes(form: str, animals: Callable[[str], ZooModel], tmp_path: Path) -> None:
    opened = tmp_path / ("model.ts" if form == "torchscript" else "model.pt2")
    read_torch(animals("cnn").files[form], form, {"input": (1, 3, 16, 16)}, None, opened)
    for name in ("one", "two"):
        torch_to_onnx(opened, form, tmp_path / name, {}, {})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_torchscript_without_axes_says_what_to_write(animals: Callable[[str], ZooModel], tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"axes of its inputs \(input\)") as caught:
        read_torch(animals("cnn").files["torchscript"], "torchscript", {}, None, tmp_path / "model.ts")
    assert "dims: [batch" in caught.value.fix


def builder(folder: Path, function: str) -> UserCode:
    (folder / "model.py").write_text(BUILDER)
    return resolve(folder, f"model.py:{function}")


def test_weights_and_a_builder_make_a_program(tmp_path: Path) -> None:
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh())
    torch.save(module.state_dict(), tmp_path / "weights.pth")
    assert model_format(tmp_path / "weights.pth") == "torch-weights"
    read_torch(tmp_path / "weights.pth", "torch-weights", {}, builder(tmp_path, "build"), tmp_path / "model.pt2")
    x = np.random.default_rng(0).normal(size=(1, 4)).astype(np.float32)
    (found,) = said("pytorch", tmp_path / "model.pt2", [{"input": x}])
    np.testing.assert_array_equal(found["tanh"], module(torch.from_numpy(x)).detach().numpy())


def test_a_builder_that_returns_no_inputs_is_told_what_to_return(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(4, 3).state_dict(), tmp_path / "weights.pth")
    with pytest.raises(UserCodeError, match="returned Linear") as caught:
        read_torch(tmp_path / "weights.pth", "torch-weights", {}, builder(tmp_path, "alone"), tmp_path / "model.pt2")
    assert "torch.zeros" in caught.value.problems[0].fix


def test_weights_of_another_module_are_refused_in_torchs_words(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(9, 3).state_dict(), tmp_path / "weights.pth")
    with pytest.raises(Refused, match="Missing key"):
        read_torch(tmp_path / "weights.pth", "torch-weights", {}, builder(tmp_path, "build"), tmp_path / "model.pt2")


def test_a_pickled_object_among_weights_is_not_run(tmp_path: Path) -> None:
    torch.save({"weight": Evil(tmp_path / "trace")}, tmp_path / "weights.pth")
    with pytest.raises(Refused, match="Weights only load failed") as caught:
        read_torch(tmp_path / "weights.pth", "torch-weights", {}, builder(tmp_path, "build"), tmp_path / "model.pt2")
    assert "state_dict" in caught.value.fix
    assert not (tmp_path / "trace").exists()


def test_a_plain_pickle_is_known_without_being_read(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(pickle.dumps(Evil(tmp_path / "trace")))
    with pytest.raises(ValueError, match="runs code when it is read"):
        model_format(tmp_path / "model.pt")
    assert not (tmp_path / "trace").exists()


def test_a_program_with_a_pickled_weight_is_not_run(animals: Callable[[str], ZooModel], tmp_path: Path) -> None:
    bad = tmp_path / "bad.pt2"
    with zipfile.ZipFile(animals("cnn").files["pt2"]) as good, zipfile.ZipFile(bad, "w") as target:
        for name in good.namelist():
            content = good.read(name)
            if name.endswith("model_weights_config.json"):
                content = content.replace(b'"use_pickle": false', b'"use_pickle": true', 1)
                content = content.replace(b'"use_pickle":false', b'"use_pickle":true', 1)
            if name.endswith("weights/weight_0"):
                content = pickle.dumps(Evil(tmp_path / "trace"))
            target.writestr(name, content)
    with pytest.raises(Refused, match="pickles, which run code"):
        read_torch(bad, "pt2", {}, None, tmp_path / "model.pt2")
    assert not (tmp_path / "trace").exists()


def test_an_expression_for_a_size_is_arithmetic() -> None:
    refuse_expressions({"a": [{"expr_str": "2*Max(1, s0//2) + Mod(s1, 8)"}]})
    for text in ("exec(chr(65))", "().__class__", "s0 if print('x') else 1"):
        with pytest.raises(Refused, match="no expression for a size"):
            refuse_expressions({"a": [{"as_expr": {"expr_str": text}}]})
