"""What can go wrong, as values: a problem has a place, a rule and a fix."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Span:
    """Where in a document something stands; lines and columns count from 1."""

    file: str
    line: int
    column: int
    width: int = 1
    text: str = ""
    """The whole line, for the caret under it."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where, what, and how to mend it."""

    where: str
    """Dotted path of the key as typed (`targets.here.threads`), or the name of a file or step."""
    what: str
    fix: str = ""
    span: Span | None = None

    def render(self) -> str:
        """The problem as a person reads it: `file:line:column: where: what`, the line, a caret, the fix."""
        place = f"{self.span.file}:{self.span.line}:{self.span.column}: " if self.span else ""
        subject = f"{self.where}: " if self.where else ""
        lines = [f"{place}{subject}{self.what}"]
        if self.span and self.span.text:
            number = f"{self.span.line:>4}"
            lines.append(f"{number} | {self.span.text}")
            lines.append(f"{' ' * len(number)} | {' ' * (self.span.column - 1)}{'^' * max(1, self.span.width)}")
        if self.fix:
            lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)


EXIT_ORDER = (2, 70, 5, 3, 4, 1, 0)
"""The worst first, where several things end differently."""


def worst_code(codes: Iterable[int]) -> int:
    """The one exit code of several."""
    found = set(codes)
    return next((code for code in EXIT_ORDER if code in found), max(found, default=0))


class EdgebuildError(Exception):
    """Base of the errors a user can mend; carries every problem found, not the first."""

    exit_code = 2

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(problem.render() for problem in problems))
        self.problems: tuple[Problem, ...] = problems


class SpecError(EdgebuildError):
    """A spec, or a file it names, is wrong: exit 2."""


class DataError(EdgebuildError):
    """The user's samples, labels or model contradict each other: exit 2."""


class UserCodeError(EdgebuildError):
    """The user's Python raised, or broke its contract, at a line of his: exit 2."""


class NoCandidateError(EdgebuildError):
    """A target, or a required candidate, cannot be made: exit 3."""

    exit_code = 3


class MissingToolError(EdgebuildError):
    """A tool, package or required device is not there: exit 4."""

    exit_code = 4


class StepError(EdgebuildError):
    """A step or the store failed for a reason outside the spec (signal, time-out, full disk): exit 5."""

    exit_code = 5


RefusalKind = Literal["not applicable", "rejected", "failed"]


class Refused(Exception):  # noqa: N818 - a result that travels as an exception, not an error
    """Raised by a step, or while a candidate is planned, to decline: a result, not an error.

    Args:
        by: who declined: a tool or a rule of ours (`onnxsim 0.8.1`, `onnxruntime target`).
        why: the reason, in the tool's own words where it has some.
        fix: what would make it possible, or "".
        kind: "not applicable" for a capability that is not there, "rejected" for a tool that failed.
    """

    def __init__(self, by: str, why: str, fix: str = "", kind: RefusalKind = "rejected") -> None:
        super().__init__(f"{by}: {why}")
        self.by, self.why, self.fix, self.kind = by, why, fix, kind


MEMORY = (
    "bad_alloc", "bfc_arena", "failed to allocate memory", "cannot allocate memory", "unable to allocate",
    "resourceexhausted", "resource_exhausted", "out of memory", "memoryerror", "failed to map segment",
)  # fmt: skip
"""In what tools say where memory ran out; small letters. The runner, which travels alone, has the same."""
DISK = ("no space left", "disk quota exceeded")
"""The same of the disk."""


@contextmanager
def words_of(tool: str, fix: str = "") -> Iterator[None]:
    """Turn whatever a third-party tool raises inside the block into a refusal that quotes it.

    Raises:
        MemoryError: memory ran out, in whatever words; that says nothing of what the tool was given.
        OSError: the disk is full.
    """
    try:
        yield
    except (Refused, EdgebuildError, MemoryError, OSError):
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {str(error).strip() or type(error).__name__}"
        if any(mark in said.lower() for mark in DISK):
            raise OSError(errno.ENOSPC, said) from error
        if any(mark in said.lower() for mark in MEMORY):
            raise MemoryError(said) from error
        raise Refused(by=tool, why=said, fix=fix) from error


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """The words "; did you mean …?" where a known word is near, else an empty text."""
    from difflib import get_close_matches

    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean `{near[0]}`?" if near else ""
