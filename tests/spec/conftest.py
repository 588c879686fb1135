"""A folder with what specs name, and a spec to change."""

from __future__ import annotations

from pathlib import Path

import pytest

SPEC = """\
edgebuild: 1
name: demo
release: 1.0.0
model:
  source: model.onnx
data:
  source: data.py:samples
  splits: {calibrate: 100, select: 200, report: 400}
metrics:
  accuracy: {metric: top1}
candidates:
  w8: {quantize: int8}
targets:
  here: {device: here, runtime: onnxruntime}
budgets:
  all: {accuracy.drop: 1 pp, size: 0.6x}
objective: [{minimize: latency.p50, tie: 3 %}, {minimize: size}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.onnx").write_bytes(b"not read before a build")
    (tmp_path / "data.py").write_text("def samples():\n    yield {}\n")
    (tmp_path / "deployment.edge.yaml").write_text(SPEC)
    return tmp_path
