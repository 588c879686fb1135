"""Which operators wait for memory."""

from __future__ import annotations

import pytest

from edgebuild.runtimes.roofline import bound_words, memory_bound, multiplications

CASES = [
    ("Conv", [[[1, 16, 32, 32], [32, 16, 3, 3], [32]], [[1, 32, 16, 16]]], 32 * 16 * 16 * 16 * 9),
    # Scales and zero points stand between the values and the weights.
    ("QLinearConv", [[[1, 8, 4, 4], [], [], [8, 1, 3, 3], [8], [8], [], [], [8]], [[1, 8, 4, 4]]], 8 * 16 * 9),
    ("CONV_2D", [[[1, 25, 5, 64], [64, 1, 1, 64], [64]], [[1, 25, 5, 64]]], 25 * 5 * 64 * 64),
    ("DEPTHWISE_CONV_2D", [[[1, 25, 5, 64], [1, 3, 3, 64], [64]], [[1, 25, 5, 64]]], 25 * 5 * 64 * 9),
    ("Gemm", [[[1, 640], [640, 128], [128]], [[1, 128]]], 640 * 128),
    ("MatMul", [[[2, 4, 10, 16], [2, 4, 16, 10]], [[2, 4, 10, 10]]], 2 * 4 * 100 * 16),
    ("LSTM", [[[1, 4, 8]], [[1, 4, 8]]], None),
    ("ConvTranspose", [[[1, 8, 4, 4], [8, 4, 2, 2]], [[1, 4, 8, 8]]], None),
]


@pytest.mark.parametrize(("kind", "shapes", "wanted"), CASES, ids=[case[0] for case in CASES])
def test_multiplications_follow_from_shapes(kind: str, shapes: list[list[list[int]]], wanted: int | None) -> None:
    assert multiplications(kind, shapes) == wanted


def test_depthwise_and_single_rows_are_bound_by_memory() -> None:
    trace = {
        "ops": [[str(row), kind, "", 1.0] for row, (kind, _, _) in enumerate(CASES)] + [["relu", "Relu", "", 1.0]],
        "shapes": {str(row): shapes for row, (_, shapes, _) in enumerate(CASES)},
    }
    heavy = frozenset(kind for kind, _, _ in CASES)
    found = memory_bound(trace, heavy)
    assert found == {"DEPTHWISE_CONV_2D": 1, "Gemm": 1, "MatMul": 1, "QLinearConv": 1}
    assert bound_words(found).startswith("4 of them (1 DEPTHWISE_CONV_2D, 1 Gemm, 1 MatMul, 1 QLinearConv) do fewer")
    assert bound_words({}) == ""
