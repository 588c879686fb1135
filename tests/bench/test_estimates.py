"""How far two networks of one board are apart in their time for a multiplication: the interval of estimates.

`EDGEBUILD_STUDIES=DIR pytest -m bench -s …`; DIR has `mlperf-tiny-results.psv`: round, submitter, board, network and
time of MLPerf Tiny, closed division.
"""

from __future__ import annotations

import os
from itertools import combinations
from math import exp, log
from pathlib import Path

import pytest

from edgebuild.compress.search.architecture.paper import SPREAD
from tests.bench.figures import show

pytestmark = pytest.mark.bench

MACS = {"ic": 12.50e6, "kws": 2.657e6, "vww": 7.490e6}
"""Counted from the networks' `.tflite` files."""


def test_spread_of_times_for_a_multiplication() -> None:
    place = Path(os.environ.get("EDGEBUILD_STUDIES", "/nowhere"), "mlperf-tiny-results.psv")
    if not place.is_file():
        pytest.skip("EDGEBUILD_STUDIES names no folder with mlperf-tiny-results.psv")
    sets: dict[tuple[str, ...], dict[str, float]] = {}
    for row in place.read_text(encoding="utf-8").splitlines():
        *place_, network, time = row.split("|")[:5]
        number = time.split()[0] if time.split() else ""
        if network in MACS and number.replace(".", "").isdigit():
            sets.setdefault(tuple(place_), {}).setdefault(network, float(number))
    unlike = {(board, tuple(sorted(times.items()))) for (_, _, board), times in sets.items()}
    apart = sorted(
        exp(abs(log(one / MACS[first] / (other / MACS[second]))))
        for _, times in unlike
        for (first, one), (second, other) in combinations(times, 2)
    )
    print()
    show("pairs of networks", str(len(apart)), f"on {len({board for board, _ in unlike})} boards")
    for part in (0.5, 0.9, 0.95):
        show(f"{part:.0%} differ by less than", f"{apart[int(part * (len(apart) - 1))]:.2f} x", f"{SPREAD} is used")
