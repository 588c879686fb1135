"""What one core of this machine multiplies and moves: the ridge below which an operator waits for memory."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from edgebuild.runtimes.roofline import RIDGE

pytestmark = pytest.mark.bench

CODE = """
import time
import numpy as np

def fastest(work, repeats):
    taken = []
    for _ in range(20):
        began = time.perf_counter()
        for _ in range(repeats):
            work()
        taken.append((time.perf_counter() - began) / repeats)
    return min(taken)

one = np.random.rand(512, 512).astype("float32")
other, made = one.copy(), one.copy()
rate = 512**3 / fastest(lambda: np.matmul(one, other, out=made), 2)
print(f"float32 products: {rate / 1e9:.0f}e9 a second")
for kilobytes in (64, 256, 1024, 8192, 65536):
    values = np.random.rand(kilobytes * 256).astype("float32")
    target = values.copy()
    moved = 2 * len(values) / fastest(lambda: np.add(values, 1, out=target), max(1, 10**7 // len(values)))
    print(f"{kilobytes:6} kB: {moved / 1e9:.1f}e9 values a second, ridge {rate / moved:.1f} products a value")
"""


def test_ridge_of_this_machine() -> None:
    alone = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", CODE], env=alone, capture_output=True, text=True, check=True)
    print(f"\n{done.stdout}{RIDGE:g} is used")
