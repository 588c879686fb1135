"""Every test draws the same numbers, whatever ran before it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.models.onnx_to_mil.cases import RNG


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The generator at its start."""
    RNG.bit_generator.state = np.random.default_rng(7).bit_generator.state
