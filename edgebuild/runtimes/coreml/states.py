"""States that Core ML keeps itself from one run to the next (`MLState`), instead of inputs and outputs.

A package is given them last: what is calibrated, searched and compressed before takes its states as inputs, for it is
looked at by single runs.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar

from edgebuild.compress.base import Draft
from edgebuild.core.graph import Lowering
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused
from edgebuild.models.convert.onnx_to_coreml import NAMES
from edgebuild.models.hidden import hidden
from edgebuild.models.tidy.coreml_package import MANIFEST, canonical_mlpackage
from edgebuild.runtimes.coreml.moving import drop, every_name, half_source, move_inside

SINCE = 18
"""First iOS whose Core ML keeps states."""
HALF, SINGLE = 65552, 65568
"""float16 and float32 of arrays in a description (`ArrayFeatureType.ArrayDataType`)."""


def with_states(to: Lowering, draft: Draft, asked: str | None, release: int, *, half: bool) -> Draft:
    """The package with its states inside where the target has that, and how they are kept in its words.

    Args:
        to: the target's.
        draft: a package.
        asked: `native`, `explicit`, or None for what is possible.
        release: the oldest iOS that loads it.
        half: the package computes in float16.

    Raises:
        Refused: kind "not applicable": a state does not begin with zeros, and `native` is asked for.
    """
    states, initial = to.surroundings.get("states", {}), to.surroundings.get("initial", {})
    other = [name for name in states if initial.get(name)]
    if other and asked == "native":
        raise declined(other[0], f"begins with {initial[other[0]]:g}")
    inside = {name: output for name, output in states.items() if name not in other}
    if not states:
        return draft
    if asked == "explicit" or release < SINCE or not inside or not (half or asked):
        why = "" if asked else outside(release, bool(inside))
        return draft.model_copy(update={"words": (*draft.words, f"states as inputs and outputs{why}")})
    model = to.add(KeepStates(model=draft.model, states=inside, every=asked == "native"), "put the states inside")
    return draft.then(model, "float16 states kept by Core ML itself (`MLState`)")


def outside(release: int, zeros: bool) -> str:
    """Why states are left outside where nobody asked for it."""
    if release < SINCE:
        return f" (Core ML keeps them itself from iOS {SINCE} on)"
    return " (Core ML's own are float16)" if zeros else " (Core ML's own begin with zeros)"


class KeepStates(Step):
    """The same package with its states inside: a state is read first, written last, and is neither input nor output.

    Core ML keeps float16 of fixed shape that begins with zeros (`ct.StateType`; coremltools 9.0 declines all else). A
    state of whole numbers or of an open shape stays an input and an output; so does one that is computed in float32,
    which would be rounded from step to step, unless `every` asks for that. All else answers the same, bit for bit.
    """

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("coremltools",)
    filename: ClassVar[str] = "model.mlpackage"
    portable: ClassVar[bool] = False

    model: Artifact
    """An `.mlpackage` for iOS 18 or later."""
    states: dict[str, str]
    """Input to the output that it is fed from, by ONNX's names."""
    every: bool = False
    """Round a state that is computed in float32, and decline one that cannot be kept, instead of leaving it outside."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: a state cannot be kept, and `every` is to be."""
        keep_states(work.path(self.model), work.output, self.states, every=self.every)


def keep_states(model: Path, output: Path, states: Mapping[str, str], *, every: bool = False) -> None:
    """Write `output`, an `.mlpackage` whose bytes follow from the arguments alone.

    Raises:
        Refused: a state cannot be kept, and `every` is to be.
    """
    with hidden("torch", "tensorflow"):
        from coremltools.proto import Model_pb2

    file = program_file(model)
    spec = Model_pb2.Model()
    spec.ParseFromString(file.read_bytes())
    named = json.loads(spec.description.metadata.userDefined.get(NAMES, "{}"))
    kept = keepable(spec, named, states, every=every)
    function = spec.mlProgram.functions["main"]
    block = function.block_specializations[function.opset]
    taken = set(every_name(function, block))
    for inner, given in kept.items():
        move_inside(function, block, inner, given, taken)
    # An output may feed a state that stays an input too.
    outer = [output for name, output in states.items() if called(named, "inputs", name) not in kept]
    dropped = set(kept.values()) - {called(named, "outputs", output) for output in outer}
    drop(block, dropped)
    describe(spec, named, kept, dropped)
    shutil.copytree(model, output, copy_function=shutil.copyfile)
    for folder in (output, *(path for path in output.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    (output / file.relative_to(model)).write_bytes(spec.SerializeToString())
    canonical_mlpackage(output)


def program_file(model: Path) -> Path:
    """Where a package has its program."""
    manifest = json.loads((model / MANIFEST).read_text(encoding="utf-8"))
    return model / "Data" / str(manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]["path"])


def keepable(spec: Any, named: dict[str, Any], states: Mapping[str, str], *, every: bool) -> dict[str, str]:
    """Core ML's name of each state's input to that of its output, of states that Core ML can keep.

    Raises:
        Refused: one cannot be kept, and `every` is to be.
    """
    function = spec.mlProgram.functions["main"]
    operations = list(function.block_specializations[function.opset].operations)
    features = {feature.name: feature.type for feature in spec.description.input}
    found: dict[str, str] = {}
    for name, output in states.items():
        inner, given = called(named, "inputs", name), called(named, "outputs", output)
        lacking = unkept(features[inner])
        if not lacking and (every or half_source(operations, given)):
            found[inner] = given
        elif lacking and every:
            raise declined(name, lacking)
    return found


def declined(name: str, lacking: str) -> Refused:
    """A state that `states: native` asks for in vain."""
    return Refused(
        by="coreml",
        why=f"`states: native` needs states of real numbers and fixed shape that begin with zeros; `{name}` {lacking}.",
        fix="Leave `states` out of the target: such a state stays an input and an output.",
        kind="not applicable",
    )


def called(named: dict[str, Any], side: str, name: str) -> str:
    """Core ML's name for one of ONNX's."""
    return next((inner for inner, row in named.get(side, {}).items() if row["name"] == name), name)


def unkept(kind: Any) -> str:
    """Why Core ML does not keep a state of that type; "" where it does."""
    if kind.WhichOneof("Type") != "multiArrayType" or kind.multiArrayType.dataType not in (HALF, SINGLE):
        return "holds whole numbers"
    return "has an open axis" if kind.multiArrayType.WhichOneof("ShapeFlexibility") else ""


def describe(spec: Any, named: dict[str, Any], kept: Collection[str], dropped: Collection[str]) -> None:
    """Tell of the states as such in the description and in the metadata: they are no inputs and outputs any more.

    Args:
        spec: the package's Model message, changed in place.
        named: the names and types in ONNX, as `OnnxToCoreml` wrote them.
        kept: inputs that are states now, by Core ML's names.
        dropped: outputs that are none any more.
    """
    about = spec.description
    for feature in [item for item in about.input if item.name in kept]:
        shape = list(feature.type.multiArrayType.shape)
        about.input.remove(feature)
        state = about.state.add(name=feature.name)
        state.type.stateType.arrayType.shape.extend(shape)
        state.type.stateType.arrayType.dataType = HALF
    for feature in [item for item in about.output if item.name in dropped]:
        about.output.remove(feature)
    told = {
        "inputs": {name: row for name, row in named.get("inputs", {}).items() if name not in kept},
        "outputs": {name: row for name, row in named.get("outputs", {}).items() if name not in dropped},
        "states": {name: row for name, row in named.get("inputs", {}).items() if name in kept},
    }
    about.metadata.userDefined[NAMES] = json.dumps(told, sort_keys=True)
