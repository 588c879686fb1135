"""Networks that TensorRT's parser is asked about."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np


def onnx_text(file: Path, text: str) -> Path:
    """An ONNX model from its text."""
    import onnx

    onnx.save(onnx.parser.parse_model(text), file)
    return file


def transformer(file: Path) -> Path:
    """Two layers of attention, GELU and LayerNorm, from torch; x float32 (1, 8, 32), y float32 (1, 10)."""
    import torch

    from edgebuild.models.tidy.simplify import simplify

    torch.manual_seed(0)

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layer = torch.nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, activation="gelu")
            self.encoder = torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
            self.head = torch.nn.Linear(32, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            scores: torch.Tensor = self.head(self.encoder(x).mean(1))
            return scores

    exported = file.with_name("exported.onnx")
    names = {"input_names": ["x"], "output_names": ["y"]}
    torch.onnx.export(Network().eval(), (torch.zeros(1, 8, 32),), exported, opset_version=17, dynamo=False, **names)
    simplify(exported, file, {}, {})
    return file


def basic_pitch(file: Path) -> Path:
    """Spotify's note detector, 230 kB, with a fixed batch; x float32 (1, 43844, 1)."""
    from edgebuild.models.convert.import_onnx import import_onnx
    from edgebuild.models.tidy.simplify import simplify

    found = importlib.util.find_spec("basic_pitch")
    assert found is not None and found.origin is not None
    source = Path(found.origin).parent / "saved_models" / "icassp_2022" / "nmp.onnx"
    imported = file.with_name("imported.onnx")
    import_onnx(source, imported)
    simplify(imported, file, {"unk__749": 1}, {})
    return file


def samples(file: Path, model: Path, count: int = 4) -> Path:
    """`inputs.npz` of unit normals that fit a model's inputs, in a folder of its own."""
    from edgebuild.compress.onnx_nodes import inputs_of

    random = np.random.default_rng(0)
    arrays = {
        item["name"]: random.normal(size=(count, *item["shape"][1:])).astype(np.float32) for item in inputs_of(model)
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(file, **arrays)
    return file
