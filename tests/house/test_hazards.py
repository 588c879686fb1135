"""Every hazard has its tests, and every test that is named is there."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.house.hazards import ANSWERED, DOES_NOT_APPLY

ROOT = Path(__file__).resolve().parents[2]


@cache
def names(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("hazard", ANSWERED)
def test_a_hazard_is_answered_by_tests_that_are_there(hazard: str) -> None:
    assert ANSWERED[hazard]
    for test in ANSWERED[hazard]:
        file, _, name = test.partition("::")
        assert name in names(file), f"{test} is gone; what holds `{hazard}` now?"


def test_what_does_not_apply_says_why() -> None:
    assert all(len(why) > 20 for why in DOES_NOT_APPLY.values())
    assert not set(ANSWERED) & set(DOES_NOT_APPLY)
