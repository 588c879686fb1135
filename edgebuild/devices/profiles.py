"""What a device is, each figure with its source: `specs/devices/*.yaml`, and a user's own `devices/*.yaml`."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from edgebuild.core.records import Record
from edgebuild.documents import read
from edgebuild.errors import Problem, SpecError, did_you_mean
from edgebuild.reads import probed
from edgebuild.shipped import shipped

FOLDER = "devices"


class Figure(Record):
    """One number or word about a device, and who says so."""

    value: float | int | str | tuple[str, ...]
    unit: str = ""
    source: str
    """Where it was read: a page, a data sheet, a measurement with its commit."""
    note: str = ""


class Profile(Record):
    """One device."""

    name: str
    """Name of its file."""
    title: str
    """As people call it."""
    arch: str
    """As `platform.machine()` says it there: `aarch64`, `x86_64`."""
    isa: tuple[str, ...] = ()
    """Kernel names of the instruction sets that matter to runtimes: `asimddp`, `i8mm`, `avx_vnni`."""
    isa_source: str = ""
    figures: dict[str, Figure] = {}
    """`cpu`, `cores`, `clock`, `memory`, `bandwidth`, `power`, …"""
    runtimes: tuple[str, ...] = ()
    """Runtimes with packages for it."""
    runtimes_source: str = ""
    words: str = ""
    """What else a reader must know."""


def profile_of(name: str, folder: Path) -> Profile:
    """A device by name; the user's own file wins over the shipped one.

    Args:
        name: of its file.
        folder: of the spec; `devices/<name>.yaml` beside it is the user's own.

    Raises:
        SpecError: there is none of that name, or its file is malformed.
    """
    for root in roots(folder):
        file = root / f"{name}.yaml"
        if probed(file).is_file():
            return read_profile(file)
    known = names(folder)
    raise SpecError(
        Problem(
            where="device",
            what=f"no device is called `{name}`{did_you_mean(name, known) or '.'}",
            fix=f"Known: {', '.join(known)}. Or describe it in `{FOLDER}/{name}.yaml` beside the spec.",
        )
    )


def names(folder: Path) -> list[str]:
    """Every name a target's `device:` may have."""
    found = {file.stem for root in roots(folder) if probed(root).is_dir() for file in root.glob("*.yaml")}
    return ["here", *sorted(found)]


def roots(folder: Path) -> tuple[Path, Path]:
    """Where profiles lie, the user's first."""
    return folder / FOLDER, shipped("specs", FOLDER)


def read_profile(file: Path) -> Profile:
    """One profile.

    Raises:
        SpecError: with every field that is wrong, at its place.
    """
    document = read(file)
    try:
        return Profile.model_validate({**document.value, "name": file.stem})
    except ValidationError as error:
        raise SpecError(*(document.problem(item["loc"], item["msg"] + ".", FIX) for item in error.errors())) from error


FIX = "A profile has `title`, `arch`, `isa`, `runtimes` and `figures`, each figure with `value`, `unit` and `source`."
