"""Every test draws the same numbers, whatever ran before it."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import numpy as np
import pytest

from tests.models.onnx_to_mil.cases import RNG


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The generator at its start."""
    RNG.bit_generator.state = np.random.default_rng(7).bit_generator.state


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    """Nothing but what a test makes is looked at for garbage.

    coremltools collects garbage in every conversion, which takes half of it where whole libraries are loaded.
    """
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True, scope="module")
def swept() -> Iterator[None]:
    """What the tests left, which was frozen for each next one."""
    yield
    gc.collect()
