"""The evaluator against Keras: models that coremltools converted, by what Keras itself answers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgebuild.runtimes.coreml import session
from tests.runtimes.coreml.names import KERAS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every model, converted in one process."""
    found = tmp_path_factory.mktemp("keras")
    command = [sys.executable, "-m", "tests.runtimes.coreml.keras_models", str(found)]
    ran = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return found


@pytest.mark.parametrize("name", KERAS)
def test_says_what_keras_says(name: str, folder: Path) -> None:
    refused = folder / f"{name}.txt"
    assert not refused.exists(), refused.read_text(encoding="utf-8")
    known = np.load(folder / f"{name}.npz")
    loaded = session.open(str(folder / f"{name}.mlpackage"), {})
    (found,) = loaded.run({loaded.inputs[0]["name"]: known["x"]}).values()
    assert found.shape == known["y"].shape
    # Two orders of the same float32 sums, fifty convolutions deep in the longest.
    np.testing.assert_allclose(found, known["y"], atol=2e-5, rtol=1e-4)
