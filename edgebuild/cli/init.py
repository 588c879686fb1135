"""Inspect a model and write a commented spec beside it that builds at once."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebuild.core.dossier import Tensor
from edgebuild.errors import Problem, Refused, SpecError

if TYPE_CHECKING:
    from edgebuild.models.inspect.facts import ModelFacts

SAMPLES = 160


def arguments(parser: argparse.ArgumentParser) -> None:
    """Model, data, name."""
    parser.add_argument("model", metavar="MODEL", help="an ONNX, Keras, TFLite or SavedModel file or folder")
    parser.add_argument("--data", metavar="SOURCE", help="`data.py:samples`, an .npz or a folder of images per class")
    parser.add_argument("--name", help="name of the deployment (default: the model's)")
    parser.add_argument("--force", action="store_true", help="replace files that exist")


def run(args: argparse.Namespace) -> int:
    """Write `deployment.edge.yaml`, and `data.py` where no data is named."""
    from edgebuild.models.inspect.step import inspect_model
    from edgebuild.models.routes import model_format
    from edgebuild.render import Renderer

    model = Path(args.model)
    if not model.exists():
        raise SpecError(Problem(args.model, "does not exist.", "Name a model file."))
    try:
        with hushed():
            facts = inspect_model(model, model_format(model), {})
    except ValueError as error:
        raise SpecError(Problem(args.model, f"{error}.", "Name a model file.")) from error
    except Refused as refused:
        raise SpecError(Problem(args.model, f"{refused.by}: {refused.why}", refused.fix)) from refused
    refuse_arguments(args)
    spec, loader = model.parent / "deployment.edge.yaml", model.parent / "data.py"
    taken = [path for path in (spec, *([] if args.data else [loader])) if path.exists() and not args.force]
    if taken:
        raise SpecError(*(Problem(str(path), "exists already.", "Say `--force` to replace it.") for path in taken))
    renderer = Renderer(None)
    view = describe(model, facts, args)
    if not args.data:
        loader.write_text(renderer.render("init/data.py.j2", view), encoding="utf-8")
    spec.write_text(renderer.render("init/deployment.edge.yaml.j2", view), encoding="utf-8")
    print(f"{model.name}: {view['facts']['parameters']} parameters, {view['facts']['op_count']} operators")
    print(f"wrote {spec}" + ("" if args.data else f" and {loader} (noise: put your own samples there)"))
    print(f"next: edgebuild build {spec}")
    return 0


def refuse_arguments(args: argparse.Namespace) -> None:
    """Raises: SpecError: a spec with this name or data would not load, so nothing is written."""
    from edgebuild.spec.records import NAME

    problems = []
    if args.name is not None and not NAME.fullmatch(args.name):
        what = f"must be letters, digits, `.`, `_` and `-` (it names a folder), got `{args.name}`."
        problems.append(Problem("--name", what, f"Try `{safe(args.name)}`."))
    if args.data is not None:
        file = Path(args.model).parent / args.data.partition(".py:")[0]
        file = file.with_name(file.name + ".py") if ".py:" in args.data else file
        if not args.data or not file.exists():
            problems.append(Problem("--data", f"there is no `{args.data}`.", "It starts in the model's folder."))
    if problems:
        raise SpecError(*problems)


def describe(model: Path, facts: ModelFacts, args: argparse.Namespace) -> dict[str, Any]:
    """What the templates say of the model."""
    dynamic = sorted({axis for tensor in facts.inputs for axis in tensor.shape if isinstance(axis, str)} - {"batch"})
    return {
        "schema": schema_beside(model.parent),
        "model": model.name,
        "name": args.name or safe(model.stem),
        "data": args.data or "data.py:samples",
        "noise": not args.data,
        "count": SAMPLES,
        "targets": usable_targets(facts.format),
        "inputs": [{"name": tensor.name, "expression": noise(tensor)} for tensor in facts.inputs],
        "facts": {
            "parameters": f"{facts.parameters:,}",
            "macs": f"{facts.macs:,}" if facts.macs else "",
            "op_count": sum(facts.ops.values()),
            "ops": ", ".join(f"{name} {count}" for name, count in sorted(facts.ops.items())),
            "inputs": [line(tensor) for tensor in facts.inputs],
            "outputs": [line(tensor) for tensor in facts.outputs],
            "dynamic": dynamic,
        },
    }


@contextmanager
def hushed() -> Iterator[None]:
    """Keep the notes that libraries write to the process's stderr when they start out of the answer."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a file descriptor is wanted
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def schema_beside(folder: Path) -> str:
    """The schema relative to a folder of the same checkout; "" elsewhere: a path would be of one machine alone."""
    from edgebuild.shipped import shipped

    schema = shipped("specs", "edgebuild.schema.json")
    root = schema.parents[1]
    return os.path.relpath(schema, folder.resolve()) if folder.resolve().is_relative_to(root) else ""


def usable_targets(source: str) -> list[str]:
    """Runtimes that a route leads to on this machine, at least one."""
    from edgebuild.models.routes import shortest
    from edgebuild.runtimes import TARGETS, load_target

    found = []
    for name in TARGETS:
        try:
            shortest(source, load_target(name).format)
        except Refused:
            continue
        found.append(name)
    return found or [next(iter(TARGETS))]


def safe(text: str) -> str:
    """A name of letters, digits and dashes."""
    return "".join(char if char.isalnum() else "-" for char in text.lower()).strip("-") or "model"


def line(tensor: Tensor) -> str:
    """`image: float32 [batch, 28, 28, 1]`."""
    return f"{tensor.name}: {tensor.dtype} [{', '.join(str(size) for size in tensor.shape)}]"


def noise(tensor: Tensor) -> str:
    """A Python expression of one sample of noise: no batch axis, dynamic axes 1."""
    sizes = [size if isinstance(size, int) else 1 for size in tensor.shape]
    shape = tuple(sizes[1:]) if tensor.shape and tensor.shape[0] in (1, "batch") else tuple(sizes)
    if tensor.dtype.startswith("float"):
        return f'random.normal(size={shape}).astype("{tensor.dtype}")'
    if tensor.dtype == "bool":
        return f"random.integers(0, 2, size={shape}).astype(bool)"
    return f'random.integers(0, 100, size={shape}).astype("{tensor.dtype}")'
