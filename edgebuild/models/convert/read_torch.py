"""A user's torch file → one that can be opened without running anything of its maker's."""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact, UserCode
from edgebuild.errors import Problem, Refused, UserCodeError, words_of
from edgebuild.models.inspect.facts import Axes
from edgebuild.models.inspect.torch_facts import INTERFACE

BY = "torch"
CALLED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\s*\(")
EXPRESSION = re.compile(r"[A-Za-z0-9_ +\-*/%(),.<>=!&|~]*")
RESAVE = "Save it again with `torch.export.save` from the module itself, with plain tensors as weights."


class ReadTorch(Step):
    """Check an exported program, describe TorchScript, or build a program from weights and the user's function."""

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("torch", "numpy")
    # Exported programs note where in which file an operation came from.
    deterministic: ClassVar[bool] = False
    portable: ClassVar[bool] = False

    model: Artifact
    format: str
    """`pt2`, `torchscript` or `torch-weights`."""
    dims: dict[str, tuple[str | int, ...]] = {}
    """Axes by input; TorchScript itself says nothing of them."""
    builder: UserCode | None = None
    """Of weights: `build() -> (module, {input: example})`."""

    def output_name(self) -> str:
        """The suffix says what it is now."""
        return "model.ts" if self.format == "torchscript" else "model.pt2"

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the file would run code, or torch declines it. UserCodeError: the builder is at fault."""
        read_torch(work.path(self.model), self.format, self.dims, self.builder, work.output)


def read_torch(model: Path, form: str, dims: Axes, builder: UserCode | None, output: Path) -> None:
    """The work itself, over paths and values."""
    # Whatever a caller inside torch says, it then unpickles tensors alone.
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
    if form == "pt2":
        refuse_code(model)
        shutil.copyfile(model, output)
    elif form == "torchscript":
        with words_of(BY, "Save it again with `torch.jit.save`."):
            describe(model, dims, output)
    else:
        assert builder is not None, "the spec asks for a builder"
        build(model, builder, output)


def refuse_code(model: Path) -> None:
    """Raises: Refused: the program holds pickled objects, or expressions that are more than arithmetic on sizes.

    torch unpickles the one without a limit and evaluates the other as Python.
    """
    with words_of(BY, RESAVE), zipfile.ZipFile(model) as archive:
        for name in archive.namelist():
            if name.endswith("_config.json"):
                refuse_pickled(json.loads(archive.read(name)))
            elif name.endswith(".json"):
                refuse_expressions(json.loads(archive.read(name)))


def refuse_pickled(config: Mapping[str, Any]) -> None:
    """Raises: Refused: a weight or constant is kept as a pickle."""
    found = [name for name, about in config.get("config", {}).items() if about.get("use_pickle")]
    if found:
        why = f"the program keeps {', '.join(found[:3])} as pickles, which run code when they are read."
        raise Refused(by=BY, why=why, fix=RESAVE)


def refuse_expressions(value: Any) -> None:
    """Raises: Refused: an expression for a size calls what is no function of sizes (those begin with a capital)."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting += item
        elif isinstance(item, dict):
            waiting += item.values()
            text = item.get("expr_str")
            if isinstance(text, str) and (
                not EXPRESSION.fullmatch(text) or "__" in text or not all(n[0].isupper() for n in CALLED.findall(text))
            ):
                raise Refused(by=BY, why=f"`{text[:80]}` is no expression for a size.", fix=RESAVE)


def describe(model: Path, dims: Axes, output: Path) -> None:
    """Write TorchScript again with what its inputs and outputs are, found by running it once.

    Raises:
        Refused: the spec does not give the axes of an input, or no types of inputs fit.
    """
    import torch

    module = torch.jit.load(str(model), map_location="cpu").eval()
    names = [value.debugName().split(".")[0] for value in list(module.graph.inputs())[1:]]
    unsaid = [name for name in names if name not in dims]
    if unsaid:
        raise Refused(
            by=BY,
            why=f"TorchScript says nothing of the axes of its inputs ({', '.join(unsaid)}).",
            fix=f"Write them: `model: {{inputs: {{{unsaid[0]}: {{dims: [batch, …]}}}}}}`.",
        )
    sizes = {name: [size if isinstance(size, int) else 1 for size in dims[name]] for name in names}
    dtypes, found = trial(module, sizes)
    inputs = [
        {"name": name, "shape": list(dims[name]), "dtype": str(dtype).removeprefix("torch.")}
        for name, dtype in zip(names, dtypes, strict=True)
    ]
    called = ["output"] if len(found) == 1 else [f"output{row}" for row in range(len(found))]
    outputs = [
        {"name": name, "shape": list(item.shape), "dtype": str(item.dtype).removeprefix("torch.")}
        for name, item in zip(called, found, strict=True)
    ]
    torch.jit.save(module, str(output), _extra_files={INTERFACE: json.dumps({"inputs": inputs, "outputs": outputs})})


def trial(module: Any, sizes: Mapping[str, list[int]]) -> tuple[tuple[Any, ...], list[Any]]:
    """The first types of inputs, floats before whole numbers, that a module runs with, and its outputs.

    Raises:
        RuntimeError: none; torch's words for floats.
    """
    import torch

    first: RuntimeError | None = None
    for dtypes in product((torch.float32, torch.int64), repeat=len(sizes)):
        try:
            with torch.no_grad():
                found = module(
                    *(torch.zeros(size, dtype=kind) for size, kind in zip(sizes.values(), dtypes, strict=True))
                )
        except RuntimeError as error:
            first = first or error
            continue
        return dtypes, [found] if isinstance(found, torch.Tensor) else list(found)
    assert first is not None, "there is at least one choice of types"
    raise first


def build(model: Path, builder: UserCode, output: Path) -> None:
    """Let the user's function make the module, load the weights, export the program.

    Raises:
        UserCodeError: the function returns something else.
        Refused: the file holds more than weights, or they do not fit; in torch's words.
    """
    import torch

    from edgebuild.data.usercode import load

    made = load(builder)()
    if not (
        isinstance(made, tuple)
        and len(made) == 2
        and isinstance(made[0], torch.nn.Module)
        and isinstance(made[1], dict)
    ):
        where = f"{builder.file}:{builder.function}"
        fix = 'Return the module and an example of each input: `return Net(), {"image": torch.zeros(1, 3, 32, 32)}`.'
        raise UserCodeError(Problem(where, f"returned {type(made).__name__}, not a module and its inputs.", fix))
    module, examples = made[0].eval(), {name: torch.as_tensor(value) for name, value in made[1].items()}
    fix = "Save weights alone: `torch.save(model.state_dict(), …)`; they must be those of the builder's module."
    with words_of(BY, fix):
        weights = torch.load(str(model), map_location="cpu", weights_only=True)
        module.load_state_dict(weights.get("state_dict", weights))
        program = torch.export.export(module, (), kwargs=examples)
        torch.export.save(program, str(output))
