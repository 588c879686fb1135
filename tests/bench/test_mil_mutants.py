"""Faults planted in the lowering, and which of them its tests catch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.bench
ROOT = Path(__file__).parents[2]
FAMILY = Path("edgebuild/models/convert/onnx_to_mil")
MUTANTS = [
    ("recurrent.py", "np.concatenate([i, f, o, c])", "np.concatenate([i, o, f, c])", "gate order of an LSTM"),
    ("recurrent.py", "if late:", "if not late:", "where a GRU resets"),
    ("layer.py", "return parts[::-1] if own.directions[d] else parts", "return parts", "direction of a GRU or RNN"),
    ("binary.py", "y=mb.mul(x=mb.sign(x=x), y=mb.sign(x=y))", "y=mb.mul(x=mb.sign(x=x), y=mb.sign(x=x))",
     "integer division"),
    ("activation.py", "if ctx.opset >= 13:", "if ctx.opset >= 1:", "softmax before opset 13"),
    ("activation.py", 'ctx.a("alpha", 0.2)', 'ctx.a("alpha", 1 / 6)', "default of HardSigmoid"),
    ("slicing.py", "return head, (None if tail < 0 else tail)", "return head, tail", "end of a slice going down"),
    ("padding.py", "zip(given[:axes], given[axes:], strict=True)", "zip(given[::2], given[1::2], strict=True)",
     "order of pads"),
    ("padding.py", 'if auto == "SAME_UPPER"', 'if auto == "SAME_LOWER"', "SAME_UPPER and SAME_LOWER"),
    ("conv.py", "(before, after - more)", "(before - more, after)", "side of output_padding"),
    ("pool.py", "exclude_padding_from_average=not counted", "exclude_padding_from_average=counted",
     "count_include_pad"),
    ("indexing.py", "a=mb.add(x=index, y=length), b=index", "a=index, b=index", "negative index at run time"),
    ("norm.py", "gamma=gamma, beta=beta, epsilon=epsilon_of(ctx)", "gamma=gamma, beta=beta",
     "epsilon of batch normalisation"),
    ("matmul.py", "bias.ravel() * beta", "bias.ravel()", "beta of Gemm"),
    ("interpolation.py", '"round_prefer_floor": np.ceil(x - 0.5)', '"round_prefer_floor": np.floor(x + 0.5)',
     "ties of nearest"),
    ("interpolation.py", "place) - int(radius) + 1", "place) - int(radius)", "taps of linear and cubic"),
    ("casting.py", "if covers(cond.shape, x.shape, y.shape):", "if True:", "a condition larger than its values"),
    ("values.py", "- zero.astype(np.float32)", "+ zero.astype(np.float32)", "zero point of a weight"),
]  # fmt: skip


def test_planted_faults(tmp_path: Path) -> None:
    for name in ("edgebuild", "tests", "specs", "templates", "pyproject.toml"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    caught = 0
    for file, old, new, words in MUTANTS:
        place = tmp_path / FAMILY / file
        text = place.read_text(encoding="utf-8")
        if old not in text:
            print(f"{words}: no longer in {file}")
            continue
        place.write_text(text.replace(old, new), encoding="utf-8")
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "tests/models/onnx_to_mil"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        place.write_text(text, encoding="utf-8")
        failed = next((line for line in run.stdout.splitlines() if line.startswith("FAILED")), "")
        caught += bool(failed)
        print(f"{words}: {failed.split('::')[-1][:80] or 'NOT CAUGHT'}")
    print(f"{caught} of {len(MUTANTS)} caught")
    assert caught == len(MUTANTS)
