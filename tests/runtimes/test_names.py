"""Sessions call inputs and outputs by their canonical names, whatever stands in the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgebuild.models.inspect.step import inspect_model
from edgebuild.runtimes.onnxruntime import session
from tests.models.conftest import onnx_model


def test_what_exporters_put_around_a_name_is_gone(tmp_path: Path) -> None:
    file = onnx_model(tmp_path / "m.onnx", inputs="serving_default_image:0")
    opened = session.open(str(file), {"threads": 1})
    assert [item["name"] for item in opened.inputs] == [
        item.name for item in inspect_model(file, "onnx-file", {}).inputs
    ]
    feed = {"image": np.ones((1, 3, 8, 8), np.float32)}
    assert opened.run(feed)["y"].shape == (1, 4, 6, 6)
    assert opened.trace(feed, 1)["ops"]
