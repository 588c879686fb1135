"""What a dossier says of a model that sees one step at a time."""

from __future__ import annotations

import pytest

from edgebuild.core.dossier import Loop
from edgebuild.decide.sequences import note_of, sequence_of, with_rtf

MODEL = {
    "inputs": [
        {"name": "x", "shape": ["batch", 4], "dtype": "float32"},
        {"name": "h", "shape": [2, "batch", "units"], "dtype": "float32"},
    ]
}


def test_a_state_has_a_size_for_every_axis() -> None:
    found = sequence_of(Loop(steps=("x",), states={"h": "h_out"}, shapes={"h": (2, "batch", 128)}), MODEL, 32.0)

    assert found is not None
    assert found.states[0].input.shape == (2, 1, 128)
    assert note_of(found) == (
        (
            "A sample is a sequence of `x`, one run for each step; between steps `h` from `h_out` is fed back. "
            "Latency and memory are of one step."
        ),
    )


def test_a_sample_that_is_one_run_has_no_sequence() -> None:
    assert sequence_of(None, MODEL, None) is None
    assert note_of(None) == ()


def test_the_real_time_factor_is_the_mean_latency_in_parts_of_a_step() -> None:
    row = {"latency.mean": {"value": 8.0, "low": 6.0, "high": 9.6}, "ratio": {"latency.mean": [0.5, 0.4, 0.6]}}
    found = with_rtf(row, 32.0)

    assert found is not None
    assert found["rtf"] == pytest.approx({"value": 0.25, "low": 0.1875, "high": 0.3})
    assert found["ratio"]["rtf"] == [0.5, 0.4, 0.6]
    assert with_rtf(row, None) == row
    assert with_rtf(None, 32.0) is None
