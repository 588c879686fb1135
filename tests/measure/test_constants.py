"""Samples with the inputs that a spec holds constant are samples still."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgebuild.core.dossier import Tensor
from edgebuild.data.samples import SampleSet
from edgebuild.measure.constants import add_constants
from edgebuild.models.inspect.facts import ModelFacts


def test_labels_and_the_index_stay_beside_the_constant_inputs(tmp_path: Path) -> None:
    given = SampleSet(
        inputs={"x": np.ones((3, 2), np.float32)}, ids=("a", "b", "c"), labels={"label": np.array([0, 1, 0])},
        tags={"day": (1, 2, 3)},
    )  # fmt: skip
    given.save(tmp_path / "samples")
    shapes = {"x": ("batch", 2), "rate": (1, 2)}
    inputs = tuple(Tensor(name=name, shape=shape, dtype="float32") for name, shape in shapes.items())
    facts = ModelFacts(format="keras", inputs=inputs, outputs=(), ops={}, parameters=0)
    (tmp_path / "model.json").write_text(facts.model_dump_json())
    add_constants(tmp_path / "samples", tmp_path / "model.json", tmp_path / "out", {"rate": 0.5})
    after = SampleSet.load(tmp_path / "out")
    np.testing.assert_array_equal(after.inputs["rate"], np.full((3, 2), 0.5, np.float32))
    assert (after.ids, after.tags) == (given.ids, given.tags)
    np.testing.assert_array_equal(after.labels["label"], given.labels["label"])
