"""`deployment.edge.lock`: what was decided, and what machines observed. Committed; the next build starts from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from edgebuild.core.dossier import Dossier
from edgebuild.core.evidence import Status, Verdict
from edgebuild.core.records import canonical_json
from edgebuild.deliver.provenance.observe import NOT_COUNTED, fingerprint, observed, of_runs
from edgebuild.deliver.provenance.records import Basis, Decided, Lock, LockedTarget, Observation, fate
from edgebuild.errors import SpecError
from edgebuild.reads import probed

HEADER = """\
# written by edgebuild; commit it
# `decided`: what every build must come to again. `observed`: what machines measured, by machine, three digits.
"""


def lock_text(
    dossiers: Sequence[Dossier], previous: Lock, keep_others: bool, bases: Mapping[str, Basis] | None = None
) -> str:
    """The lock after a build.

    Args:
        dossiers: of the targets that were built, all of one spec.
        previous: the lock before; its observations stand where this build knows less.
        keep_others: whether targets that were not built stay as they were.
        bases: what the plan knows of each target.
    """
    from edgebuild.documents import write

    targets = dict(previous.targets) if keep_others else {}
    for dossier in dossiers:
        basis = (bases or {}).get(dossier.target, Basis())
        targets[dossier.target] = locked(dossier, previous.targets.get(dossier.target), basis)
    lock = Lock(name=dossiers[0].name, release=dossiers[0].release, targets=targets) if dossiers else previous
    return HEADER + write(lock.plain())


def locked(dossier: Dossier, old: LockedTarget | None, basis: Basis) -> LockedTarget:
    """One target of the lock after a build; the old one stands where a crash took the locked choice."""
    new = decided(dossier, basis)
    if old is None:
        seen = observed(None, dossier, dossier.judged, set())
        return LockedTarget(decided=resting(new, None, seen, dossier), observed=seen)
    if crashed(dossier, old.decided.choice):
        return old
    new = new.model_copy(update={"candidates": remembered(dossier, old.decided, new)})
    if new.artifact == old.decided.artifact:
        new = new.model_copy(update={"verdicts": steadied(dossier, old)})
    turned = {
        verdict.quantity
        for name, verdict in named(dossier.verdicts).items()
        if old.decided.verdicts.get(name) != new.verdicts.get(name)
    }
    seen = observed(old.observed, dossier, dossier.judged, turned)
    return LockedTarget(decided=resting(new, old, seen, dossier), observed=seen)


def decided(dossier: Dossier, basis: Basis) -> Decided:
    """What another build of the same spec must come to."""
    choice = dossier.choice
    return Decided(
        device=dossier.device,
        runtime=dossier.runtime,
        options=canonical_json(dossier.call.options).decode(),
        source=dossier.source_digest,
        data=dossier.data_digest,
        objective=basis.objective,
        choice=choice,
        recipe=basis.recipes.get(choice or "", ""),
        artifact=dossier.candidate(choice).digest if choice else "",
        candidates={item.name: fate(item) for item in dossier.candidates if not lost(dossier, item.name)},
        tools=basis.tools.get(choice or "", {}),
        verdicts={name: verdict.status for name, verdict in named(dossier.verdicts).items()},
    )


def named(verdicts: Sequence[Verdict]) -> dict[str, Verdict]:
    """Verdicts by budget and limit."""
    found: dict[str, Verdict] = {}
    for verdict in verdicts:
        name = f"{verdict.budget} {verdict.limit}"
        found[name if name not in found else f"{name} ({verdict.quantity})"] = verdict
    return found


def lost(dossier: Dossier, name: str) -> bool:
    """Whether a candidate was lost to a crash, which says nothing of the next build."""
    refusal = dossier.candidate(name).refusal
    return refusal is not None and refusal.kind == "failed"


def crashed(dossier: Dossier, choice: str | None) -> bool:
    """Whether the locked choice was lost to a crash."""
    return any(item.name == choice and lost(dossier, item.name) for item in dossier.candidates)


def remembered(dossier: Dossier, old: Decided, new: Decided) -> dict[str, str]:
    """What became of each candidate; of those that crashed, what became of them before."""
    gone = [item.name for item in dossier.candidates if lost(dossier, item.name) and item.name in old.candidates]
    return new.candidates | {name: old.candidates[name] for name in gone}


def steadied(dossier: Dossier, old: LockedTarget) -> dict[str, Status]:
    """The verdicts on the locked bytes: one that a run settled is not unsettled by a run that does not count."""
    found: dict[str, Status] = {}
    for name, verdict in named(dossier.verdicts).items():
        before = old.decided.verdicts.get(name)
        settled = before in ("pass", "fail") and outweighed(verdict, old)
        found[name] = before if before and settled else verdict.status
    return found


def outweighed(verdict: Verdict, old: LockedTarget) -> bool:
    """Whether a verdict says nothing against an older one: its run was disturbed, or the device is not at hand."""
    if verdict.status == "inconclusive":
        return verdict.why.startswith(NOT_COUNTED)
    known = any(
        verdict.quantity in seen.figures and seen.artifact == old.decided.artifact for seen in old.observed.values()
    )
    return verdict.status == "unproven" and verdict.evidence == "unavailable" and known


def resting(new: Decided, old: LockedTarget | None, seen: Mapping[str, Observation], dossier: Dossier) -> Decided:
    """The decision with the machine its verdicts rest on: the one before, while it comes to the same."""
    name = dossier.judged
    artifact = dossier.candidate(name).digest if name else ""
    fit = [machine for machine in sorted(seen) if seen[machine].artifact == artifact and of_runs(seen[machine])]
    before = old.decided.machine if old is not None and old.decided.verdicts == new.verdicts else ""
    preferred = [machine for machine in (before, fingerprint(dossier), *fit) if machine in fit]
    return new.model_copy(update={"machine": preferred[0] if preferred else ""})


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
