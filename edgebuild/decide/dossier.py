"""Everything measured about one target → its dossier. Names and budgets enter here, and not before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from edgebuild.core.dossier import REPORT, SELECT, SOURCE, Call, CandidateFile, Dossier, Tensor, source_of
from edgebuild.core.records import Record
from edgebuild.core.searches import NetworkSearch, Search
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Attempt
from edgebuild.decide.budgets import Budget, Floors, Term
from edgebuild.decide.choice import DEFAULT_OBJECTIVE, Choice, Rules, choose
from edgebuild.decide.differences import differences
from edgebuild.decide.front import front
from edgebuild.decide.held import Held, standing
from edgebuild.decide.records import Records
from edgebuild.decide.verdicts import Bench
from edgebuild.decide.words import accounts, refusals
from edgebuild.devices.places import Place


class Entrant(Record):
    """One candidate of the target, as wires to what is known of it."""

    name: str
    recipe: str
    """In words."""
    required: bool = False
    changes: int = 0
    """How many things are done to the source."""
    model: Attempt
    predictions: tuple[Attempt, ...] = ()
    """A runtime that declines to load the model says so there."""
    memory: Attempt | None = None
    account: Attempt | None = None
    layers: Attempt | None = None
    """`layers.json`, where a budget asks how near a float candidate is to the source."""
    call: Call | None = None
    """How to load it, where that is not how the target loads all."""
    search: Attempt | None = None
    """Front of the search that it comes from, with `trials.json`: everything that was tried."""
    slot: int = 0
    """Which member of the front it is."""
    searched: str = ""
    """The part of `recipe` in whose place the front's own words come."""
    told: tuple[Attempt, ...] = ()
    """Files whose `words` come behind `recipe`."""


class DecideTarget(Step):
    """Hold every number against the budgets, choose, and write down all that is true of one target."""

    version: ClassVar[int] = 7
    filename: ClassVar[str] = "dossier.json"
    inline: ClassVar[bool] = True

    name: str
    release: str
    target: str
    runtime: str
    place: Place
    source: str
    source_digest: str
    call: Call
    entrants: tuple[Entrant, ...]
    """In the order of the spec, `source` among them."""
    model: Attempt
    """`model.json` of the source."""
    taken: Attempt | None = None
    """The same with its states, of a model that sees one step at a time."""
    period_ms: float | None = None
    """From one step to the next."""
    scores: dict[str, Attempt] = {}
    """`scores.json` by split, rows aligned with `entrants`."""
    metrics: tuple[str, ...] = ()
    """Names, aligned with the metrics of each row of the scores."""
    latency: Attempt | None = None
    """`latency.json`, rows aligned with `entrants`; None where the device is elsewhere."""
    facts: Attempt | None = None
    indexes: dict[str, Attempt] = {}
    """`index.json` of each split."""
    budgets: tuple[Budget, ...] = ()
    floors: Floors = Floors()
    objective: tuple[Term, ...] = DEFAULT_OBJECTIVE
    choose: str | None = None
    incumbent: str = ""
    """Digest of the artifact the lock holds, or the candidate's name."""
    held: Held | None = None
    """The lock's decision, where it is to stand."""
    shape: str = ""
    """The first named shape, at which everything is measured."""
    labels: tuple[str, ...] = ()
    interface: dict[str, Any] = {}
    versions: dict[str, str] = {}
    """Distributions that make and run the artifacts."""
    seed: int = 0

    def run(self, work: Workspace) -> None:
        """Write the dossier as indented JSON."""
        dossier = decide(self, work)
        work.output.write_text(dossier.model_dump_json(indent=1) + "\n", encoding="utf-8")


def decide(step: DecideTarget, work: Workspace) -> Dossier:
    """The dossier of a target."""
    raw = Records(step, work)
    files = [raw.candidate(row) for row in range(len(step.entrants))]
    source = source_of(files)
    bench = Bench(step.budgets, step.floors, raw.contended, step.shape, source, step.held)
    files = [with_verdicts(item, bench) for item in files]
    rules = rules_of(step, raw, files)
    choice = standing(files, step.held, rules, step.budgets) or choose(files, rules)
    files = [item.model_copy(update={"barred": choice.barred.get(item.name, "")}) for item in files]
    judged = next((item for item in files if item.name in (choice.name, choice.nearest)), None)
    verdicts = bench.verdicts(judged, REPORT) if judged is not None else ()
    met = all(verdict.status == "pass" for verdict in verdicts)
    searches = raw.searches()
    return Dossier(
        name=step.name,
        release=step.release,
        target=step.target,
        device=step.place.device,
        runtime=step.runtime,
        versions=step.versions,
        facts=raw.facts,
        source=step.source,
        source_digest=step.source_digest,
        inputs=tensors(raw.model, "inputs"),
        outputs=tensors(raw.model, "outputs"),
        sequence=raw.sequence,
        labels=step.labels,
        interface=step.interface,
        call=call_of(step, judged),
        splits=raw.splits,
        data_digest=raw.data_digest,
        seed=step.seed,
        candidates=tuple(files),
        choice=choice.name,
        nearest=choice.nearest if choice.name is None else (None if met else choice.name),
        verdicts=verdicts,
        front=front(files, step.metrics),
        decisions=(*decisions(choice, files, met, judged), *differences(files, raw.layers(), step.budgets)),
        notes=(*choice.notes, *raw.notes()),
        searches=tuple(item for item in searches if isinstance(item, Search)),
        architectures=tuple(item for item in searches if isinstance(item, NetworkSearch)),
        protocol=raw.protocol,
    )


def rules_of(step: DecideTarget, raw: Records, files: Sequence[CandidateFile]) -> Rules:
    """What decides between the candidates, besides their numbers."""
    return Rules(
        objective=step.objective,
        dead_band=raw.latency.get("dead_band") or 0.03,
        contended=raw.contended,
        due=raw.due,
        unmeasured=raw.held.unmeasured,
        choose=step.choose,
        incumbent=incumbent(files, step.incumbent),
        changes={entrant.name: entrant.changes for entrant in step.entrants},
    )


def call_of(step: DecideTarget, judged: CandidateFile | None) -> Call:
    """How to load what ships, or the nearest miss."""
    name = judged.name if judged is not None else SOURCE
    return next((item.call for item in step.entrants if item.name == name and item.call), step.call)


def with_verdicts(candidate: CandidateFile, bench: Bench) -> CandidateFile:
    """The candidate with what choosing sees of it."""
    if candidate.refusal is not None:
        return candidate
    return candidate.model_copy(update={"verdicts": bench.verdicts(candidate, SELECT)})


def incumbent(candidates: Sequence[CandidateFile], held: str) -> str | None:
    """The candidate with the locked bytes, else the one of the locked name."""
    if not held:
        return None
    same = (item.name for item in candidates if item.refusal is None and held in (item.digest, item.name))
    return next(same, None)


def decisions(
    choice: Choice, candidates: Sequence[CandidateFile], met: bool, judged: CandidateFile | None
) -> tuple[str, ...]:
    """How the choice came about, what was refused, and why integers gained nothing."""
    fallen: tuple[str, ...] = ()
    if choice.name is not None and judged is not None and not met:
        missed = sorted({verdict.status for verdict in judged.verdicts})
        on_select = "passed" if missed in ([], ["pass"]) else f"was {' and '.join(missed)}"
        fallen = (f"`{judged.name}` {on_select} on `{SELECT}`; on `{REPORT}` not every budget passes.",)
    return (*choice.decisions, *fallen, *refusals(candidates), *accounts(candidates))


def tensors(model: dict[str, Any], side: str) -> tuple[Tensor, ...]:
    """Inputs or outputs of `model.json`."""
    return tuple(Tensor.model_validate(item) for item in model.get(side, ()))
