"""What several commands share: finding specs, the store, the plan."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgebuild.errors import Problem, SpecError, StepError

if TYPE_CHECKING:
    from edgebuild.engine.store import Store
    from edgebuild.plan.lower import Plan
    from edgebuild.plan.outputs import SpecOutputs
    from edgebuild.spec import Spec


LAYERS = "EDGEBUILD_STORE_LAYERS"
"""Variable with folders of sealed stores, as in PATH."""


def spec_arguments(parser: argparse.ArgumentParser) -> None:
    """`SPEC…`, `--target`, `--candidate`."""
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="SPEC",
        help="specs or folders; every *.edge.yaml of the project where none is given",
    )
    parser.add_argument("--target", action="append", default=[], metavar="NAME", help="only this target (repeatable)")
    parser.add_argument(
        "--candidate",
        action="append",
        default=[],
        metavar="NAME",
        help="only this one besides source (repeatable)",
    )


def store_arguments(parser: argparse.ArgumentParser) -> None:
    """`--store`."""
    parser.add_argument(
        "--store",
        type=store_folder,
        metavar="FOLDER",
        help="where artifacts are kept (default: the user's cache folder)",
    )


def find_specs(paths: list[str]) -> list[Path]:
    """Every spec file that the arguments name.

    Raises:
        SpecError: there is none.
    """
    from edgebuild.spec.find import find

    files = find([Path(path) for path in paths])
    if not files:
        raise no_spec(paths)
    return files


def no_spec(paths: list[str]) -> SpecError:
    """The answer where there is none."""
    return SpecError(
        Problem(
            ", ".join(paths) or str(Path.cwd().name),
            "no `*.edge.yaml` here.",
            "Write one with `edgebuild init MODEL`, or name a spec or a folder that has one.",
        )
    )


def load_specs(paths: list[str]) -> list[Spec]:
    """Every spec that the arguments name.

    Raises:
        SpecError: all problems of all specs, in file order; two specs with one name and folder; no spec at all.
    """
    from edgebuild import spec

    specs: list[Spec] = []
    problems: list[Problem] = []
    for file in find_specs(paths):
        try:
            specs.append(spec.load(file))
        except SpecError as error:
            problems.extend(error.problems)
    problems += twins(specs)
    if problems:
        raise SpecError(*problems)
    return specs


def twins(specs: Sequence[Spec | SpecOutputs]) -> list[Problem]:
    """Specs that would write to one `build/NAME`."""
    first: dict[tuple[str, str], str] = {}
    found = []
    for spec in specs:
        name = Path(spec.file).name
        other = first.setdefault((str(Path(spec.file).parent), spec.name), name)
        if other != name:
            what = f"`{spec.name}` is the name of {other} too; both would write build/{spec.name}."
            found.append(Problem(f"{name}: name", what, "Give one of them another name."))
    return found


def make_plan(args: argparse.Namespace) -> Plan:
    """The plan of all specs as one graph, limited to the targets and candidates asked for."""
    from edgebuild.plan.lower import lower

    specs = load_specs(args.paths)
    return lower(specs, tuple(args.target), tuple(args.candidate), lock_incumbents(specs))


def lock_incumbents(specs: list[Spec]) -> dict[str, dict[str, str]]:
    """Spec file → target → digest of the artifact that its lock holds."""
    from edgebuild.deliver.provenance.lock import incumbents
    from edgebuild.plan.held import lock_of

    return {spec.file: incumbents(lock_of(Path(spec.file))) for spec in specs}


def output_file(text: str) -> str:
    """An argument that names a file to write, `-` for stdout; refused before any work where it cannot be one."""
    if text != "-" and (not text or Path(text).is_dir() or not Path(text).absolute().parent.is_dir()):
        raise argparse.ArgumentTypeError(f"cannot write a file `{text}`: its folder must be there, itself no folder")
    return text


def emit(where: str | None, text: str) -> None:
    """Write an output, to stdout where it is `-` or nothing.

    Raises:
        StepError: the file cannot be written.
    """
    if where in (None, "-"):
        sys.stdout.write(text)
        return
    try:
        Path(str(where)).write_text(text, encoding="utf-8")
    except OSError as error:
        what = f"cannot be written: {error.strerror or error}."
        raise StepError(Problem(str(where), what, "Name a file that can be written.")) from error


def store_folder(text: str) -> str:
    """An argument that names a folder; an empty text, from an unset variable, is none."""
    if not text:
        raise argparse.ArgumentTypeError("must name a folder, got an empty text")
    return text


def store_root(args: argparse.Namespace) -> Path:
    """The folder of the store."""
    from edgebuild.engine.store import default_root

    return Path(args.store).expanduser().absolute() if args.store else default_root()


def open_store(args: argparse.Namespace) -> Store:
    """The store, with the read-only ones that EDGEBUILD_STORE_LAYERS names behind it; says what is odd about it.

    Raises:
        StepError: it cannot be written, or a layer cannot be read.
    """
    from edgebuild.engine.store import Store

    layers = [Path(name).expanduser() for name in os.environ.get(LAYERS, "").split(os.pathsep) if name]
    store = Store(store_root(args), layers, rehash=getattr(args, "rehash", False))
    for note in store.notes:
        print(f"edgebuild: {note}", file=sys.stderr)
    return store
