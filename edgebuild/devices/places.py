"""A device and how it is reached, together: the only module that decides what a number is worth."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edgebuild import reads
from edgebuild.core.evidence import Evidence
from edgebuild.core.records import Record
from edgebuild.devices.profiles import Profile, profile_of
from edgebuild.errors import Problem, SpecError

HERE = "here"
"""The machine that builds."""

FOLDER = "measurements"
"""Beside the spec; small JSON files, committed."""


class Number(Record):
    """One committed number."""

    value: float
    low: float | None = None
    high: float | None = None


class Committed(Record):
    """One artifact measured once on one device: a file under `measurements/`."""

    artifact: str
    """Digest of the measured bytes, `sha256:…`."""
    device: str
    """Name of the device, as targets write it."""
    runtime: dict[str, str]
    """Build of the runtime: distribution or tool to version."""
    condition: dict[str, str | int | float | bool] = {}
    """Governor, power mode, ambient temperature: what was declared and held."""
    protocol: str
    """How: warm-up, runs, processes, tool."""
    raw: str
    """Digest of the raw samples, kept elsewhere."""
    date: date
    samples: int
    values: dict[str, Number]
    """Quantity to number, in the canonical unit of its row: ms, B, mJ, …"""
    ratio: dict[str, tuple[float, float, float]] = {}
    """Quantity to median, low and high of its ratio to the source in the same run."""


class Worth(Record):
    """What numbers of one kind are worth on a device."""

    evidence: Evidence
    why: str = ""


class StandIn(Record):
    """What runs a model here in the place of the runtime that it is made for."""

    evidence: Evidence
    """Of what the model answers and where its operations run; nothing is timed or weighed on a stand-in."""
    why: str


class Place(Record):
    """A device, whether it can be reached, and the measurements that came from it."""

    device: str
    here: bool
    stand_in: StandIn | None = None
    """Where the runtime itself does not run here."""
    profile: Profile | None = None
    committed: tuple[Committed, ...] = ()
    """Of this device alone, the newest first, none too old."""
    notes: tuple[str, ...] = ()
    """Each a sentence: records that were left out, and why."""

    @property
    def runs(self) -> bool:
        """Whether the runtime itself can be timed here."""
        return self.here and self.stand_in is None

    def worth(self, family: str) -> Worth:
        """What a number of this build is worth.

        Args:
            family: `accuracy`, `latency`, `memory`, `size`, `placement`, `energy`; any other counts as energy.
        """
        if family == "size":
            return Worth(evidence="measured", why="" if self.here else "Computed from the file; no device changes it.")
        if family in ("accuracy", "placement"):
            if self.stand_in is not None:
                return Worth(evidence=self.stand_in.evidence, why=self.stand_in.why)
            if self.here:
                return Worth(evidence="measured")
            return Worth(evidence="simulated", why=f"The same graph on this machine's kernels, not on {self.device}.")
        if family in ("latency", "memory") and self.runs:
            return Worth(evidence="measured")
        return Worth(evidence="unavailable", why=self.missing(family))

    def missing(self, family: str) -> str:
        """Why there is no number."""
        if self.here and self.stand_in is not None:
            return self.stand_in.why
        if self.here:
            return f"Nothing here measures {family}: no meter is attached."
        return f"{self.device} cannot be reached from here, and {FOLDER}/ holds no record of this artifact on it."

    def record(self, digest: str) -> Committed | None:
        """The newest committed measurement of an artifact."""
        return next((item for item in self.committed if item.artifact == digest), None)


def place_of(
    device: str,
    folder: Path,
    max_age_days: int | None = None,
    today: date | None = None,
    stand_in: StandIn | None = None,
) -> Place:
    """A device by the name a target gives it.

    Args:
        device: `here`, or the name of a profile.
        folder: of the spec; its `devices/*.yaml` and `measurements/*.json` count.
        max_age_days: committed measurements older than this are left out, and said so.
        today: the day from which age counts; the current one where left out.
        stand_in: what runs models here, where the runtime itself does not.

    Raises:
        SpecError: no profile has that name, a profile or a committed measurement is malformed.
    """
    if device == HERE:
        return Place(device=device, here=True, stand_in=stand_in)
    profile = profile_of(device, folder)
    committed = sorted(
        (item for item in read_committed(folder / FOLDER) if item.device == device),
        key=lambda item: (item.date, item.raw),
        reverse=True,
    )
    oldest = (today or reads.today()).toordinal() - max_age_days if max_age_days is not None else 0
    fresh = tuple(item for item in committed if item.date.toordinal() >= oldest)
    notes = tuple(
        f"The measurement of {item.date.isoformat()} on {device} is older than {max_age_days} days and does not count."
        for item in committed
        if item not in fresh
    )
    return Place(device=device, here=False, stand_in=stand_in, profile=profile, committed=fresh, notes=notes)


def read_committed(folder: Path) -> list[Committed]:
    """Every record in a folder's JSON files, one or a list in each.

    Raises:
        SpecError: with every file and field that is wrong.
    """
    found: list[Committed] = []
    problems: list[Problem] = []
    for file in sorted(folder.glob("*.json")) if reads.probed(folder).is_dir() else []:
        where = f"{FOLDER}/{file.name}"
        try:
            content: Any = json.loads(file.read_text(encoding="utf-8"))
            found += [Committed.model_validate(item) for item in (content if isinstance(content, list) else [content])]
        except ValidationError as error:
            problems += [
                Problem(f"{where}: {'.'.join(map(str, item['loc']))}", item["msg"] + ".", FIX)
                for item in error.errors()
            ]
        except ValueError as error:
            problems.append(Problem(where, f"is no JSON: {error}.", FIX))
    if problems:
        raise SpecError(*problems)
    return found


FIX = "A record has `artifact device runtime condition protocol raw date samples values`, and `ratio` where known."
