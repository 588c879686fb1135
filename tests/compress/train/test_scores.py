"""Which seed's model goes on."""

from __future__ import annotations

import pytest

from edgebuild.compress.train.scores import chosen
from edgebuild.compress.train.settings import Keep


@pytest.mark.parametrize(
    ("scores", "keep", "better", "number"),
    [
        ([90.0, 92.0, 91.0], "median", "higher", 2),
        ([90.0, 92.0, 91.0], "best", "higher", 1),
        ([90.0, 92.0, 91.0], "best", "lower", 0),
        ([90.0, 92.0, 91.0], "first", "higher", 0),
        # Of four the worse of the two in the middle.
        ([90.0, 93.0, 91.0, 92.0], "median", "higher", 2),
        ([90.0, 93.0, 91.0, 92.0], "median", "lower", 3),
        # Of equals the earlier one.
        ([90.0, 90.0, 90.0], "best", "higher", 0),
        ([None, 80.0, None], "median", "higher", 1),
        ([None, None], "best", "higher", 0),
    ],
)
def test_which_goes_on(scores: list[float | None], keep: Keep, better: str, number: int) -> None:
    assert chosen(scores, keep, better) == number
