"""Two saves of one Core ML model are one package, and it is still that model."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from edgebuild.models.tidy.coreml_package import DATE, canonical_mlpackage, renamed
from tests.models.saves import COREML, saved_twice, tree


@pytest.mark.slow
def test_two_saves_of_a_model_are_equal_and_the_model_they_were(tmp_path: Path) -> None:
    ct = pytest.importorskip("coremltools")
    one, two = saved_twice(COREML, tmp_path, "model.mlpackage")
    assert tree(one) != tree(two), "nothing to repair: is this still what coremltools does?"
    before, files = ct.models.MLModel(str(one), skip_model_load=True).get_spec(), tree(one)
    canonical_mlpackage(one)
    canonical_mlpackage(two)
    assert tree(one) == tree(two)
    after = ct.models.MLModel(str(one), skip_model_load=True)
    assert before.description.metadata.userDefined.pop(DATE), "the day of conversion was there, and is what goes"
    assert after.get_spec() == before
    weights = [name for name in files if name.endswith("weight.bin")]
    assert weights
    assert all(tree(one)[name] == files[name] for name in weights)
    assert operators(after) == ["conv", "relu", "reduce_mean", "linear", "softmax"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "darwin", reason="Core ML runs on Apple systems")
def test_a_rewritten_model_predicts_as_before(tmp_path: Path) -> None:
    ct, np = pytest.importorskip("coremltools"), pytest.importorskip("numpy")
    one, two = saved_twice(COREML, tmp_path, "model.mlpackage")
    canonical_mlpackage(two)
    image = {"image": np.random.default_rng(0).normal(size=(1, 3, 8, 8)).astype(np.float32)}
    before, after = (ct.models.MLModel(str(path)).predict(image) for path in (one, two))
    assert all(np.array_equal(after[name], before[name]) for name in before)


def operators(model: Any) -> list[str]:
    """The program as coremltools reads it again, weights included, without its constants and casts."""
    from coremltools.converters.mil.frontend.milproto.load import load

    spec = model.get_spec()
    program = load(spec, spec.specificationVersion, model.weights_dir)
    names = [operation.op_type for operation in program.functions["main"].operations]
    return [name for name in names if name not in ("const", "cast")]


def manifest(first: str, second: str) -> dict[str, Any]:
    items = {
        first: {"author": "com.apple.CoreML", "name": "model.mlmodel", "path": "com.apple.CoreML/model.mlmodel"},
        second: {"author": "com.apple.CoreML", "name": "weights", "path": "com.apple.CoreML/weights"},
    }
    return {"fileFormatVersion": "1.0.0", "itemInfoEntries": items, "rootModelIdentifier": first}


def test_items_are_called_by_their_paths_and_the_root_with_them() -> None:
    one, two = renamed(manifest("B0A8", "17C2")), renamed(manifest("0001", "0002"))
    assert json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)
    assert one["itemInfoEntries"][one["rootModelIdentifier"]]["name"] == "model.mlmodel"
    assert renamed(one) == one


def test_two_items_with_one_path_are_no_package() -> None:
    broken = manifest("B0A8", "17C2")
    broken["itemInfoEntries"]["17C2"]["path"] = "com.apple.CoreML/model.mlmodel"
    with pytest.raises(AssertionError, match="one path"):
        renamed(broken)
