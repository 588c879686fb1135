"""Weights of a Core ML package in fewer bits, by coremltools: scaled integers, palettes, only what pruning leaves."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar, Literal

from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused, words_of
from edgebuild.models.hidden import hidden
from edgebuild.models.tidy.coreml_package import canonical_mlpackage

BY = "coremltools.optimize"
SMALLEST = 512
"""Elements below which a weight stays as it is: its scales would take what its bits save."""
BLOCK = 32
"""Weights that share a scale at 4 bits; the default of coremltools."""
FEWEST = 8
"""A scale takes two bytes, as much as four weights."""

Scheme = Literal[
    "int8", "int4", "palette1", "palette2", "palette3", "palette4", "palette6", "palette8", "sparse"
]  # fmt: skip


class CompressCoremlWeights(Step):
    """Store the weights in another way; what lies between the layers stays as it is.

    Core ML unpacks them when it loads the model, or while it runs. A weight that is stored sparse already keeps its
    zeros: both ways are joined.
    """

    version: ClassVar[int] = 2
    tools: ClassVar[tuple[str, ...]] = ("coremltools", "numpy", "scikit-learn")
    filename: ClassVar[str] = "model.mlpackage"
    # Sums of k-means depend on the instruction set.
    portable: ClassVar[bool] = False

    model: Artifact
    """An `.mlpackage`."""
    scheme: Scheme
    per_channel: bool = True
    """One scale for each output channel; at 4 bits one for each `BLOCK` weights."""
    keep: float = 1.0
    """Part of the weights that stays, of `sparse`."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: coremltools declines the model, or finds no weight that is large enough."""
        compress_weights(
            work.path(self.model),
            work.output,
            self.scheme,
            per_channel=self.per_channel,
            keep=self.keep,
        )


def compress_weights(model: Path, output: Path, scheme: str, *, per_channel: bool = True, keep: float = 1.0) -> None:
    """The work itself, over paths and values."""
    with hidden("torch", "tensorflow"):
        import coremltools as ct
    import coremltools.optimize.coreml as cto

    with words_of(BY):
        loaded = ct.models.MLModel(str(model), skip_model_load=True)
        before, joint = restored(loaded.get_spec()), is_sparse(loaded.get_spec())
        whole, single = how_stored(scheme, per_channel, keep), blocks(loaded) if scheme == "int4" else {}
        config = cto.OptimizationConfig(global_config=whole, op_name_configs=single)
        if scheme == "sparse":
            made = cto.prune_weights(loaded, config)
        elif scheme.startswith("palette"):
            made = cto.palettize_weights(loaded, config, joint_compression=joint)
        else:
            made = cto.linear_quantize_weights(loaded, config, joint_compression=joint)
        if restored(made.get_spec()) == before:
            raise Refused(
                by=BY,
                why=f"it left every weight as it is: none in floating point has {SMALLEST} elements or more.",
                kind="not applicable",
            )
        made.save(str(output))
    canonical_mlpackage(output)
    if size(output) >= size(model):
        shutil.rmtree(output)
        raise Refused(by=BY, why="the package is not smaller.")


def how_stored(scheme: str, per_channel: bool, keep: float) -> Any:
    """A scheme in coremltools' own words."""
    import coremltools.optimize.coreml as cto

    if scheme == "sparse":
        return cto.OpMagnitudePrunerConfig(target_sparsity=1 - keep, weight_threshold=SMALLEST)
    if scheme.startswith("palette"):
        bits = int(scheme.removeprefix("palette"))
        return cto.OpPalettizerConfig(mode="kmeans", nbits=bits, weight_threshold=SMALLEST)
    grain = "per_channel" if per_channel else "per_tensor"
    return cto.OpLinearQuantizerConfig(
        mode="linear_symmetric", dtype=scheme, granularity=grain, weight_threshold=SMALLEST
    )


def blocks(model: Any) -> dict[str, Any]:
    """Blocks of weights that share a scale, for each weight whose input channels divide into them.

    coremltools leaves a weight out whose channels do not, and says so in its log alone; such a one gets a scale for
    each output channel.
    """
    import math

    import coremltools.optimize.coreml as cto

    found = {}
    for name, about in cto.get_weights_metadata(model, weight_threshold=SMALLEST).items():
        channels = about.val.shape[1] if about.val.ndim > 1 else 1
        size = math.gcd(channels, BLOCK)
        if size >= FEWEST:
            found[name] = cto.OpLinearQuantizerConfig(
                mode="linear_symmetric",
                dtype="int4",
                granularity="per_block",
                block_size=size,
                weight_threshold=SMALLEST,
            )
    return found


def is_sparse(spec: Any) -> bool:
    """Whether any weight of a package is stored sparse."""
    return any(name.startswith("constexpr_sparse") for name in restored(spec))


def restored(spec: Any) -> Counter[str]:
    """Operations that restore weights, by their type."""
    return Counter(
        operation.type
        for function in spec.mlProgram.functions.values()
        for block in function.block_specializations.values()
        for operation in block.operations
        if operation.type.startswith("constexpr_")
    )


def size(folder: Path) -> int:
    """Bytes of all files."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
