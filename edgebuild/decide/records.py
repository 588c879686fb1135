"""The raw records of a target → candidates with all their numbers, or why they were not made."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebuild.core.dossier import Account, CandidateFile
from edgebuild.core.evidence import Measurement
from edgebuild.core.searches import NetworkSearch, Search
from edgebuild.core.step import Workspace
from edgebuild.core.wires import Attempt, Refusal
from edgebuild.decide import evidence
from edgebuild.decide.held import Held
from edgebuild.decide.reasons import DUE
from edgebuild.decide.searches import has_trials, read_search, slot_words
from edgebuild.decide.sequences import note_of, sequence_of, with_rtf

if TYPE_CHECKING:
    from edgebuild.decide.dossier import DecideTarget, Entrant

MADE = "the model it starts from"
AGAIN = "A build tries again 10 minutes after the last try, `edgebuild build --remeasure` at once."


class Records:
    """The raw records of a target, read once."""

    def __init__(self, step: DecideTarget, work: Workspace) -> None:
        """Args: step: whose wires are read."""
        self.step, self.work = step, work
        self.held = step.held or Held(measured=True)
        self.model = self.json(step.model) or {}
        self.sequence = sequence_of(step.call.loop, self.json(step.taken) or {}, step.period_ms)
        self.facts: dict[str, Any] = self.json(step.facts) or {}
        self.scores: dict[str, list[Any]] = {split: self.json(wire) or [] for split, wire in step.scores.items()}
        self.latency: dict[str, Any] = self.json(step.latency) or {}
        self.untimed = self.refused(step.latency)
        self.contended: str = self.latency.get("why", "") if not self.latency.get("valid", True) else ""
        self.due: str = self.latency.get("due", "")
        self.index = {split: self.json(wire) or {} for split, wire in step.indexes.items()}
        self.splits = {split: len(entry.get("ids", ())) for split, entry in self.index.items()}
        self.protocol: dict[str, Any] = {}
        if self.latency:
            kept = {name: self.latency[name] for name in ("control", "dead_band") if name in self.latency}
            self.protocol["latency"] = {**self.latency.get("protocol", {}), **kept}

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
        common = {"name": entrant.name, "recipe": self.recipe(entrant), "required": entrant.required}
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

    def recipe(self, entrant: Entrant) -> str:
        """What a candidate is, in words: those of the search that it comes from, where they are known."""
        front = self.work.attempt(entrant.search) if entrant.search is not None else None
        words = slot_words(front, entrant.slot) if isinstance(front, Path) else ""
        recipe = entrant.recipe.replace(entrant.searched, words) if words and entrant.searched else entrant.recipe
        return "; ".join([recipe, *(str(told["words"]) for told in map(self.json, entrant.told) if told)])

    def searches(self) -> tuple[Search | NetworkSearch, ...]:
        """What each search tried, once, though several candidates come of it."""
        slots: dict[str, dict[int, str]] = {}
        fronts: dict[str, Path] = {}
        apart: set[str] = set()
        for entrant in self.step.entrants:
            front = self.work.attempt(entrant.search) if entrant.search is not None else None
            if entrant.search is not None and isinstance(front, Path) and has_trials(front):
                fronts[entrant.search.id] = front
                slots.setdefault(entrant.search.id, {}).setdefault(entrant.slot, entrant.name)
                if not entrant.recipe.startswith(entrant.searched):
                    apart.add(entrant.search.id)
        return tuple(
            read_search(front, slots[search]).model_copy(update={"start": MADE} if search in apart else {})
            for search, front in fronts.items()
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
        if self.rests_on_lock(digest):
            found += self.held.measurements(place.device)
        found += self.times(row)
        memory = self.json(entrant.memory)
        if memory is not None:
            self.protocol["memory"] = memory.get("protocol", {})
        found += evidence.of_run(memory or {}, memory, evidence.MEMORIES, place)
        found += evidence.of_arena(memory, place)
        found.append(evidence.of_size(size_of(path), place))
        found += evidence.of_account(Account.model_validate(account) if account else None, place)
        known = {item.quantity for item in found}
        lacking = [name for name in (*self.timings, *evidence.MEMORIES) if name not in known]
        return (*found, *evidence.unavailable(lacking, place, self.untold(row)))

    def times(self, row: int) -> tuple[Measurement, ...]:
        """Numbers of the timing run."""
        entry = with_rtf(self.timed(row), self.step.period_ms)
        return evidence.of_run(self.latency, entry, self.timings, self.step.place)

    def timed(self, row: int) -> dict[str, Any] | None:
        """A candidate's row of the timing run; None where it was not in it."""
        rows = self.latency.get("models", ())
        return rows[row] if row < len(rows) else None

    @property
    def timings(self) -> tuple[str, ...]:
        """What a timing run tells."""
        return (*evidence.TIMES, "rtf") if self.step.period_ms else evidence.TIMES

    def ratio(self, row: int, digest: str) -> dict[str, tuple[float, float, float]]:
        """Ratios to the source within one run, this build's or a committed one's."""
        entry = with_rtf(self.timed(row), self.step.period_ms)
        if entry is not None:
            return {name: tuple(bounds) for name, bounds in entry.get("ratio", {}).items()}
        record = self.step.place.record(digest)
        if record is None and self.rests_on_lock(digest):
            return self.held.ratios()
        return dict(record.ratio) if record is not None else {}

    def layers(self) -> dict[str, Any]:
        """Layer by layer how far candidates are from the source, of those that were looked into."""
        return {entrant.name: self.json(entrant.layers) for entrant in self.step.entrants if entrant.layers}

    def rests_on_lock(self, digest: str) -> bool:
        """Whether the lock's numbers stand for an artifact: they are about exactly these bytes."""
        return bool(self.held.unmeasured) and digest == self.held.artifact

    def untold(self, row: int) -> str:
        """Why a number is missing, where the device itself is not the reason."""
        if not self.step.place.runs:
            return ""
        if self.held.unmeasured:
            return self.held.unmeasured
        if self.untimed is not None:
            return f"{self.untimed.by}: {self.untimed.why}"
        whys = self.latency.get("refused", {})
        return str(whys.get(str(row), ""))

    def notes(self) -> tuple[str, ...]:
        """What a reader must know of the numbers."""
        contended = (f"The timing run does not count: {self.contended}",) if self.contended else ()
        due = (f"{DUE}: {self.due} {AGAIN}",) if self.due else ()
        locked = self.held.unmeasured and self.held.machine
        rests = (f"Latency and memory are the lock's, measured on {self.held.machine}.",) if locked else ()
        return (*contended, *due, *rests, *note_of(self.sequence), *self.step.place.notes)


def digest_of(path: Path) -> str:
    """Digest of an artifact's bytes."""
    from edgebuild.data.sources import digest_path

    return digest_path(path)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
