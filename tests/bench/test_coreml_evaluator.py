"""How long the evaluator of Core ML packages takes for one sample: `make bench` prints it."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.runtimes.coreml import session
from tests.runtimes.coreml.programs import function, mb, saved

pytestmark = pytest.mark.bench
PITCH = Path(find_spec("basic_pitch").origin).parent / "saved_models" / "icassp_2022"  # type: ignore[union-attr,arg-type]
MADE = np.random.default_rng(4)
SECONDS = 2.0
"""Spent on each figure."""


def weight(*shape: int) -> np.ndarray:
    return (MADE.normal(size=shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)


def conv(x: Any, count: int, size: int, stride: int = 1, groups: int = 1, act: Callable[..., Any] = mb.relu) -> Any:
    w = weight(count, x.shape[1] // groups, size, size)
    return act(
        x=mb.conv(x=x, weight=w, bias=weight(count, 1)[:, 0], strides=[stride] * 2, groups=groups, pad_type="same")
    )


def head(x: Any, classes: int) -> Any:
    mean = mb.reduce_mean(x=x, axes=[2, 3])
    return mb.softmax(x=mb.linear(x=mean, weight=weight(classes, x.shape[1]), bias=weight(classes, 1)[:, 0]))


def resnet8(x: Any) -> Any:
    y = conv(x, 16, 3)
    for count, stride in ((16, 1), (32, 2), (64, 2)):
        inner = conv(conv(y, count, 3, stride), count, 3, act=mb.identity)
        y = mb.relu(x=mb.add(x=inner, y=y if stride == 1 else conv(y, count, 1, stride, act=mb.identity)))
    return head(y, 10)


def mobilenet(x: Any) -> Any:
    y = conv(x, 8, 3, 2)
    for count, stride in zip(
        (16, 32, 32, 64, 64, 128, 128, 128, 128, 128, 128, 256, 256), (1, 2) * 3 + (1,) * 5 + (2, 1), strict=True
    ):
        y = conv(conv(y, y.shape[1], 3, stride, groups=y.shape[1]), count, 1)
    return head(y, 2)


ROWS = ((1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5),
        (6, 320, 1, 1, 3))  # fmt: skip
"""EfficientNet-Lite0: expansion, channels, repeats, stride, kernel."""


def efficientnet(x: Any) -> Any:
    y = conv(x, 32, 3, 2, act=mb.relu6)
    for wider, count, repeats, first, size in ROWS:
        for stride in (first, *(1,) * (repeats - 1)):
            z = y if wider == 1 else conv(y, y.shape[1] * wider, 1, act=mb.relu6)
            z = conv(conv(z, z.shape[1], size, stride, groups=z.shape[1], act=mb.relu6), count, 1, act=mb.identity)
            y = mb.add(x=z, y=y) if stride == 1 and y.shape[1] == count else z
    return head(conv(y, 1280, 1, act=mb.relu6), 1000)


def minilm(ids: Any) -> Any:
    x = mb.gather(x=weight(3000, 384), indices=ids, axis=0)
    for _ in range(6):
        q, k, v = (
            mb.transpose(
                x=mb.reshape(x=mb.linear(x=x, weight=weight(384, 384)), shape=[1, 32, 12, 32]), perm=[0, 2, 1, 3]
            )
            for _ in range(3)
        )
        scores = mb.softmax(x=mb.mul(x=mb.matmul(x=q, y=k, transpose_y=True), y=32**-0.5))
        mixed = mb.reshape(x=mb.transpose(x=mb.matmul(x=scores, y=v), perm=[0, 2, 1, 3]), shape=[1, 32, 384])
        x = mb.layer_norm(x=mb.add(x=x, y=mb.linear(x=mixed, weight=weight(384, 384))), axes=[-1])
        wide = mb.gelu(x=mb.linear(x=x, weight=weight(1536, 384)), mode="EXACT")
        x = mb.layer_norm(x=mb.add(x=x, y=mb.linear(x=wide, weight=weight(384, 1536))), axes=[-1])
    return mb.reduce_mean(x=x, axes=[1])


MODELS: dict[str, tuple[Callable[..., Any], dict[str, np.ndarray]]] = {
    "ResNet8, 32": (resnet8, {"x": MADE.normal(size=(1, 3, 32, 32)).astype(np.float32)}),
    "MobileNet 0.25, 96": (mobilenet, {"x": MADE.normal(size=(1, 3, 96, 96)).astype(np.float32)}),
    "EfficientNet-Lite0, 224": (efficientnet, {"x": MADE.normal(size=(1, 3, 224, 224)).astype(np.float32)}),
    "MiniLM, 6 layers, 32 tokens": (minilm, {"ids": MADE.integers(0, 3000, (1, 32)).astype(np.int32)}),
}


def told(name: str, package: Path, feed: dict[str, np.ndarray]) -> float:
    """Median milliseconds, printed."""
    began = time.perf_counter()
    loaded = session.open(str(package), {"threads": 1})
    opened = time.perf_counter() - began
    loaded.run(feed)
    times: list[float] = []
    while sum(times) < SECONDS:
        began = time.perf_counter()
        loaded.run(feed)
        times.append(time.perf_counter() - began)
    median = float(np.median(times)) * 1000
    print(f"{name:36} {median:8.2f} ms a sample, {opened * 1000:6.0f} ms to load, {len(times)} samples")
    return median


@pytest.mark.parametrize("half", [False, True], ids=["fp32", "fp16"])
@pytest.mark.parametrize("name", MODELS)
def test_a_sample(name: str, half: bool, tmp_path: Path) -> None:
    build, feed = MODELS[name]
    package = saved(tmp_path / "m.mlpackage", function(build, feed), half=half)
    assert told(f"{name} {'fp16' if half else 'fp32'}", package, feed) > 0


def test_basic_pitch() -> None:
    feed = {"input_2": 0.1 * MADE.normal(size=(1, 43844, 1)).astype(np.float32)}
    assert told("basic-pitch fp32", PITCH / "nmp.mlpackage", feed) > 0
