"""The loader's contract: every violation, with the sample, the rule and the fix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgebuild.data.contract import MOST, gather
from edgebuild.errors import DataError

X = np.zeros((2, 3), np.float32)


def sample(**more: Any) -> dict[str, Any]:
    return {"inputs": {"x": X}, **more}


def told(samples: list[Any]) -> list[str]:
    with pytest.raises(DataError) as caught:
        gather(samples, "data.py:samples")
    return [problem.render() for problem in caught.value.problems]


def test_a_good_loader_becomes_a_sample_set() -> None:
    def samples() -> Any:
        for row in range(4):
            yield {
                "inputs": {"a": np.full((2,), row, np.uint8), "b": np.float32(row)},
                "label": {"steer": row / 2, "class": row % 2},
                "id": np.str_(f"s{row}"),
                "group": row // 2,
                "tags": {"light": "day", "speed": np.float64(row)} if row else {},
            }

    found = gather(samples(), "x")

    assert (found.inputs["a"].shape, found.inputs["a"].dtype, found.inputs["b"].shape) == ((4, 2), np.uint8, (4,))
    assert (found.ids, found.groups) == (("s0", "s1", "s2", "s3"), ("0", "0", "1", "1"))
    assert found.tags == {"light": (None, "day", "day", "day"), "speed": (None, 1.0, 2.0, 3.0)}
    np.testing.assert_array_equal(found.labels["steer"], [0, 0.5, 1, 1.5])
    np.testing.assert_array_equal(found.labels["class"], [0, 1, 0, 1])


def test_an_id_that_is_left_out_is_made_from_the_content() -> None:
    one, two = (gather([{"inputs": X + row} for row in rows], "x") for rows in ([0, 1, 2], [2, 0]))

    assert (two.ids[0], two.ids[1]) == (one.ids[2], one.ids[0])
    assert list(one.inputs) == ["inputs"]


CASES: dict[str, tuple[Callable[[], list[Any]], str]] = {
    "no mapping": (
        lambda: [3],
        'sample 0: is an int, not a mapping.\n  fix: Yield `{"inputs": {name: array}, "label": …}`.',
    ),
    "misspelt key": (
        lambda: [sample(lable=1)],
        "sample 0: unknown key `lable`; did you mean `label`?\n  fix: Known keys: inputs, label, id, group, tags.",
    ),
    "no inputs": (
        lambda: [{"label": 1}],
        'sample 0: has no `inputs`.\n  fix: Yield `"inputs": {name: array}`, a name for each input of the model.',
    ),
    "empty inputs": (
        lambda: [{"inputs": {}}],
        "sample 0: `inputs` is empty.\n  fix: Give an array for each input of the model.",
    ),
    "text for an array": (
        lambda: [{"inputs": {"x": "a.png"}}],
        "sample 0: input `x` is no array of numbers, but a str.\n  fix: Give a numpy array.",
    ),
    "ragged array": (
        lambda: [{"inputs": {"x": [[1], [2, 3]]}}],
        "sample 0: input `x` is no array of numbers, but a list.\n  fix: Give a numpy array.",
    ),
    "other inputs": (
        lambda: [sample(), {"inputs": {"y": X}}],
        "sample 1: has the inputs `y`, the first sample has `x`.\n  fix: Give every sample the same inputs.",
    ),
    "other shape": (
        lambda: [sample(), {"inputs": {"x": X[:1]}}],
        (
            "sample 1: input `x` has shape (1, 3), the first sample's is (2, 3).\n"
            "  fix: Bring all samples to one shape (crop, pad or resize)."
        ),
    ),
    "other type": (
        lambda: [sample(), {"inputs": {"x": X.astype(np.float64)}}],
        (
            "sample 1: input `x` is float64, the first sample's is float32.\n"
            "  fix: Give every sample one type: `.astype(np.float32)`."
        ),
    ),
    "label kinds": (
        lambda: [sample(label=1), {"inputs": {"x": X + 1}, "label": "cat"}],
        (
            "sample 1: label 'cat' is a text, the first sample's is a whole number.\n"
            "  fix: Give every sample a label of one type; classes are whole numbers from 0."
        ),
    ),
    "label missing": (
        lambda: [sample(label=1), {"inputs": {"x": X + 1}}],
        "sample 1: has none, while the first sample has a label.\n  fix: Label every sample alike, or none.",
    ),
    "label keys": (
        lambda: [sample(label={"a": 1}), {"inputs": {"x": X + 1}, "label": {"b": 1}}],
        (
            "sample 1: its label is a mapping of `b`, the first sample's is a mapping of `a`.\n"
            "  fix: Label every sample alike, or none."
        ),
    ),
    "group missing": (
        lambda: [sample(group="g"), {"inputs": {"x": X + 1}}],
        "sample 1: has none, while the first sample has a group.\n  fix: Give every sample a group, or none.",
    ),
    "id kind": (
        lambda: [sample(id=1.5)],
        'sample 0: `id` is a float, not a text.\n  fix: Give a text: `"id": str(…)`.',
    ),
    "tags kind": (
        lambda: [sample(tags=["night"])],
        'sample 0: `tags` is a list, not a mapping.\n  fix: Give `"tags": {"light": "night"}`.',
    ),
    "tag kind": (
        lambda: [sample(tags={"light": ["night"]})],
        "sample 0: tag `light` is a list, not a scalar.\n  fix: Give a text, a number, true or false.",
    ),
    "same id": (
        lambda: [sample(id="a"), {"inputs": {"x": X + 1}, "id": "a"}],
        "sample 1: has the id `a` of sample 0.\n  fix: Give every sample an id of its own.",
    ),
    "same content": (
        lambda: [sample(), sample()],
        (
            "sample 1: has the same content as sample 0, and no id.\n"
            "  fix: Drop one of them, or give each an `id` of its own and both the same `group`."
        ),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_violation_names_sample_rule_and_fix(name: str) -> None:
    samples, text = CASES[name]

    assert told(samples()) == [f"data.py:samples: {text}"]


def test_a_loader_without_samples_is_told() -> None:
    assert told([]) == [
        "data.py:samples: gave no sample at all.\n  fix: Check the path it reads; paths start in the spec's folder."
    ]


def test_all_violations_are_told_at_once_and_many_are_counted() -> None:
    problems = told([sample(lable=1, id=1.5), 3])
    assert len(problems) == 3

    many = told([3] * (MOST + 5))
    assert len(many) == MOST + 1
    assert many[-1] == "data.py:samples: … and 5 more violations like these."
