"""Intervals: figures by hand and from the literature, and coverage by simulation."""

from __future__ import annotations

import math
import subprocess
import sys
from functools import cache

import numpy as np
import pytest

from edgebuild.metrics import intervals


def test_no_discordant_sample_among_40_is_a_bound_of_seven_and_a_half() -> None:
    bound = intervals.paired_upper(0, 0, 40)

    assert (bound.low, bound.level) == (None, 0.95)
    # -ln(0.05) / 40
    assert bound.high == pytest.approx(7.489, abs=1e-3)
    assert round(bound.high, 1) == 7.5
    two_sided = intervals.paired_drop(0, 0, 40)
    # -ln(0.025) / 40 on each side; never [0, 0].
    assert (two_sided.low, two_sided.high) == (pytest.approx(-9.222, abs=1e-3), pytest.approx(9.222, abs=1e-3))


def test_a_share_has_wilsons_interval() -> None:
    # Newcombe 1998, Stat. Med. 17:857: 81 of 263 is 0.2553 to 0.3662; 0 of 20 is 0 to 0.1611.
    found = intervals.proportion(81, 263)
    assert (found.low, found.high) == (pytest.approx(25.53, abs=0.01), pytest.approx(36.62, abs=0.01))
    none = intervals.proportion(0, 20)
    assert (none.low, none.high) == (0, pytest.approx(16.11, abs=0.01))
    assert intervals.proportion(20, 20).high == 100


@pytest.mark.parametrize(("lost", "gained", "total"), [(12, 2, 44), (40, 20, 160), (5, 4, 932), (3, 7, 50)])
def test_paired_differences_have_tangos_interval(lost: int, gained: int, total: int) -> None:
    """At each bound the score statistic, with the nuisance maximised numerically, is the normal quantile."""
    from scipy.optimize import minimize_scalar

    found = intervals.paired_drop(lost, gained, total)
    for bound, sign in ((found.low, 1), (found.high, -1)):
        drop = bound / 100

        def unlikely(share: float, drop: float = drop) -> float:
            rest = 1 - 2 * share - drop
            counts = ((lost, share + drop), (gained, share), (total - lost - gained, rest))
            return -sum(count * math.log(max(chance, 1e-300)) for count, chance in counts)

        limits = (max(0.0, -drop) + 1e-12, (1 - drop) / 2 - 1e-12)
        share = minimize_scalar(unlikely, bounds=limits, method="bounded", options={"xatol": 1e-12}).x
        statistic = (lost - gained - total * drop) / math.sqrt(total * (2 * share + drop - drop * drop))
        # The optimiser finds the flat maximum to about 1e-6.
        assert statistic == pytest.approx(sign * 1.959964, abs=1e-3)


def test_the_interval_turns_with_its_sides() -> None:
    one, two = intervals.paired_drop(9, 4, 500), intervals.paired_drop(4, 9, 500)

    assert (one.low, one.high) == (pytest.approx(-two.high), pytest.approx(-two.low))


def test_bounds_stand_above_the_value_and_shrink_with_samples() -> None:
    for lost, gained, total in ((0, 0, 1), (1, 0, 1), (0, 1, 1), (5, 5, 10), (40, 0, 40), (0, 40, 40), (3, 0, 3000)):
        value = 100 * (lost - gained) / total
        upper, both = intervals.paired_upper(lost, gained, total), intervals.paired_drop(lost, gained, total)
        assert value - 1e-6 <= upper.high <= both.high + 1e-9 <= 100 + 1e-9
        assert -100 - 1e-9 <= both.low <= value + 1e-6
    highs = [intervals.paired_upper(0, 0, total).high for total in (10, 100, 1000)]
    assert highs == sorted(highs, reverse=True)


@cache
def bound(lost: int, gained: int, total: int) -> float:
    return float(intervals.paired_upper(lost, gained, total).high or 0)


@pytest.mark.parametrize("total", [20, 100, 1000])
@pytest.mark.parametrize(("lost", "gained"), [(0.01, 0.01), (0.02, 0.01), (0.02, 0.0), (0.065, 0.0), (0.1, 0.05)])
def test_the_bound_covers_the_truth_nineteen_times_in_twenty(total: int, lost: float, gained: float) -> None:
    tables = np.random.default_rng(0).multinomial(total, [lost, gained, 1 - lost - gained], size=3000)

    covered = np.mean([bound(int(a), int(b), total) >= 100 * (lost - gained) - 1e-9 for a, b, _ in tables])

    # Three standard errors of 3,000 simulations below 0.95, and Tango's own dips of half a percent.
    assert covered >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 3000) - 0.005


def test_a_shares_interval_covers_too() -> None:
    # Wilson's mean coverage is nominal; single shares dip to 0.93 (Brown, Cai and DasGupta 2001).
    hits = np.random.default_rng(0).binomial(100, 0.9, 3000)
    spans = {count: intervals.proportion(int(count), 100) for count in np.unique(hits)}
    assert np.mean([spans[count].low <= 90 <= spans[count].high for count in hits]) >= 0.925


def test_half_a_point_takes_two_to_six_thousand_samples() -> None:
    low, high = intervals.samples_needed(0.5)

    assert low == pytest.approx(2300, rel=0.01)
    assert high == pytest.approx(6400, rel=0.01)


def test_that_many_samples_do_show_it_four_times_in_five() -> None:
    low, high = intervals.samples_needed(0.5)
    rng = np.random.default_rng(0)
    for total, share in zip((low, high), intervals.TYPICAL_DISCORDANT, strict=True):
        tables = rng.multinomial(total, [share / 2, share / 2, 1 - share], size=1500)
        shown = np.mean([bound(int(a), int(b), total) < 0.5 for a, b, _ in tables])
        # Promised 0.8 by a normal approximation; the standard error here is 0.01.
        assert shown == pytest.approx(0.8, abs=0.05)


def test_a_wider_bound_takes_fewer_and_a_real_drop_more() -> None:
    assert intervals.samples_needed(1.5) < intervals.samples_needed(0.5) < intervals.samples_needed(0.5, drop_pp=0.2)
    # Never fewer than show the bound when nothing changes at all.
    assert intervals.samples_needed(7.5)[0] == 40
    with pytest.raises(ValueError, match=r"no number of samples shows a drop of 0\.5 pp"):
        intervals.samples_needed(0.5, drop_pp=0.5)


def test_planning_loads_no_numpy() -> None:
    code = "import sys, edgebuild.metrics.intervals as i; i.paired_drop(*i.samples_needed(0.5), 9999);"
    code += "print('numpy' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"
