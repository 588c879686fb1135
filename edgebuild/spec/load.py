"""Text → Spec, or every problem with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edgebuild.compress.train.settings import Training
from edgebuild.core.evidence import EVIDENCE
from edgebuild.core.step import variable_digest
from edgebuild.decide.budgets import Floors
from edgebuild.documents import Document, shown_name
from edgebuild.errors import Problem, SpecError, did_you_mean
from edgebuild.metrics.base import Metric
from edgebuild.reads import environ
from edgebuild.spec import budgets, compose, matrix, metrics, models, sources, targets, training
from edgebuild.spec.candidates import candidates, chains
from edgebuild.spec.check import Checker
from edgebuild.spec.objective import objective
from edgebuild.spec.records import Data, Effort, Interface, Model, Package, Spec
from edgebuild.spec.written import EffortSection, EvidenceSection, Written


def load(path: Path) -> Spec:
    """A spec, typed and resolved; nothing is run or imported of the user's, and no runtime.

    Raises:
        SpecError: every problem of the spec and of the files it names, in file order.
    """
    file = Path(path).absolute()
    document, problems, files = compose.compose(file)
    reading = _Reading(document, file, files)
    reading.checker.problems.extend(problems)
    spec = reading.spec()
    found = reading.problems()
    if found or spec is None:
        raise SpecError(*found)
    return spec


class _Reading:
    """One spec under way: each section is read however wrong the others are."""

    def __init__(self, document: Document, file: Path, files: tuple[str, ...]) -> None:
        self.document, self.file, self.files = document, file, files
        self.checker = Checker(document)
        self.order = {shown_name(Path(name)): position for position, name in enumerate(files)}

    def problems(self) -> list[Problem]:
        """What was found, each once, in file order."""
        later = self.checker.later
        traps = [
            problem
            for loc, found in self.document.traps.items()
            if not any(loc[: len(key)] == key for key in later)
            for problem in found
        ]
        unique: dict[Any, Problem] = {}
        for problem in [*traps, *self.checker.problems]:
            span = problem.span
            place = (span.file, span.line, span.column) if span else ()
            # One answer for each word: what follows from the first would only bury it.
            unique.setdefault((*place, problem.where), problem)
        return sorted(unique.values(), key=self.place)

    def place(self, problem: Problem) -> tuple[int, int, int]:
        """Where a problem stands among all."""
        span = problem.span
        if span is None:
            return (len(self.order), 0, 0)
        return (self.order.get(span.file, len(self.order)), span.line, span.column)

    def spec(self) -> Spec | None:
        """The spec, or None where anything is wrong."""
        document, checker = self.document, self.checker
        axes = document.value.get("matrix")
        matrix.expand(checker)
        sources.roots(checker)
        matrix.leftovers(checker, list(axes) if isinstance(axes, dict) else [])
        plain = {key: value for key, value in document.value.items() if not key.startswith("x-")}
        written = self.sections(plain)
        fields = self.found(plain, written) | self.families(plain, written)
        if self.problems():
            return None
        return Spec(
            file=str(self.file),
            folder=str(self.file.parent),
            name=written["name"],
            release=written.get("release", "0.0.0"),
            sources=self.files,
            **fields,
        )

    def sections(self, plain: dict[str, Any]) -> dict[str, Any]:
        """The sections that are right, by name."""
        whole = self.checker.record(Written, plain)
        if whole is not None:
            return {name: getattr(whole, name) for name in Written.model_fields}
        right = {}
        for name, field in Written.model_fields.items():
            if self.checker.sound(name) and name in plain:
                kind: Any = field.annotation
                record = hasattr(kind, "model_fields")
                right[name] = kind.model_validate_json(json.dumps(plain[name])) if record else plain[name]
            elif not field.is_required() and self.checker.sound(name):
                right[name] = field.default
        return right

    def found(self, plain: dict[str, Any], written: dict[str, Any]) -> dict[str, Any]:
        """The sections that name files, with these found; and those that need no more than a word."""
        checker = self.checker
        model: Model | None = models.model(checker, written["model"]) if "model" in written else None
        data: Data | None = sources.data(checker, written["data"]) if "data" in written else None
        interface = sources.interface(checker, written["interface"]) if "interface" in written else Interface()
        package = sources.package(checker, written["package"]) if "package" in written else Package()
        sources.unfinished(checker, plain, written)
        effort: EffortSection = written.get("effort") or EffortSection()
        evidence: EvidenceSection = written.get("evidence") or EvidenceSection()
        return {
            "model": model,
            "data": data,
            "interface": interface,
            "package": package,
            "effort": Effort(time_s=effort.time, candidates=effort.candidates, samples=effort.samples),
            "floors": floors(evidence),
            "max_age_s": evidence.max_age,
            "environment": {name: variable_digest(name, environ(name)) for name in written.get("environment", ())},
        }

    def families(self, plain: dict[str, Any], written: dict[str, Any]) -> dict[str, Any]:
        """Metrics, candidates, targets, and what is said about them."""
        checker = self.checker
        entries = {name: _mapping(plain.get(name)) for name in ("metrics", "candidates", "targets")}
        judged = metrics.metrics(checker, entries["metrics"])
        decoders = metrics.references(checker, judged, "decode")
        metrics.one_decoder(checker, decoders)
        recipes, defaults = candidates(checker, entries["candidates"])
        recipes = training.settled(checker, recipes, training.training(checker, written.get("train") or Training()))
        shipped = targets.targets(checker, entries["targets"], self.file.parent)
        # Those that are not well written have a problem of their own already.
        names = {name: None for name in entries["candidates"] if name != "defaults"}
        names |= {member: None for name, item in recipes.items() for member in item.members(name)}
        targets.selections(checker, shipped, tuple(names), defaults)
        chains(checker, recipes, shipped, defaults)
        known = self.known(judged, entries, written)
        return {
            "metrics": judged,
            "functions": metrics.references(checker, judged, "function"),
            "decoders": decoders,
            "candidates": recipes,
            "named": {name: str(path) for name, path in checker.models.items()},
            "defaults": defaults,
            "targets": shipped,
            "budgets": budgets.resolve(checker, known),
            "objective": self.objectives(plain, entries["targets"], known),
        }

    def meant(self) -> dict[str, Any]:
        """Metrics under a misspelt `metrics`: budgets that name them are not wrong too."""
        value = self.document.value
        near = [key for key in value if key not in Written.model_fields and did_you_mean(str(key), ["metrics"])]
        return _mapping(value[near[0]]) if near else {}

    def known(self, judged: dict[str, Metric], entries: dict[str, Any], written: dict[str, Any]) -> budgets.Known:
        """What budgets may speak of."""
        model = written.get("model")
        return budgets.Known(
            targets=tuple(entries["targets"]),
            metrics=judged,
            broken_metrics=tuple(name for name in (*entries["metrics"], *self.meant()) if name not in judged),
            all_broken=not isinstance(self.document.value.get("metrics", {}), dict),
            shapes=tuple(model.shapes) if model else (),
            period=model is None or any(entry.period for entry in model.inputs.values()),
        )

    def objectives(self, plain: dict[str, Any], entries: dict[str, Any], known: budgets.Known) -> dict[str, Any]:
        """The terms of each target: its own, or the spec's."""
        common = objective(self.checker, ("objective",), plain.get("objective"), known)
        own = {
            name: objective(self.checker, ("targets", name, "objective"), entry["objective"], known)
            for name, entry in entries.items()
            if isinstance(entry, dict) and "objective" in entry
        }
        return {name: own.get(name, common) for name in entries}


def floors(section: EvidenceSection) -> Floors:
    """The floor of each kind of quantity; `at_least` raises those below it."""
    given = Floors(**section.model_dump(exclude_none=True, exclude={"at_least", "max_age"}))
    least = section.at_least
    if least is None:
        return given
    return Floors(**{name: max(getattr(given, name), least, key=EVIDENCE.index) for name in Floors.model_fields})


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
