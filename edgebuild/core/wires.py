"""Wires between steps: an artifact that must exist, or an attempt that may have been refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel

from edgebuild.core.records import Here, Record, key_fields, plain
from edgebuild.errors import RefusalKind


class Attempt(Record):
    """A wire to an output that its reader can do without: it sees a path or the refusal."""

    wire: Literal["attempt"] = "attempt"
    id: str
    filename: str
    member: str = ""


class Artifact(Record):
    """A wire to a file or folder that is, or will be, in the store."""

    wire: Literal["artifact"] = "artifact"
    id: str
    """Identity of the step that makes it."""
    filename: str
    """The name under which readers see it; fixed by the step, never the user's."""
    member: str = ""
    """A POSIX path inside, where the step writes a folder; its reader's key holds that member's digest alone."""

    def __truediv__(self, member: str) -> Artifact:
        """The wire to one file of a folder."""
        joined = f"{self.member}/{member}" if self.member else member
        return Artifact(id=self.id, filename=joined.rsplit("/", 1)[-1], member=joined)

    def attempt(self) -> Attempt:
        """The same wire, for a reader that can do without it."""
        return Attempt(id=self.id, filename=self.filename, member=self.member)


class Refusal(Record):
    """Why something was not made. A result, cached like one."""

    kind: RefusalKind
    by: str
    why: str
    fix: str = ""


class FileDigest(Record):
    """One file of the user's tree by its content."""

    path: str
    """POSIX, relative to the root it was found under."""
    digest: str


class UserCode(Record):
    """A function in the user's own Python, known by what it consists of.

    The engine runs a step that holds one in a fresh process without bytecode caches, notes the files it opens, and
    counts those too the next time.
    """

    root: Here
    """The folder of the spec; relative paths, imports and reads of the function start there."""
    file: str
    function: str
    files: tuple[FileDigest, ...] = ()
    """Files it imports (static closure) and those that `data.inputs` names, sorted by path."""
    distributions: tuple[tuple[str, str], ...] = ()
    """Name and version of each installed distribution it imports, sorted."""


def wires(value: Any) -> Iterator[Artifact | Attempt]:
    """Every wire in a value, in the order of its fields."""
    if isinstance(value, Artifact | Attempt):
        yield value
    elif isinstance(value, BaseModel):
        for item in key_fields(value).values():
            yield from wires(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from wires(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from wires(item)


def user_code(value: Any) -> Iterator[UserCode]:
    """Every function of the user's in a value."""
    if isinstance(value, UserCode):
        yield value
    elif isinstance(value, BaseModel):
        for item in key_fields(value).values():
            yield from user_code(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from user_code(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from user_code(item)


def placed(value: Any, place: str = "") -> Iterator[tuple[str, Artifact | Attempt]]:
    """Every wire in a value, with the path of its field: `models[0].model`."""
    if isinstance(value, Artifact | Attempt):
        yield place, value
    elif isinstance(value, BaseModel):
        for name, item in key_fields(value).items():
            yield from placed(item, f"{place}.{name}" if place else name)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from placed(item, f"{place}.{name}" if place else str(name))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from placed(item, f"{place}[{number}]")


def unwired(value: Any) -> Any:
    """Plain data with each wire as its kind and the name its reader sees, not what it leads to."""
    if isinstance(value, Artifact | Attempt):
        return {"wire": value.wire, "filename": value.filename}
    if isinstance(value, BaseModel):
        return {name: unwired(item) for name, item in key_fields(value).items()}
    if isinstance(value, dict):
        return {str(name): unwired(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [unwired(item) for item in value]
    return plain(value)
