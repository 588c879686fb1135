"""The evaluator against torch: modules that coremltools converted, by what torch itself answers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgebuild.runtimes.coreml import session
from tests.runtimes.coreml.names import TORCH

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every model, converted in one process."""
    found = tmp_path_factory.mktemp("torch")
    command = [sys.executable, "-m", "tests.runtimes.coreml.torch_models", str(found)]
    ran = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return found


@pytest.mark.parametrize("name", TORCH)
def test_says_what_torch_says(name: str, folder: Path) -> None:
    refused = folder / f"{name}.txt"
    assert not refused.exists(), refused.read_text(encoding="utf-8")
    known = np.load(folder / f"{name}.npz")
    loaded = session.open(str(folder / f"{name}.mlpackage"), {})
    found = loaded.run({item["name"]: known[item["name"]] for item in loaded.inputs})
    for key in (key for key in known if key.startswith("out")):
        assert found[key].shape == known[key].shape
        # Two orders of the same float32 sums of at most a few hundred terms.
        np.testing.assert_allclose(found[key], known[key], atol=1e-5, rtol=1e-5)
