"""The engine's own cost, printed; ratios are held by the benchmarks, not here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.overhead import overhead


def test_overhead_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = overhead(tmp_path, steps=10)
    with capsys.disabled():
        print("\nengine, ms per step: " + ", ".join(f"{name} {value:.2f}" for name, value in figures.items()))
    assert len(figures) == 6
