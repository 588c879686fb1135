"""What a plain scalar means."""

from __future__ import annotations

import math

import pytest

from edgebuild.documents import scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0), ("-7", -7), ("+7", 7), ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0), ("-1E-2", -0.01),
        ("", None), ("~", None), ("null", None), ("Null", None), ("true", True), ("False", False),
        ("8 ms", "8 ms"), ("1.0.0", "1.0.0"), ("onnxruntime", "onnxruntime"), ("2 MiB", "2 MiB"), ("+", "+"),
    ],
)  # fmt: skip
def test_it_means_what_yaml_1_2_says(text: str, value: object) -> None:
    found, doubt, _ = scalar(text)
    assert (found, type(found), doubt) == (value, type(value), "")


def test_infinity_and_no_number_are_numbers() -> None:
    assert scalar(".inf")[0] == math.inf
    assert scalar("-.INF")[0] == -math.inf
    assert math.isnan(scalar(".nan")[0])


def test_a_number_that_no_machine_holds_is_infinite() -> None:
    assert scalar("9" * 5000)[0] == math.inf


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("no", "Write `false`"), ("Yes", "Write `true`"), ("off", "Write `false`"), ("010", "Write 10,"),
        ("-007", "Write 7,"), ("1_000", "Write 1000."), ("1:30", "with its unit"), ("190:20:30", "with its unit"),
        ("2026-11-24", "in quotes"), ("2026-11-24 10:30:00", "in quotes"), ("0x1F", "decimal"), ("0b11", "decimal"),
    ],
)  # fmt: skip
def test_what_readers_disagree_on_is_a_doubt_and_stays_a_text(text: str, fix: str) -> None:
    value, doubt, said = scalar(text)
    assert value == text
    assert doubt
    assert fix in said
