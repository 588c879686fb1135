"""Everything measured about one target → its dossier. Names and budgets enter here, and not before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from edgebuild.core.dossier import Account, Call, CandidateFile, Dossier, Tensor
from edgebuild.core.evidence import Measurement
from edgebuild.core.records import Record
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Attempt, Refusal
from edgebuild.decide import evidence
from edgebuild.decide.budgets import Budget, Floors, Term
from edgebuild.decide.choice import DEFAULT_OBJECTIVE, SPLIT, Choice, Rules, choose
from edgebuild.decide.front import front
from edgebuild.decide.verdicts import Bench
from edgebuild.decide.words import accounts, refusals
from edgebuild.devices.places import Place

SOURCE = "source"
REPORT = "report"


class Entrant(Record):
    """One candidate of the target, as wires to what is known of it."""

    name: str
    recipe: str
    """In words."""
    required: bool = False
    model: Attempt
    predictions: tuple[Attempt, ...] = ()
    """A runtime that declines to load the model says so there."""
    memory: Attempt | None = None
    account: Attempt | None = None


class DecideTarget(Step):
    """Hold every number against the budgets, choose, and write down all that is true of one target."""

    version: ClassVar[int] = 1
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
    source = next((item for item in files if item.name == SOURCE and item.refusal is None), None)
    bench = Bench(step.budgets, step.floors, raw.contended, step.shape, source)
    files = [with_verdicts(item, bench) for item in files]
    rules = Rules(
        objective=step.objective,
        dead_band=raw.latency.get("dead_band") or 0.03,
        contended=raw.contended,
        choose=step.choose,
        incumbent=incumbent(files, step.incumbent),
    )
    choice = choose(files, rules)
    files = [item.model_copy(update={"barred": choice.barred.get(item.name, "")}) for item in files]
    judged = next((item for item in files if item.name in (choice.name, choice.nearest)), None)
    verdicts = bench.verdicts(judged, REPORT) if judged is not None else ()
    met = all(verdict.status == "pass" for verdict in verdicts)
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
        labels=step.labels,
        interface=step.interface,
        call=step.call,
        splits=raw.splits,
        data_digest=raw.data_digest,
        seed=step.seed,
        candidates=tuple(files),
        choice=choice.name,
        nearest=choice.nearest if choice.name is None else (None if met else choice.name),
        verdicts=verdicts,
        front=front(files, step.metrics),
        decisions=decisions(choice, files, met, judged),
        notes=(*choice.notes, *raw.notes()),
        protocol=raw.protocol,
    )


def with_verdicts(candidate: CandidateFile, bench: Bench) -> CandidateFile:
    """The candidate with what choosing sees of it."""
    if candidate.refusal is not None:
        return candidate
    return candidate.model_copy(update={"verdicts": bench.verdicts(candidate, SPLIT)})


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
        fallen = (f"`{judged.name}` {on_select} on `{SPLIT}`; on `{REPORT}` not every budget passes.",)
    return (*choice.decisions, *fallen, *refusals(candidates), *accounts(candidates))


def tensors(model: dict[str, Any], side: str) -> tuple[Tensor, ...]:
    """Inputs or outputs of `model.json`."""
    return tuple(Tensor.model_validate(item) for item in model.get(side, ()))


class Records:
    """The raw records of a target, read once."""

    def __init__(self, step: DecideTarget, work: Workspace) -> None:
        """Args: step: whose wires are read."""
        self.step, self.work = step, work
        self.model = self.json(step.model) or {}
        self.facts: dict[str, Any] = self.json(step.facts) or {}
        self.scores: dict[str, list[Any]] = {split: self.json(wire) or [] for split, wire in step.scores.items()}
        self.latency: dict[str, Any] = self.json(step.latency) or {}
        self.untimed = self.refused(step.latency)
        self.contended: str = self.latency.get("why", "") if not self.latency.get("valid", True) else ""
        self.index = {split: self.json(wire) or {} for split, wire in step.indexes.items()}
        self.splits = {split: len(entry.get("ids", ())) for split, entry in self.index.items()}
        self.protocol: dict[str, Any] = {"latency": self.latency.get("protocol", {})} if self.latency else {}

    def json(self, wire: Attempt | None) -> Any:
        """Content of a JSON file, or None where it was refused."""
        found = self.work.attempt(wire) if wire is not None else None
        return json.loads(found.read_text(encoding="utf-8")) if isinstance(found, Path) else None

    def refused(self, wire: Attempt | None) -> Refusal | None:
        """Why a wire has no file."""
        found = self.work.attempt(wire) if wire is not None else None
        return found if isinstance(found, Refusal) else None

    @property
    def data_digest(self) -> str:
        """Digest of all samples that were used: their ids and contents, split by split."""
        if not self.index:
            return ""
        content = {split: [entry.get("ids"), entry.get("digests")] for split, entry in self.index.items()}
        return "sha256:" + hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def candidate(self, row: int) -> CandidateFile:
        """One candidate with all its numbers, or why it was not made."""
        entrant = self.step.entrants[row]
        refusal = next(filter(None, map(self.refused, (entrant.model, *entrant.predictions))), None)
        path = self.work.attempt(entrant.model)
        common = {"name": entrant.name, "recipe": entrant.recipe, "required": entrant.required}
        if refusal is not None or not isinstance(path, Path):
            return CandidateFile(**common, refusal=refusal)
        account = self.json(entrant.account)
        digest = digest_of(path)
        return CandidateFile(
            **common,
            digest=digest,
            filename=entrant.model.filename,
            measurements=self.measurements(row, path, digest, account),
            ratio=self.ratio(row, digest),
            account=Account.model_validate(account) if account else None,
        )

    def measurements(self, row: int, path: Path, digest: str, account: Any) -> tuple[Measurement, ...]:
        """Every number about a candidate that was made."""
        place, entrant = self.step.place, self.step.entrants[row]
        found: list[Measurement] = []
        for split, rows in self.scores.items():
            entry = rows[row] if row < len(rows) else None
            found += evidence.of_scores(entry, self.step.metrics, split, place)
        record = place.record(digest)
        if record is not None:
            found += evidence.of_committed(record, self.step.versions)
        found += self.times(row)
        memory = self.json(entrant.memory)
        if memory is not None:
            self.protocol["memory"] = memory.get("protocol", {})
        found += evidence.of_run(memory, evidence.MEMORIES, place, "", protocol_words(memory))
        found.append(evidence.of_size(size_of(path), place))
        found += evidence.of_account(Account.model_validate(account) if account else None, place)
        known = {item.quantity for item in found}
        lacking = [name for name in (*evidence.TIMES, *evidence.MEMORIES) if name not in known]
        return (*found, *evidence.unavailable(lacking, place, self.untold(row)))

    def times(self, row: int) -> tuple[Measurement, ...]:
        """Numbers of the timing run."""
        rows = self.latency.get("models", ())
        entry = rows[row] if row < len(rows) else None
        protocol = self.latency.get("protocol", {})
        return evidence.of_run(
            entry, evidence.TIMES, self.step.place, protocol.get("raw", ""), protocol_words(self.latency)
        )

    def ratio(self, row: int, digest: str) -> dict[str, tuple[float, float, float]]:
        """Ratios to the source within one run, this build's or a committed one's."""
        rows = self.latency.get("models", ())
        entry = rows[row] if row < len(rows) else None
        if entry is not None:
            return {name: tuple(bounds) for name, bounds in entry.get("ratio", {}).items()}
        record = self.step.place.record(digest)
        return dict(record.ratio) if record is not None else {}

    def untold(self, row: int) -> str:
        """Why a number is missing, where the device itself is not the reason."""
        if not self.step.place.here:
            return ""
        if self.untimed is not None:
            return f"{self.untimed.by}: {self.untimed.why}"
        whys = self.latency.get("refused", {})
        return str(whys.get(str(row), ""))

    def notes(self) -> tuple[str, ...]:
        """What a reader must know of the numbers."""
        contended = (f"The timing run does not count: {self.contended}",) if self.contended else ()
        return (*contended, *self.step.place.notes)


def protocol_words(record: dict[str, Any] | None) -> str:
    """The protocol of a run in one line."""
    return str((record or {}).get("protocol", {}).get("words", ""))


def digest_of(path: Path) -> str:
    """Digest of an artifact's bytes."""
    from edgebuild.data.sources import digest_path

    return digest_path(path)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
