"""The folder that a search leaves, written by the search's own functions over made-up trials."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from edgebuild.compress.search.front import write_front
from edgebuild.compress.search.precision.account import member, told
from edgebuild.compress.search.precision.explorer import Explorer
from edgebuild.compress.search.precision.frontier import Tried
from edgebuild.compress.search.precision.mixtures import Layer, Mixture
from edgebuild.compress.search.precision.trials import TryMixtures
from edgebuild.core.dossier import Call
from edgebuild.core.graph import Clock
from edgebuild.core.searches import TRIALS_FILE
from edgebuild.core.wires import Artifact
from tests.conftest import Bench

LAYERS = tuple(
    Layer(name=name, op=op, macs=macs)
    for name, op, macs in (("stem", "Conv", 30), ("block1", "Conv", 190), ("", "Conv", 180), ("head", "Gemm", 0))
)
NOISE = (1e-3, 1e-4, 1.0, 1e-5)
"""The third layer cannot be in integers alone."""
WHOLE, BEST, SMALL = Mixture(first=0, last=3), Mixture(first=1, last=2), Mixture(first=1, last=1)
OTHERS = (Mixture(first=0, last=2), Mixture(first=2, last=3), Mixture(first=1, last=3))
CALL = Call(runtime="onnxruntime", session="onnxruntime")
WIRE = Artifact(id="made", filename="0.onnx")


def tried(folder: Path, mixture: Mixture, gain: float, sqnr: float, contended: str = "") -> Tried:
    path = folder / "made.onnx"
    path.write_bytes(b"a model")
    return Tried(mixture, WIRE, path, sqnr, 99.0, gain, contended)


def unmade(mixtures: tuple[Mixture, ...], keep: bool) -> TryMixtures:
    raise AssertionError(f"nothing is tried any more: {mixtures}, {keep}")


def written(folder: Path, timed: bool = True, more: Sequence[Tried] = ()) -> Path:
    """A front of two, from six trials and one mixture that was refused."""
    clock = Clock(facts=WIRE, samples=WIRE) if timed else None
    work = Bench(folder / "work")
    explorer = Explorer(work, LAYERS, unmade, WIRE, CALL, clock, most=9, seconds=9.0)
    members = [tried(folder, BEST, 1.6, 34.0), tried(folder, SMALL, 1.1, 41.0)]
    rest = [tried(folder, WHOLE, 1.45, 32.0, "others"), *(tried(folder, item, 0.9, 20.0) for item in OTHERS), *more]
    if not timed:
        members = [item.timed(explorer.bits(item.mixture)) for item in members]
        rest = [item.timed(explorer.bits(item.mixture)) for item in rest]
    explorer.tried = {item.mixture: item for item in [*rest, *members]}
    explorer.refused = {Mixture(first=3, last=3): "quantizer: no node to quantize."}
    front = folder / "front"
    write_front(front, [member(item, LAYERS) for item in members])
    account = told(explorer, NOISE, members, members) | {"scheme": "int8"}
    (front / TRIALS_FILE).write_text(json.dumps(account, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return front
