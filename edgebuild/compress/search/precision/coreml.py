"""The search over Core ML packages: bits of each stored weight, more of them for the noisiest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from edgebuild.compress.quantize.coreml import BY, SMALLEST, blocks, how_stored
from edgebuild.compress.search.precision.mixtures import Layer, Mixture
from edgebuild.compress.search.precision.search import SearchPrecision
from edgebuild.compress.search.precision.trials import TryMixtures
from edgebuild.core.step import Workspace
from edgebuild.errors import Refused, words_of
from edgebuild.models.hidden import hidden
from edgebuild.models.tidy.coreml_package import canonical_mlpackage

TOOLS = ("coremltools", "numpy", "scikit-learn")
STORED = {"4-bit storage": "int4", "8-bit storage": "int8", "16-bit storage": "float16"}
"""How weights are stored, in coremltools' words."""
PAIRS = {"4-bit storage": "8-bit storage", "8-bit storage": "16-bit storage"}
"""How the weights are stored that a mixture excepts."""


def coreml_layers(package: Path) -> list[Layer]:
    """Stored weights of enough elements to be compressed, with the number of their elements as their work."""
    import coremltools.optimize.coreml as cto

    weights = cto.get_weights_metadata(opened(package), weight_threshold=SMALLEST)
    return [Layer(name=name, op="weight", macs=int(about.val.size)) for name, about in weights.items()]


def opened(package: Path) -> Any:
    """The package, without asking Apple's runtime."""
    with hidden("torch", "tensorflow"):
        import coremltools as ct
    return ct.models.MLModel(str(package), skip_model_load=True)


def store(package: Path, output: Path, layers: Sequence[Layer], mixture: Mixture) -> None:
    """Write the package with each weight stored as the mixture says.

    Raises:
        Refused: coremltools declines it.
    """
    import coremltools.optimize.coreml as cto

    few, many = STORED[mixture.scheme], STORED[mixture.others]
    with words_of(BY):
        model = opened(package)
        grouped = blocks(model) if few == "int4" else {}
        inside = set(mixture.layers)
        for bits, chosen in ((few, inside), (many, set(range(len(layers))) - inside - set(mixture.kept))):
            names = [layers[index].name for index in sorted(chosen)]
            if bits == "float16" or not names:
                continue
            own = {
                name: grouped.get(name, how_stored(bits, True, 1.0)) if bits == few else how_stored(bits, True, 1.0)
                for name in names
            }
            config = cto.OptimizationConfig(global_config=None, op_name_configs=own)
            model = cto.linear_quantize_weights(model, config)
        model.save(str(output))
    canonical_mlpackage(output)


class TryCoreml(TryMixtures):
    """Packages with some weights in fewer bits."""

    version: ClassVar[int] = 2
    tools: ClassVar[tuple[str, ...]] = TOOLS
    suffix: ClassVar[str] = ".mlpackage"

    def make(self, model: Path, ranges: Path | None, output: Path) -> Iterator[tuple[int, Refused | None]]:  # noqa: ARG002 - weights need no calibration
        """See `TryMixtures`."""
        layers = coreml_layers(model)
        for number, mixture in enumerate(self.mixtures):
            try:
                store(model, output / f"{number}.mlpackage", layers, mixture)
            except Refused as refused:
                yield number, refused
            else:
                yield number, None


class SearchCoreml(SearchPrecision):
    """The front of bits and nearness over how the weights of a package are stored."""

    version: ClassVar[int] = 4
    tools: ClassVar[tuple[str, ...]] = TOOLS
    others: ClassVar[tuple[Any, ...]] = ()
    borders: ClassVar[bool] = False

    def wholes(self, count: int) -> list[Mixture]:
        """All weights in each scheme."""
        return [item.model_copy(update={"others": PAIRS[item.scheme]}) for item in super().wholes(count)]

    def layers(self, work: Workspace) -> list[Layer]:
        """See `coreml_layers`."""
        return coreml_layers(work.path(self.model))

    def trial(self, work: Workspace, mixtures: tuple[Mixture, ...], keep: bool) -> TryMixtures:  # noqa: ARG002
        """Weights need no calibration."""
        return TryCoreml(
            model=self.model, ranges=None, samples=self.samples, call=self.call, mixtures=mixtures, keep=keep
        )
