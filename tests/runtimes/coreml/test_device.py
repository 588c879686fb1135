"""Apple's runtime cannot run here: what the session asks of it, held against coremltools' own classes."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from coremltools.models.model import MLState
from PIL import Image

from edgebuild.runtimes.coreml.device import DEVICES, UNITS, operations, picture, plain, row
from edgebuild.runtimes.coreml.library import MLComputePlan, ct
from edgebuild.runtimes.coreml.ports import ARRAYS, COLOURS

CALLS = {
    ct.models.MLModel.__init__: {"compute_units": "keyword", "model": "first"},
    ct.models.MLModel.predict: {"data": "first", "state": "keyword"},
    ct.models.MLModel.make_state: {},
    MLState.write_state: {"name": "first", "value": "first"},
    ct.models.MLModel.get_compiled_model_path: {},
    MLComputePlan.load_from_path: {"path": "keyword", "compute_units": "keyword"},
    MLComputePlan.get_compute_device_usage_for_mlprogram_operation: {"operation": "first"},
    MLComputePlan.get_estimated_cost_for_mlprogram_operation: {"operation": "first"},
}
"""What `device.py` calls, and how it gives each argument."""


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__qualname__)
def test_coremltools_still_takes_these_arguments(call: object) -> None:
    has = {name: p for name, p in inspect.signature(call).parameters.items() if name not in ("self", "cls")}  # type: ignore[arg-type]
    assert CALLS[call].keys() <= has.keys()  # type: ignore[index]
    firsts = [name for name, how in CALLS[call].items() if how == "first"]  # type: ignore[index]
    assert firsts == list(has)[: len(firsts)]
    needed = {name for name, p in has.items() if p.default is p.empty}
    assert needed <= CALLS[call].keys()  # type: ignore[index]


def test_a_plan_tells_its_structure() -> None:
    assert isinstance(MLComputePlan.model_structure, property)


def test_units_and_devices_are_all_there_are() -> None:
    from coremltools.models import compute_device

    assert {unit.name.lower() for unit in ct.ComputeUnit} == UNITS.keys()
    kinds = {name for name in vars(compute_device) if name.endswith("ComputeDevice") and not name.startswith("_")}
    assert kinds - {"MLComputeDevice"} == DEVICES.keys()


def test_types_and_colours_are_those_of_the_format() -> None:
    from coremltools.proto import FeatureTypes_pb2 as features

    arrays = dict(features.ArrayFeatureType.ArrayDataType.items())
    named = {value: name.lower().replace("double", "float64") for name, value in arrays.items() if value}
    assert named == ARRAYS
    colours = dict(features.ImageFeatureType.ColorSpace.items())
    assert {value: name for name, value in colours.items() if value} == COLOURS


def test_operators_of_inner_blocks_are_listed() -> None:
    from coremltools.models import compute_plan as plans

    def op(name: str, *blocks: plans.MLModelStructureProgramBlock) -> plans.MLModelStructureProgramOperation:
        value = plans.MLModelStructureProgramNamedValueType(name, plans.MLModelStructureProgramValueType())
        return plans.MLModelStructureProgramOperation({}, f"ios17.{name}", [value], list(blocks), None)

    inner = plans.MLModelStructureProgramBlock([], [op("mul")], ["mul"])
    block = plans.MLModelStructureProgramBlock([], [op("relu"), op("cond", inner)], ["cond"])
    program = plans.MLModelStructureProgram({"main": plans.MLModelStructureProgramFunction([], block)})
    found = list(operations(program))
    assert [item.operator_name for item in found] == ["ios17.relu", "ios17.cond", "ios17.mul"]
    device = object.__new__(ct.models.compute_device.MLNeuralEngineComputeDevice)
    usage = plans.MLComputePlanDeviceUsage(device, [device])
    assert row(found[0], usage, plans.MLComputePlanCost(0.25), 800.0) == ["relu", "relu", "Neural Engine", 200.0]
    assert row(found[0], usage, None, 800.0)[3] == 0.0


@pytest.mark.parametrize(
    ("colours", "mode"), [("RGB", "RGB"), ("BGR", "RGB"), ("GRAYSCALE", "L"), ("GRAYSCALE_FLOAT16", "F")]
)
def test_images_are_offered_as_core_ml_takes_them(colours: str, mode: str) -> None:
    planes = np.random.default_rng(2).integers(0, 256, (1, 3 if mode == "RGB" else 1, 4, 5)).astype(np.float32)
    offered = picture(planes, colours)
    assert isinstance(offered, Image.Image)
    assert (offered.mode, offered.size) == (mode, (5, 4))
    wanted = planes[:, ::-1] if colours == "BGR" else planes
    np.testing.assert_array_equal(plain(offered), wanted)


def test_arrays_are_offered_as_they_are() -> None:
    array = np.zeros(3, np.float32)
    assert picture(array, "") is array
    assert plain(array) is array
