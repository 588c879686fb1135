"""States held against a model: which input is fed from which output."""

from __future__ import annotations

import pytest

from edgebuild.core.dossier import Loop, Tensor
from edgebuild.errors import DataError
from edgebuild.models.inspect.facts import ModelFacts
from edgebuild.models.inspect.states import DropStates
from tests.conftest import Bench, wire


def tensor(name: str, *shape: int | str, dtype: str = "float32") -> Tensor:
    return Tensor(name=name, shape=shape, dtype=dtype)


FACTS = ModelFacts(
    format="onnx",
    inputs=(tensor("x", 1, 4), tensor("h", 2, 1, 8)),
    outputs=(
        tensor("y", 1, 3),
        tensor("h_out", 2, "n", 8),
        tensor("short", 2, 1, 4),
        tensor("k", 2, 1, 8, dtype="int64"),
    ),
    ops={},
    parameters=0,
)


def dropped(bench: Bench, loop: Loop) -> ModelFacts:
    file = bench.folder / "facts.json"
    file.write_text(FACTS.model_dump_json())
    bench.inputs["model"] = file
    return ModelFacts.model_validate_json(bench.run(DropStates(model=wire("model"), loop=loop)).read_bytes())


def test_states_are_neither_given_nor_judged(bench: Bench) -> None:
    facts = dropped(bench, Loop(steps=("x",), states={"h": "h_out"}))

    assert [item.name for item in facts.inputs] == ["x"]
    assert [item.name for item in facts.outputs] == ["y", "short", "k"]


@pytest.mark.parametrize(
    ("loop", "said"),
    [
        (Loop(steps=("frame",)), "model.inputs.frame: the model has no input `frame`"),
        (Loop(steps=("x",), states={"g": "h_out"}), "model.inputs.g: the model has no input `g`"),
        (Loop(steps=("x",), states={"h": "h_uot"}), "the model has no output `h_uot`; did you mean `h_out`?"),
        (Loop(steps=("x",), states={"h": "short"}), "`short` is float32 [2, 1, 4], and `h` takes float32 [2, 1, 8]."),
        (Loop(steps=("x",), states={"h": "k"}), "`k` is int64 [2, 1, 8], and `h` takes float32 [2, 1, 8]."),
    ],
)
def test_a_state_that_the_model_has_not_is_a_problem(bench: Bench, loop: Loop, said: str) -> None:
    with pytest.raises(DataError) as caught:
        dropped(bench, loop)
    assert said in str(caught.value)


def test_every_problem_is_told(bench: Bench) -> None:
    with pytest.raises(DataError) as caught:
        dropped(bench, Loop(steps=("frame",), states={"h": "gone", "x": "y"}))
    assert len(caught.value.problems) == 3
