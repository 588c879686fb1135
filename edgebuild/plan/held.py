"""What a plan takes from the lock of its spec: the incumbents, and on request the decisions themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgebuild.core.records import Record
from edgebuild.decide.held import Held, HeldNumber
from edgebuild.deliver.provenance.lock import incumbents, read_lock
from edgebuild.deliver.provenance.observe import of_runs
from edgebuild.deliver.provenance.records import Lock, LockedTarget, Observation, lock_file


class Asked(Record):
    """How a build is to treat locks."""

    locked: bool = False
    """Decisions stand, and nothing is measured."""
    remeasure: bool = False
    """Measure all the same."""
    fresh_choice: bool = False
    """Choose as if nothing were locked."""
    at_hand: dict[str, str] = {}
    """Locked digest to where its bytes lie."""


@dataclass(frozen=True)
class Ground:
    """What the plan of one spec stands on."""

    incumbents: Mapping[str, str] = field(default_factory=dict)
    """Target to digest of the artifact that ships now."""
    decisions: Mapping[str, Held] | None = None
    """Target to the lock's decision; None where the build decides."""
    measures: bool = True
    """Whether devices are measured."""
    at_hand: Mapping[str, str] = field(default_factory=dict)
    """Locked digest to where its bytes lie."""

    @classmethod
    def of(cls, lock: Lock, asked: Asked) -> Ground:
        """As a build asks for it."""
        if not asked.locked:
            return cls({} if asked.fresh_choice else incumbents(lock))
        decisions = {name: held_of(target, measured=asked.remeasure) for name, target in lock.targets.items()}
        return cls(incumbents(lock), decisions, asked.remeasure, asked.at_hand)

    def held(self, target: str) -> Held | None:
        """The decision on a target; an empty one where it is not in the lock that is to stand."""
        return None if self.decisions is None else self.decisions.get(target, Held(measured=self.measures))

    def pinned(self, target: str, candidate: str) -> str:
        """Digest of the locked bytes of a candidate, "" where it is not the locked choice."""
        held = self.held(target)
        return held.artifact if held is not None and held.choice == candidate else ""


def held_of(target: LockedTarget, measured: bool) -> Held:
    """A target's decision with the numbers it rests on: those of its machine, else of the one that knows most."""
    decided = target.decided
    seen = {name: item for name, item in target.observed.items() if decided.artifact in ("", item.artifact)}
    machine = decided.machine if decided.machine in seen else most_known(seen)
    found = seen.get(machine)
    figures = found.figures if found is not None else {}
    return Held(
        choice=decided.choice,
        artifact=decided.artifact or (found.artifact if found is not None else ""),
        machine=machine if found is not None and of_runs(found) else "",
        numbers={
            name: HeldNumber(value=figure.value, unit=figure.unit, evidence=figure.evidence)
            for name, figure in figures.items()
        },
        verdicts=decided.verdicts,
        measured=measured,
    )


def most_known(seen: Mapping[str, Observation]) -> str:
    """The machine with the most numbers, the first by name where several have as many."""
    return max(sorted(seen), key=lambda name: len(seen[name].figures), default="")


def lock_of(file: Path) -> Lock:
    """The lock beside a spec, an empty one where there is none.

    Raises:
        SpecError: it is damaged.
    """
    return read_lock(lock_file(file))


def pinned_digests(file: Path) -> tuple[str, ...]:
    """Digests of all bytes that the lock beside a spec pins.

    Raises:
        SpecError: it is damaged.
    """
    return tuple(sorted(set(incumbents(lock_of(file)).values())))
