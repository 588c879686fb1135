"""`deployment.edge.lock`: what was decided, and what machines observed. Committed; the next build starts from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edgebuild.core.dossier import Dossier
from edgebuild.core.evidence import Status, Verdict
from edgebuild.deliver.provenance.observe import observed
from edgebuild.deliver.provenance.records import Decided, Lock, LockedTarget
from edgebuild.errors import Problem, SpecError
from edgebuild.reads import probed

HEADER = """\
# written by edgebuild; commit it
# `decided`: what every build must come to again. `observed`: what machines measured, by machine, three digits.
"""


def lock_text(dossiers: Sequence[Dossier], previous: Lock, keep_others: bool) -> str:
    """The lock after a build.

    Args:
        dossiers: of the targets that were built, all of one spec.
        previous: the lock before; its observations stand where this build knows less.
        keep_others: whether targets that were not built stay as they were.
    """
    from edgebuild.documents import write

    targets = dict(previous.targets) if keep_others else {}
    for dossier in dossiers:
        old = previous.targets.get(dossier.target)
        before = old.observed if old is not None else {}
        targets[dossier.target] = LockedTarget(
            decided=decided(dossier), observed=observed(before, dossier, shipped(dossier))
        )
    lock = Lock(name=dossiers[0].name, release=dossiers[0].release, targets=targets) if dossiers else previous
    return HEADER + write(lock.plain())


def shipped(dossier: Dossier) -> str | None:
    """Name of the candidate that ships, or comes nearest to it."""
    return dossier.choice or dossier.nearest


def decided(dossier: Dossier) -> Decided:
    """What another build of the same spec must come to."""
    return Decided(
        device=dossier.device,
        runtime=dossier.runtime,
        source=dossier.source_digest,
        data=dossier.data_digest,
        choice=dossier.choice,
        artifact=dossier.candidate(dossier.choice).digest if dossier.choice else "",
        verdicts=statuses(dossier.verdicts),
    )


def statuses(verdicts: Sequence[Verdict]) -> dict[str, Status]:
    """Verdict by budget and limit."""
    found: dict[str, Status] = {}
    for verdict in verdicts:
        name = f"{verdict.budget} {verdict.limit}"
        found[name if name not in found else f"{name} ({verdict.quantity})"] = verdict.status
    return found


def parse_lock(text: str, name: str) -> Lock:
    """The lock in a text, an empty one where the text is empty.

    Args:
        text: of the file.
        name: as problems name it.

    Raises:
        SpecError: the text is not what edgebuild wrote.
    """
    from edgebuild.documents import parse

    if not text.strip():
        return Lock()
    try:
        return Lock.read(parse(text, Path(name)).value, name)
    except SpecError as error:
        fix = f"edgebuild writes this file: restore it (`git checkout -- {name}`), or delete it and build again."
        raise SpecError(*(replace(problem, fix=fix) for problem in error.problems)) from error


def read_lock(path: Path) -> Lock:
    """The lock of a file, an empty one where there is no file.

    Raises:
        SpecError: the file is damaged.
    """
    return (
        parse_lock(path.read_text(encoding="utf-8", errors="replace"), path.name) if probed(path).exists() else Lock()
    )


def incumbents(lock: Lock) -> dict[str, str]:
    """Target → digest of the artifact that ships."""
    return {name: target.decided.artifact for name, target in lock.targets.items() if target.decided.artifact}


def differences(lock: Lock, dossiers: Sequence[Dossier], lockname: str) -> list[Problem]:
    """Where a build departs from what the lock says was decided; observed numbers are never compared.

    Args:
        lock: as committed.
        dossiers: of this build.
        lockname: as problems name the lock.
    """
    found: list[Problem] = []
    for dossier in dossiers:
        held = lock.targets.get(dossier.target)
        if held is None:
            found.append(Problem(f"{lockname}: {dossier.target}", "is not in the lock.", BUILD))
        else:
            found += departures(f"{lockname}: {dossier.target}", held.decided, decided(dossier))
    return found


def departures(where: str, held: Decided, now: Decided) -> list[Problem]:
    """Each fact that is another now. Bytes are only compared where the same candidate ships."""
    found = [
        Problem(f"{where}.{field}", f"{words} {short(new)}, the lock has {short(old)}.", fix)
        for field, words, fix in FACTS
        if (old := getattr(held, field)) != (new := getattr(now, field))
        and not (field == "artifact" and held.choice != now.choice)
    ]
    for name in dict.fromkeys((*held.verdicts, *now.verdicts)):
        before, after = held.verdicts.get(name), now.verdicts.get(name)
        if before == after:
            continue
        words = (
            f"is {after} now, the lock has {before}." if before and after
            else f"({after}) is not in the lock." if after
            else f"({before}) is in the lock, but is no budget any more."
        )  # fmt: skip
        found.append(Problem(f"{where}.verdicts: {name}", words, REVIEW if before and after else BUILD))
    return found


def short(value: str | None) -> str:
    """A value in a sentence; of a digest the first 12 digits."""
    if value and value.startswith("sha256:"):
        return value[:19] + "…"
    return f"`{value}`" if value else "nothing"


BUILD = "Run `edgebuild build` without `--locked` and commit the lock."
REVIEW = "Read the report; where it is right, run `edgebuild build` without `--locked` and commit the lock."

FACTS = (
    ("device", "the target is for", BUILD),
    ("runtime", "the target runs on", BUILD),
    ("source", "the model is", "Restore the model, or accept the new one: " + BUILD),
    ("data", "the samples are", "Restore the data and its loader, or accept the new ones: " + BUILD),
    ("choice", "the build chooses", REVIEW),
    ("artifact", "the candidate's bytes are",
     "Install the versions that made the locked ones (`edgebuild doctor`), or accept the new bytes: " + BUILD),
)  # fmt: skip
"""Field, words before the new value, fix."""
