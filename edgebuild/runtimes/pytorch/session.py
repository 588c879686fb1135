"""Load and run an untouched torch source: an exported program (`.pt2`) or TorchScript (`.ts`), on the processor."""

from __future__ import annotations

import json
import os
from typing import Any

# Whatever a caller inside torch says, it then unpickles tensors alone.
os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"

import numpy as np
import torch

Arrays = dict[str, np.ndarray]
INTERFACE = "edgebuild.json"
"""Extra file of a TorchScript archive that says what its inputs and outputs are."""


def versions() -> dict[str, str]:
    """Distributions that decide what a session computes."""
    return {"torch": torch.__version__, "numpy": np.__version__}


def open(path: str, options: dict[str, Any]) -> TorchSession:  # noqa: A001 - the contract's name
    """Load a model that was checked when it was read into the store.

    Args:
        path: of the model.
        options: `threads`.

    Raises:
        ValueError: an option is unknown.
    """
    unknown = set(options) - {"threads"}
    if unknown:
        raise ValueError(f"unknown session options: {', '.join(sorted(unknown))}")
    torch.set_num_threads(int(options.get("threads", 1)))
    return ScriptSession(path) if path.endswith(".ts") else ProgramSession(path)


class TorchSession:
    """A loaded model as a function of its inputs in order."""

    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]

    def call(self, values: list[torch.Tensor]) -> Any:
        """Tensors in, a tensor or several out."""
        raise NotImplementedError

    def run(self, feed: Arrays) -> Arrays:
        """Outputs by name."""
        with torch.no_grad():
            found = self.call([torch.from_numpy(np.ascontiguousarray(feed[item["name"]])) for item in self.inputs])
        flat = torch.utils._pytree.tree_leaves(found)
        return {item["name"]: value.numpy() for item, value in zip(self.outputs, flat, strict=True)}


class ProgramSession(TorchSession):
    """An exported program; inputs and outputs are called as the nodes of its graph."""

    def __init__(self, path: str) -> None:
        program = torch.export.load(path)
        values = {node.name: node.meta["val"] for node in program.graph.nodes if "val" in node.meta}
        self.inputs = _tensors(program.graph_signature.user_inputs, values)
        self.outputs = _tensors(program.graph_signature.user_outputs, values)
        self._module, self._spec = program.module(), program.call_spec.in_spec

    def call(self, values: list[torch.Tensor]) -> Any:
        """See `TorchSession`."""
        given, named = torch.utils._pytree.tree_unflatten(values, self._spec)
        return self._module(*given, **named)


class ScriptSession(TorchSession):
    """TorchScript."""

    def __init__(self, path: str) -> None:
        extra = {INTERFACE: ""}
        self._module = torch.jit.load(path, map_location="cpu", _extra_files=extra).eval()
        said = json.loads(extra[INTERFACE])
        self.inputs, self.outputs = said["inputs"], said["outputs"]

    def call(self, values: list[torch.Tensor]) -> Any:
        """See `TorchSession`."""
        return self._module(*values)


def _tensors(names: Any, values: dict[str, Any]) -> list[dict[str, Any]]:
    called = list(names)
    if len(set(called)) != len(called):
        called = [f"{name}_{row}" for row, name in enumerate(called)]
    return [
        {
            "name": name,
            "shape": [size if isinstance(size, int) else -1 for size in values[node].shape],
            "dtype": str(values[node].dtype).removeprefix("torch."),
        }
        for name, node in zip(called, names, strict=True)
    ]
