"""Load and run an ML program: with Apple's runtime on macOS, elsewhere with an evaluator of the saved program.

Travels to devices: standard library, numpy, coremltools, this folder's own files, and ONNX Runtime for convolutions.
"""

from __future__ import annotations

import platform
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from edgebuild.runtimes.coreml.contents import contents
from edgebuild.runtimes.coreml.device import UNITS, Device
from edgebuild.runtimes.coreml.evaluator.layers import layers
from edgebuild.runtimes.coreml.evaluator.program import Evaluator
from edgebuild.runtimes.coreml.library import MACOS, ct
from edgebuild.runtimes.coreml.ports import ports, states

Arrays = dict[str, np.ndarray]
OPTIONS = {"threads", "compute_units"}


def versions() -> dict[str, str]:
    """Distributions that decide what a session computes; on macOS the system, whose part Core ML is."""
    found = {name: version(name) for name in ("coremltools", "numpy")}
    if MACOS:
        return {**found, "macOS": platform.mac_ver()[0]}
    try:
        return {**found, "onnxruntime": version("onnxruntime")}
    except PackageNotFoundError:
        return found


def open(path: str, options: dict[str, Any]) -> CoreMLSession:  # noqa: A001 - the contract's name
    """Load a model.

    Args:
        path: of the `.mlpackage` folder.
        options: `compute_units` (`all cpu_only cpu_and_gpu cpu_and_ne`), read on macOS; `threads` of the evaluator's
            convolutions, read elsewhere; its matrix products have the threads of numpy's BLAS.

    Raises:
        ValueError: an option is unknown or has no such value; the package holds no ML program; or its program has
            operators that the evaluator lacks, all named.
    """
    unknown = set(options) - OPTIONS
    if unknown:
        raise ValueError(f"unknown session options: {', '.join(sorted(unknown))}")
    if options.get("compute_units", "all") not in UNITS:
        raise ValueError(f"`compute_units` must be one of {', '.join(UNITS)}, got {options['compute_units']!r}")
    return CoreMLSession(path, options)


class CoreMLSession:
    """A loaded model. States (iOS 18) are kept from one run to the next until `reset`.

    They are no inputs, and a feed that has them sets them before its run.
    Where the package tells the names and types of the model it was made from, callers use those.
    """

    def __init__(self, path: str, options: dict[str, Any]) -> None:
        spec = ct.utils.load_spec(path)
        self._in, self._out = ports(spec)
        self._states = states(spec)
        self._contents = contents(spec)
        self.inputs = [port.tensor() for port in self._in]
        self.outputs = [port.tensor() for port in self._out]
        self.states = [port.tensor() for port in self._states]
        self._model = (
            Device(path, options.get("compute_units", "all"), self._in)
            if MACOS
            else Evaluator(path, spec, int(options.get("threads", 1)))
        )

    def run(self, feed: Arrays) -> Arrays:
        """Outputs by name.

        Raises:
            ValueError: an input has a shape or values that the package does not take.
        """
        offered = self.fed(feed)
        self.hold(feed)
        found = self._model.run(offered)
        return {port.name: port.returned(found[port.inner]) for port in self._out}

    def reset(self) -> None:
        """Forget what the states hold."""
        self._model.reset()

    def hold(self, feed: Arrays) -> None:
        """Let the states that a feed has hold its values, as float16; all others stay as they are."""
        held = {port.inner: port.offered(feed[port.name]) for port in self._states if port.name in feed}
        if held:
            self._model.hold(held)

    def trace(self, feed: Arrays, runs: int) -> dict[str, Any]:
        """Operators, the slowest first, and how many of each type.

        On macOS where Core ML means to run each, and the time to load the package; elsewhere the evaluator's own times,
        which tell nothing of a device.
        """
        offered = self.fed(feed)
        if isinstance(self._model, Device):
            return {"contents": self._contents, **self._model.trace(offered, runs)}
        steps = self._model.trace(offered, runs)
        ops = sorted(([name, kind, "evaluator", round(spent, 3)] for name, kind, spent in steps), key=_slowest)
        return {
            "contents": self._contents,
            "ops": ops,
            "graph": dict(sorted(Counter(kind for _, kind, _ in steps).items())),
        }

    def layers(self, feed: Arrays) -> list[dict[str, Any]]:
        """Every real value between the operators, by the evaluator; the states hold at first what the feed has.

        Raises:
            ValueError: Apple's runtime shows none.
        """
        self.hold(feed)
        return list(layers(self.evaluator, self.fed(feed)))

    @property
    def evaluator(self) -> Evaluator:
        """The program as it is evaluated here.

        Raises:
            ValueError: Apple's runtime runs it.
        """
        if isinstance(self._model, Device):
            raise ValueError("Core ML shows no values between its operators")
        return self._model

    def fed(self, feed: Arrays) -> Arrays:
        """Inputs as the package holds them, by its own names."""
        missing = [port.name for port in self._in if port.name not in feed]
        if missing:
            raise ValueError(f"no value for {', '.join(missing)}")
        return {port.inner: port.offered(feed[port.name]) for port in self._in}


def _slowest(op: list[Any]) -> tuple[float, str]:
    return (-op[3], op[0])
