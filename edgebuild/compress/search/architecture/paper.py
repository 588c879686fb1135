"""How well multiplications estimate time, where a target is not at hand."""

from __future__ import annotations

SPREAD = 1.92
"""Two networks of one board differ in their time for a multiplication by less, in 90 % of pairs.

Of 161 pairs among image classification, keyword spotting and visual wake words, in INT8, on 55 boards: MLPerf Tiny,
closed division, rounds v1.0 to v1.3, rows that differ; multiplications counted from the `.tflite` files of its
repository. Half of the pairs differ by less than 1.37, 95 % by less than 2.87. `tests/bench/test_estimates.py` computes
it. Accelerators may be farther apart: on one phone's the rates of two networks differed by 11.
"""
