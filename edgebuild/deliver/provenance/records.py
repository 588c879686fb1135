"""What a lock holds: for each target what was decided, and apart from it what machines observed."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import ValidationError

from edgebuild.core.dossier import CandidateFile
from edgebuild.core.evidence import EVIDENCE, Evidence, Status
from edgebuild.core.records import Record
from edgebuild.errors import Problem, SpecError

VERSION = 2
OLDER = (1,)
"""Layouts that are read too: what they lack is empty, and the next build writes it."""


def lock_file(spec: Path) -> Path:
    """`deployment.edge.lock` beside `deployment.edge.yaml`."""
    return spec.with_suffix(".lock")


class Figure(Record):
    """One observed number, in the unit of its measurement."""

    value: float
    unit: str
    """`1` where it has none."""
    evidence: Evidence

    @classmethod
    def read(cls, text: str) -> Figure:
        """The figure written as `0.0499 ms measured`.

        Raises:
            ValueError: there is no number first, or no class of evidence last.
        """
        value, *unit, evidence = text.split()
        if evidence not in EVIDENCE:
            raise ValueError(f"`{evidence}` is no class of evidence")
        return cls.model_validate({"value": float(value), "unit": " ".join(unit) or "1", "evidence": evidence})

    @property
    def text(self) -> str:
        """As the lock has it: number, unit, evidence."""
        return " ".join(filter(None, (f"{self.value:.15g}", "" if self.unit == "1" else self.unit, self.evidence)))


class Observation(Record):
    """The numbers of one artifact on one machine."""

    artifact: str
    """Digest of the bytes the numbers are about."""
    figures: dict[str, Figure]
    """Quantity to number; `latency.p50.ratio` is the quotient to the source within one run."""


class Basis(Record):
    """What a plan knows of one target that decides it and is no measurement."""

    objective: str = ""
    recipes: dict[str, str] = {}
    """Candidate to digest of its start and stages."""
    tools: dict[str, dict[str, str]] = {}
    """Candidate to the distributions that make its bytes, by version."""


class Decided(Record):
    """What another build must come to again."""

    device: str
    runtime: str
    options: str = ""
    """With which the runtime loads what ships."""
    source: str
    """Digest of the untouched model."""
    data: str
    """Digest of all samples used."""
    objective: str = ""
    """Terms, as a person reads them."""
    choice: str | None
    """Name of the candidate that ships."""
    recipe: str = ""
    """Digest of its start and stages."""
    artifact: str
    """Digest of its bytes, "" where none ships."""
    machine: str = ""
    """Whose numbers the verdicts rest on, a fingerprint of `observed`; "" where they rest on none."""
    candidates: dict[str, str] = {}
    """Name to `made`, or the kind of its refusal and who declined."""
    tools: dict[str, str] = {}
    """Distributions that make the bytes of what ships, by version."""
    verdicts: dict[str, Status]
    """Budget and limit, as a person reads them, to the verdict."""

    def plain(self) -> dict[str, object]:
        """As it is written."""
        written = self.model_dump()
        return written | {name: dict(sorted(written[name].items())) for name in ("candidates", "tools")}


MADE = "made"


def fate(file: CandidateFile) -> str:
    """What became of a candidate, without the versions of who declined: those stand for themselves."""
    if file.refusal is None:
        return MADE
    by = re.sub(r"\s+v?\d[\w.+-]*", "", file.refusal.by)
    return f"{file.refusal.kind} by {by}"


class LockedTarget(Record):
    """One target of the lock."""

    decided: Decided
    observed: dict[str, Observation] = {}
    """By fingerprint of the machine."""


class Lock(Record):
    """A lock file."""

    version: int = VERSION
    """Layout of the file it was read from."""
    name: str = ""
    release: str = ""
    targets: dict[str, LockedTarget] = {}

    def plain(self) -> dict[str, object]:
        """As it is written, one fact a line."""
        targets = {
            name: {
                "decided": target.decided.plain(),
                "observed": {
                    machine: {"artifact": seen.artifact, **{key: item.text for key, item in seen.figures.items()}}
                    for machine, seen in sorted(target.observed.items())
                },
            }
            for name, target in sorted(self.targets.items())
        }
        return {"lock": VERSION, "name": self.name, "release": self.release, "targets": targets}

    @classmethod
    def read(cls, content: object, name: str) -> Lock:
        """The lock of plain data.

        Raises:
            SpecError: it is not what edgebuild wrote.
        """
        if not isinstance(content, dict) or content.get("lock") not in (*OLDER, VERSION):
            raise SpecError(Problem(name, f"is no lock of version {VERSION}.", FIX))
        try:
            return cls.model_validate(
                {
                    "version": content["lock"],
                    "name": content["name"],
                    "release": content["release"],
                    "targets": {key: _target(value) for key, value in content["targets"].items()},
                }
            )
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise SpecError(Problem(f"{name}: {where}", f"{first['msg']}.", FIX)) from error
        except (KeyError, AttributeError, TypeError, ValueError) as error:
            raise SpecError(Problem(name, f"is damaged ({type(error).__name__}: {error}).", FIX)) from error


def _target(value: dict[str, dict[str, dict[str, str]]]) -> dict[str, object]:
    observed = {
        machine: {
            "artifact": seen["artifact"],
            "figures": {key: Figure.read(text) for key, text in seen.items() if key != "artifact"},
        }
        for machine, seen in value["observed"].items()
    }
    return {"decided": value["decided"], "observed": observed}


FIX = "Take the committed one (`git checkout -- LOCK`), or remove it and run `edgebuild build` to decide anew."
