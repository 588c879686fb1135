"""The search over TFLite models: integer, dynamic or weight-only operators, chosen one by one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from edgebuild.compress.quantize.ranges import read_ranges
from edgebuild.compress.quantize.tflite import TOOLS, granularity, measured, quantize
from edgebuild.compress.quantize.tflite_graph import with_signature
from edgebuild.compress.search.precision.mixtures import Layer, Mixture, Ranges
from edgebuild.compress.search.precision.search import SearchPrecision
from edgebuild.compress.search.precision.trials import TryMixtures
from edgebuild.core.step import Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused

STATIC, DYNAMIC, WEIGHTS, WEIGHTS4 = "int8", "dynamic int8", "int8 weights", "int4 weights"
SCHEMES = (STATIC, DYNAMIC, WEIGHTS, WEIGHTS4)
"""What an operator may compute in, besides float32."""
KINDS = {STATIC: "integer", DYNAMIC: "dynamic", WEIGHTS: "stored", WEIGHTS4: "stored"}
"""Of which operand kind a result must have some; see `tflite_graph.operand_kinds`."""
WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "CONV_3D")
"""Operators whose second operand may be weights."""


def tflite_layers(model: Path) -> list[Layer]:
    """Operators with stored weights, in the order of execution; named by what they compute."""
    return [layer for layer, _ in segments(model)]


def segments(model: Path) -> list[tuple[Layer, list[str]]]:
    """Each layer with the scopes, in the quantizer's sense, of itself and of what stands between it and the next."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    from edgebuild.models.inspect.tflite_facts import HEAVY, macs

    content = with_signature(model.read_bytes())
    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_content=content, experimental_op_resolver_type=resolver)
    details = {int(item["index"]): item for item in interpreter.get_tensor_details()}
    ops = interpreter._get_ops_details()
    made = {int(index) for op in ops for index in op["outputs"]}
    given = {int(item["index"]) for item in interpreter.get_input_details()}
    found: list[tuple[Layer, list[str]]] = []
    before: list[str] = []
    for op in ops:
        scope = "".join(f"{details[int(index)]['name']};" for index in op["outputs"])
        # The second operand is the weights of all but a transposed convolution, whose second they are as well.
        stored = len(op["inputs"]) > 1 and int(op["inputs"][1]) not in made | given
        if op["op_name"] in WEIGHTED and stored:
            count = macs(op, details) if op["op_name"] in HEAVY else 0
            found.append((Layer(name=scope.rstrip(";"), op=op["op_name"], macs=count), [*before, scope]))
            before = []
        else:
            (found[-1][1] if found else before).append(scope)
    return found


def recipe_of(mixture: Mixture, parts: Sequence[tuple[Layer, list[str]]]) -> Callable[[Any], None]:
    """A function that adds the recipe of a mixture to an `ai_edge_quantizer` quantizer."""
    from ai_edge_quantizer import qtyping
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    names = qtyping.TFLOperationName
    scopes = [re.escape(scope) for index in mixture.layers for scope in parts[index][1]]
    # The quantizer cuts long scopes and searches: an anchored beginning is what both have in common.
    regex = f"^(?:{'|'.join(scopes)})$"

    def tell(quantizer: Any) -> None:
        if mixture.scheme == STATIC:
            quantizer.add_static_config(regex, names.ALL_SUPPORTED, 8, 8, granularity(True))
            for side in (names.INPUT, names.OUTPUT):
                quantizer.update_quantization_recipe(".*", side, None, AlgorithmName.NO_QUANTIZE)
        elif mixture.scheme == DYNAMIC:
            quantizer.add_dynamic_config(regex, names.ALL_SUPPORTED, 8, granularity(True))
        else:
            bits = 8 if mixture.scheme == WEIGHTS else 4
            quantizer.add_weight_only_config(regex, names.ALL_SUPPORTED, bits, granularity(True))

    return tell


class TryTflite(TryMixtures):
    """Some layers of a TFLite model in the scheme of each mixture, from one calibration."""

    version: ClassVar[int] = 3
    tools: ClassVar[tuple[str, ...]] = TOOLS
    suffix: ClassVar[str] = ".tflite"

    def make(self, model: Path, ranges: Path | None, output: Path) -> Iterator[tuple[int, Refused | None]]:
        """See `TryMixtures`."""
        parts = segments(model)
        bounds = read_ranges(ranges) if ranges is not None else {}
        for number, mixture in enumerate(self.mixtures):
            told = recipe_of(mixture, parts)
            calibration = (lambda content: measured(content, bounds)) if mixture.scheme == STATIC else None
            try:
                quantize(model, output / f"{number}.tflite", told, KINDS[mixture.scheme], calibration)
            except Refused as refused:
                yield number, refused
            else:
                yield number, None


class SearchTflite(SearchPrecision):
    """For TFLite models: each scheme for the whole, then regions of those that gain."""

    version: ClassVar[int] = 4
    tools: ClassVar[tuple[str, ...]] = TOOLS
    preload: ClassVar[tuple[str, ...]] = ("numpy",)

    calibration: Artifact | None
    """A sample folder, apart from `samples`; None leaves out the schemes that need ranges."""
    schemes: tuple[str, ...] = SCHEMES
    usual: ClassVar[Ranges] = "average"
    others: ClassVar[tuple[Ranges, ...]] = ("minmax",)

    def layers(self, work: Workspace) -> list[Layer]:
        """See `tflite_layers`. Raises: Refused: the model is quantized already."""
        return tflite_layers(work.path(self.model))

    def trial(self, work: Workspace, mixtures: tuple[Mixture, ...], keep: bool) -> TryMixtures:
        """From one calibration of the method that the mixtures name."""
        from edgebuild.compress.quantize.tflite import CalibrateTflite

        ranges = None
        if self.calibration is not None:
            step = CalibrateTflite(model=self.model, calibration=self.calibration, method=mixtures[0].ranges)
            work.run(step)
            ranges = step.out()
        return TryTflite(
            model=self.model, ranges=ranges, samples=self.samples, call=self.call, mixtures=mixtures, keep=keep
        )


class SearchTfliteTimed(SearchTflite):
    """The same by times taken on the target: it holds the machine alone, as its trials need it."""

    version: ClassVar[int] = 4
    deterministic: ClassVar[bool] = False
    alone: ClassVar[bool] = True
