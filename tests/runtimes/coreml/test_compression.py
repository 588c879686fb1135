"""Compressed weights: the evaluator restores what coremltools' own decompression writes out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.models.hidden import hidden
from edgebuild.runtimes.coreml import session
from edgebuild.runtimes.coreml.library import ct
from tests.runtimes.coreml.programs import function, mb, saved

with hidden("torch", "tensorflow"):
    import coremltools.optimize.coreml as cto

Compress = Callable[[Any], Any]
MADE = np.random.default_rng(8)
CONV, DENSE = (MADE.normal(size=shape).astype(np.float32) for shape in ((32, 8, 3, 3), (64, 32)))
X = MADE.normal(size=(1, 8, 12, 12)).astype(np.float32)


def net(x: Any) -> Any:
    y = mb.relu(x=mb.conv(x=x, weight=CONV, pad_type="same"))
    return mb.linear(x=mb.reduce_mean(x=y, axes=[2, 3]), weight=DENSE, name="y")


def quantized(joint: bool = False, **how: Any) -> Compress:
    config = cto.OptimizationConfig(cto.OpLinearQuantizerConfig(weight_threshold=0, **how))
    return lambda model: cto.linear_quantize_weights(model, config, joint_compression=joint)


def palettes(joint: bool = False, **how: Any) -> Compress:
    config = cto.OptimizationConfig(cto.OpPalettizerConfig(weight_threshold=0, **how))
    return lambda model: cto.palettize_weights(model, config, joint_compression=joint)


def pruned(share: float) -> Compress:
    config = cto.OptimizationConfig(cto.OpMagnitudePrunerConfig(target_sparsity=share, weight_threshold=0))
    return lambda model: cto.prune_weights(model, config)


def both(first: Compress, second: Compress) -> Compress:
    return lambda model: second(first(model))


CASES: dict[str, tuple[Any, Compress, float]] = {
    "int8": (ct.target.iOS16, quantized(mode="linear_symmetric"), 0.02),
    "uint8": (ct.target.iOS16, quantized(mode="linear", dtype="uint8"), 0.02),
    "int8_new": (ct.target.iOS18, quantized(mode="linear_symmetric"), 0.02),
    "int4_blocks": (
        ct.target.iOS18, quantized(mode="linear_symmetric", dtype="int4", granularity="per_block", block_size=8), 0.2,
    ),
    "uint4": (ct.target.iOS18, quantized(mode="linear", dtype="uint4"), 0.2),
    "palettes_4": (ct.target.iOS16, palettes(mode="kmeans", nbits=4), 0.2),
    "palettes_6_uniform": (ct.target.iOS16, palettes(mode="uniform", nbits=6), 0.1),
    "palettes_groups": (
        ct.target.iOS18, palettes(mode="kmeans", nbits=3, granularity="per_grouped_channel", group_size=16), 0.4,
    ),
    "pruned": (ct.target.iOS16, pruned(0.5), 0.6),
    "pruned_new": (ct.target.iOS18, pruned(0.5), 0.6),
    "pruned_int8": (ct.target.iOS18, both(pruned(0.5), quantized(joint=True, mode="linear_symmetric")), 0.6),
    "pruned_palettes": (ct.target.iOS18, both(pruned(0.5), palettes(joint=True, mode="kmeans", nbits=4)), 0.6),
    "palettes_int8": (
        ct.target.iOS18,
        both(
            palettes(mode="kmeans", nbits=4),
            quantized(joint=True, mode="linear_symmetric", granularity="per_tensor"),
        ),
        0.2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("half", [False, True], ids=["fp32", "fp16"])
def test_restores_what_coremltools_restores(name: str, half: bool, tmp_path: Path) -> None:
    target, compress, loss = CASES[name]
    package = saved(tmp_path / "whole.mlpackage", function(net, {"x": X}, target), target, half)
    model = compress(ct.models.MLModel(str(package), skip_model_load=True))
    model.save(str(tmp_path / "small.mlpackage"))
    cto.decompress_weights(model).save(str(tmp_path / "restored.mlpackage"))
    assert "constexpr_" in str(ct.utils.load_spec(str(tmp_path / "small.mlpackage")).mlProgram)
    assert "constexpr_" not in str(ct.utils.load_spec(str(tmp_path / "restored.mlpackage")).mlProgram)
    whole, small, restored = (
        session.open(str(tmp_path / f"{kind}.mlpackage"), {}).run({"x": X})["y"]
        for kind in ("whole", "small", "restored")
    )
    # The same weights, or one rounding to float16 apart.
    np.testing.assert_allclose(small, restored, atol=2e-3 if half else 1e-6)
    difference = np.linalg.norm(small - whole) / np.linalg.norm(whole)
    assert 1e-4 < difference < loss
