"""Faults planted in the lowering, and whether the tests of what they spoil catch them."""

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
    ("recurrent.py", "np.concatenate([i, f, o, c])", "np.concatenate([i, o, f, c])",
     "gate order of an LSTM", "recurrent::lstms_gates"),
    ("recurrent.py", "if late:", "if not late:", "where a GRU resets", "recurrent::gru"),
    ("layer.py", "return parts[::-1] if own.directions[d] else parts", "return parts",
     "direction of a GRU or RNN", "recurrent::rnn"),
    ("binary.py", "y=mb.mul(x=mb.sign(x=x), y=mb.sign(x=y))", "y=mb.mul(x=mb.sign(x=x), y=mb.sign(x=x))",
     "integer division", "operators::integer_division"),
    ("activation.py", "if ctx.opset >= 13:", "if ctx.opset >= 1:", "softmax before opset 13", "operators::softmax"),
    ("activation.py", 'ctx.a("alpha", 0.2)', 'ctx.a("alpha", 1 / 6)',
     "default of HardSigmoid", "operators::activations"),
    ("slicing.py", "return head, (None if tail < 0 else tail)", "return head, tail",
     "end of a slice going down", "operators::slices"),
    ("padding.py", "zip(given[:axes], given[axes:], strict=True)", "zip(given[::2], given[1::2], strict=True)",
     "order of pads", "operators::convolutions"),
    ("padding.py", 'if auto == "SAME_UPPER"', 'if auto == "SAME_LOWER"',
     "SAME_UPPER and SAME_LOWER", "operators::convolutions"),
    ("conv.py", "(before, after - more)", "(before - more, after)",
     "side of output_padding", "operators::transposed_convolutions"),
    ("pool.py", "exclude_padding_from_average=not counted", "exclude_padding_from_average=counted",
     "count_include_pad", "operators::counted_pads"),
    ("indexing.py", "a=mb.add(x=index, y=length), b=index", "a=index, b=index",
     "negative index at run time", "operators::negative_indices"),
    ("norm.py", "gamma=gamma, beta=beta, epsilon=epsilon_of(ctx)", "gamma=gamma, beta=beta",
     "epsilon of batch normalisation", "operators::batch_normalisation"),
    ("matmul.py", "bias.ravel() * beta", "bias.ravel()", "beta of Gemm", "operators::gemm"),
    ("interpolation.py", '"round_prefer_floor": np.ceil(x - 0.5)', '"round_prefer_floor": np.floor(x + 0.5)',
     "ties of nearest", "operators::resize_in_every_mode"),
    ("interpolation.py", "place) - int(radius) + 1", "place) - int(radius) + 2",
     "taps of linear and cubic", "operators::resize_in_every_mode"),
    ("casting.py", "if covers(cond.shape, x.shape, y.shape):", "if True:",
     "a condition larger than its values", "operators::condition_larger"),
    ("values.py", "- zero.astype(np.float32)", "+ zero.astype(np.float32)", "zero point of a weight", "quantized::"),
    ("pool.py", "mb.greater(x=value, y=best)", "mb.greater_equal(x=value, y=best)",
     "which of equal maxima", "operators::indices_of_maxima"),
    ("control.py", "a=yes, b=no", "a=no, b=yes", "branch of an If at run time", "operators::condition_at_run_time"),
    ("resize.py", '"reflection" if aligned else "symmetric"', '"symmetric" if aligned else "reflection"',
     "reflection of GridSample", "operators::grid"),
    ("binary.py", "range(y.rank, x.rank - first)", "range(x.rank - first - y.rank)",
     "broadcast before opset 7", "operators::broadcasting_before"),
]  # fmt: skip


def run_of(root: Path, chosen: str) -> str:
    """The summary of the tests chosen by `file::word of a test`."""
    file, _, words = chosen.partition("::")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-k", words,
         f"tests/models/onnx_to_mil/test_{file}.py"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    return run.stdout


def test_planted_faults(tmp_path: Path) -> None:
    for name in ("edgebuild", "tests", "specs", "templates", "pyproject.toml"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    caught = 0
    for file, old, new, words, chosen in MUTANTS:
        place = tmp_path / FAMILY / file
        text = place.read_text(encoding="utf-8")
        if old not in text:
            print(f"{words}: no longer in {file}")
            continue
        place.write_text(text.replace(old, new), encoding="utf-8")
        said = run_of(tmp_path, chosen)
        place.write_text(text, encoding="utf-8")
        failed = next((line for line in said.splitlines() if line.startswith("FAILED")), "")
        caught += bool(failed)
        print(f"{words}: {failed.split('::')[-1][:80] or 'NOT CAUGHT'}", flush=True)
    print(f"{caught} of {len(MUTANTS)} caught")
    assert caught == len(MUTANTS)
