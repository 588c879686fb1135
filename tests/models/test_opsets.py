"""Real models at old and new opsets: each reaches the `onnx` form and says what it said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from edgebuild.models.convert.import_onnx import import_onnx
from edgebuild.models.tidy.simplify import simplify
from tests.models import zoo_torch
from tests.models.conftest import said
from tests.models.zoo import ZooModel

CLOSE = 1e-5
"""Relative to an output's largest value; kernels that add in another order were seen at 2e-7."""

OPSETS = (9, 11, 13, 17, onnx.defs.onnx_opset_version())


def at_opset(model: ZooModel, opset: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The model as torch exports it at that opset, or as onnx raises it there where torch has no such opset."""
    file = folder / f"opset-{opset}.onnx"
    if opset > NEWEST_OF_TORCH:
        onnx.save(onnx.version_converter.convert_version(onnx.load(model.files["onnx-file"]), opset), file)
        return file
    monkeypatch.setattr(zoo_torch, "OPSET", opset)
    made = zoo_torch.write(getattr(zoo_torch, model.name), model.feeds[0], folder, model.name)
    return made["onnx-file"].rename(file)


NEWEST_OF_TORCH = 20
"""Of its exporter by tracing."""


@pytest.mark.slow
@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("name", ["resnet8", "mobilenet", "bert"])
def test_an_opset_reaches_onnx_with_equal_outputs(
    name: str,
    opset: int,
    animals: Callable[[str], ZooModel],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = animals(name)
    file = at_opset(model, opset, tmp_path, monkeypatch)
    assert {item.version for item in onnx.load(file).opset_import if item.domain == ""} == {opset}
    import_onnx(file, tmp_path / "checked.onnx")
    simplify(tmp_path / "checked.onnx", tmp_path / "m.onnx", model.shapes, model.dims)
    wanted = said("onnxruntime", model.files["onnx-file"], model.feeds)
    found = said("onnxruntime", tmp_path / "m.onnx", model.feeds)
    for one, other in zip(wanted, found, strict=True):
        assert set(one) == set(other)
        for key, value in one.items():
            assert float(np.abs(value - other[key]).max()) <= CLOSE * float(np.abs(value).max())
