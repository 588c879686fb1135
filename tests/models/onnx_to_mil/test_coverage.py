"""The committed table is the one that the handlers give."""

from __future__ import annotations

import os
from pathlib import Path

from edgebuild.models.convert.onnx_to_mil import coverage
from edgebuild.models.convert.onnx_to_mil.tables import GROUPS, HANDLERS

COMMITTED = Path(coverage.__file__).with_name("COVERAGE.md")


def test_the_table_is_fresh() -> None:
    text = coverage.as_markdown(coverage.coverage())
    if os.environ.get("UPDATE"):
        COMMITTED.write_text(text, encoding="utf-8")
    assert COMMITTED.read_text(encoding="utf-8") == text


def test_every_limit_is_of_an_operator_and_no_operator_stands_twice() -> None:
    assert set(coverage.LIMITS) <= set(HANDLERS)
    assert sum(len(handlers) for handlers in GROUPS.values()) == len(HANDLERS)
    assert "conv" in next(row for row in coverage.coverage() if row.operator == "Conv").written
