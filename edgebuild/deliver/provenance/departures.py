"""Where a build leaves what its lock decided; observed numbers are never compared."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from edgebuild.core.dossier import Dossier
from edgebuild.deliver.provenance.lock import decided, lost
from edgebuild.deliver.provenance.records import VERSION, Basis, Decided, Lock
from edgebuild.errors import Problem

BUILD = "Run `edgebuild build` without `--locked` and commit the lock."
REVIEW = "Read the report; where it is right, run `edgebuild build` without `--locked` and commit the lock."
FETCH = (
    "Run `edgebuild build` without `--locked` where they were made, or name the store that holds them: "
    "`--store FOLDER`, or a sealed one in EDGEBUILD_STORE_LAYERS."
)

FACTS = (
    ("device", "the target is for", BUILD),
    ("runtime", "the target runs on", BUILD),
    ("options", "the runtime is given", BUILD),
    ("source", "the model is", "Restore the model, or accept the new one: " + BUILD),
    ("data", "the samples are", "Restore the data and its loader, or accept the new ones: " + BUILD),
    ("objective", "the objective is", BUILD),
    ("choice", "the build chooses", REVIEW),
    ("recipe", "the recipe of the choice is", BUILD),
    ("artifact", "the candidate's bytes are",
     "Install the versions that made the locked ones (`edgebuild doctor`), or accept the new bytes: " + BUILD),
)  # fmt: skip
"""Field, words before the new value, fix."""

OF_THE_CHOICE = frozenset({"recipe", "artifact", "tools"})
"""What is only compared where the same candidate ships."""

MAKING = frozenset({"source", "data", "options", "recipe", "tools"})
"""What decides the bytes of a candidate. Where none of it is another, other bytes are nobody's fault."""


class Departure(NamedTuple):
    """One fact that is another now."""

    part: str
    """Field of the decision, or of the lock."""
    problem: Problem
    code: int = 1
    """Of the build."""


@dataclass(frozen=True)
class Comparison:
    """A lock, and the build of the same spec that is held against it."""

    lock: Lock
    lockname: str
    """As problems name it."""
    bases: Mapping[str, Basis] = field(default_factory=dict)
    """Target to what the plan knows of it."""
    targets: Collection[str] = ()
    """All of the spec, built or not."""
    limited: bool = False
    """Whether some candidates alone were built: then nothing was chosen among all."""

    def differences(self, dossiers: Sequence[Dossier]) -> list[Departure]:
        """Every departure of the build's dossiers, all of one spec."""
        if self.lock.version != VERSION:
            what = f"was written by an older edgebuild (layout {self.lock.version}, ours {VERSION})."
            return [Departure("lock", Problem(self.lockname, what, "Build once without `--locked` to write it anew."))]
        found = [*self.of_spec(dossiers)]
        for dossier in dossiers:
            held = self.lock.targets.get(dossier.target)
            where = f"{self.lockname}: {dossier.target}"
            if held is None:
                found.append(Departure("targets", Problem(where, "is not in the lock.", BUILD)))
            else:
                basis = self.bases.get(dossier.target, Basis())
                found += self.of_target(where, held.decided, decided(dossier, basis), dossier)
        return found

    def of_spec(self, dossiers: Sequence[Dossier]) -> Iterator[Departure]:
        """Name, release, and targets that are gone."""
        for field_ in ("name", "release"):
            old, new = getattr(self.lock, field_), getattr(dossiers[0], field_) if dossiers else ""
            if dossiers and self.lock.targets and old != new:
                what = f"the spec says {short(new)}, the lock has {short(old)}."
                yield Departure(field_, Problem(f"{self.lockname}: {field_}", what, BUILD))
        for name in self.lock.targets if self.targets else ():
            if name not in self.targets:
                what = "is in the lock, but is no target of the spec any more."
                yield Departure("targets", Problem(f"{self.lockname}: {name}", what, BUILD))

    def of_target(self, where: str, held: Decided, now: Decided, dossier: Dossier) -> list[Departure]:
        """One target's departures."""
        if self.limited:
            return [*facts(where, held, now, ("device", "runtime", "options", "source", "data"))]
        same = held.choice == now.choice
        found = [*facts(where, held, now, [name for name, *_ in FACTS if same or name not in OF_THE_CHOICE])]
        found += tools(where, held, now) if same else []
        found += candidates(where, held, now, dossier)
        if same and held.artifact == now.artifact:
            return found + verdicts(where, held, now)
        # Verdicts on other bytes say nothing of the locked ones.
        if not same or MAKING & {item.part for item in found}:
            return found
        return [nowhere(where, held, now) if item.part == "artifact" else item for item in found]


def facts(where: str, held: Decided, now: Decided, names: Collection[str]) -> Iterator[Departure]:
    """Each single fact that is another now."""
    for name, words, fix in FACTS:
        old, new = getattr(held, name), getattr(now, name)
        if name in names and old != new:
            what = f"{words} {short(new)}, the lock has {short(old)}."
            yield Departure(name, Problem(f"{where}.{name}", what, fix))


def tools(where: str, held: Decided, now: Decided) -> list[Departure]:
    """Each distribution that made the locked bytes in another version."""
    found = []
    for name in sorted({*held.tools, *now.tools}):
        old, new = held.tools.get(name), now.tools.get(name)
        if old == new:
            continue
        what = f"is {new or 'not installed'} here, the locked bytes were made with {old or 'none'}."
        fix = f"Install it (`pip install {name}=={old}`), or accept this one: {BUILD}" if old else BUILD
        found.append(Departure("tools", Problem(f"{where}.tools.{name}", what, fix)))
    return found


def candidates(where: str, held: Decided, now: Decided, dossier: Dossier) -> list[Departure]:
    """Each candidate that came, went, or is made or refused otherwise; a crash says nothing of the next build."""
    crashed = {item.name for item in dossier.candidates if lost(dossier, item.name)}
    found = []
    for name in dict.fromkeys((*held.candidates, *now.candidates)):
        old, new = held.candidates.get(name), now.candidates.get(name)
        if old == new or name in crashed:
            continue
        what = (
            f"({new}) is not in the lock." if old is None
            else f"({old}) is in the lock, but is no candidate any more." if new is None
            else f"is {new} now, the lock has {old}.{why(dossier, name)}"
        )  # fmt: skip
        problem = Problem(f"{where}.candidates: {name}", what, REVIEW if old and new else BUILD)
        found.append(Departure("candidates", problem))
    return found


def why(dossier: Dossier, name: str) -> str:
    """The words of whoever refuses a candidate now."""
    refusal = dossier.candidate(name).refusal
    return f" {refusal.by}: {refusal.why}" if refusal is not None else ""


def verdicts(where: str, held: Decided, now: Decided) -> list[Departure]:
    """Each verdict that came, went, or turned."""
    found = []
    for name in dict.fromkeys((*held.verdicts, *now.verdicts)):
        before, after = held.verdicts.get(name), now.verdicts.get(name)
        if before == after:
            continue
        words = (
            f"is {after} now, the lock has {before}." if before and after
            else f"({after}) is not in the lock." if after
            else f"({before}) is in the lock, but is no budget any more."
        )  # fmt: skip
        problem = Problem(f"{where}.verdicts: {name}", words, REVIEW if before and after else BUILD)
        found.append(Departure("verdicts", problem))
    return found


def nowhere(where: str, held: Decided, now: Decided) -> Departure:
    """The locked bytes cannot be made here, and no store at hand has them."""
    what = (
        f"the locked bytes of `{held.choice}`, {short(held.artifact)}, are in no store here, and the same model, data, "
        f"recipe and tools give others on this machine ({short(now.artifact)})."
    )
    return Departure("artifact", Problem(f"{where}.artifact", what, FETCH), 4)


def short(value: str | None) -> str:
    """A value in a sentence; of a digest the first 12 digits."""
    if value and value.startswith("sha256:"):
        return value[:19] + "…"
    return f"`{value}`" if value else "nothing"
