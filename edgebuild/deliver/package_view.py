"""A dossier as the words and names that the documents of a package are made of; templates decide nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgebuild.core.dossier import REPORT, SOURCE, CandidateFile, Dossier, Sequence, State, Tensor
from edgebuild.deliver.commands import shape_arguments, tolerance_arguments
from edgebuild.deliver.golden import Golden
from edgebuild.deliver.report.numbers import NOTHING, cell, code, interval, line, number, times
from edgebuild.deliver.report.outcome import headline, verdict_rows

LABELS = "labels.txt"


def package_view(
    dossier: Dossier, candidate: CandidateFile, config: Mapping[str, Any], golden: Golden
) -> dict[str, Any]:
    """What a template of a package may name.

    Args:
        dossier: of the target; its plain data is in the view too, for templates of the user's own.
        candidate: the one in the package.
        config: options in the runtime's own words.
        golden: of the package.
    """
    states = dossier.sequence.states if dossier.sequence else ()
    return {
        "title": " ".join(f"{dossier.name} {dossier.release} for {dossier.target}".split()),
        "name": dossier.name,
        "release": dossier.release,
        "target": dossier.target,
        "runtime": dossier.runtime,
        "headline": headline(dossier),
        "model": candidate.filename,
        "recipe": line(candidate.recipe),
        "config": dict(config),
        "shape_arguments": shape_arguments(dossier.inputs, config.get("axes", {})),
        "tolerance_arguments": tolerance_arguments(golden.tolerance),
        "pinned": {name: f"{name}=={version}" for name, version in dossier.versions.items()},
        "versions": ", ".join(f"{name} {version}" for name, version in dossier.versions.items()),
        "inputs": [tensor_row(tensor, dossier.interface, "inputs") for tensor in dossier.inputs],
        "outputs": [tensor_row(tensor, dossier.interface, "outputs") for tensor in dossier.outputs],
        "states": [state_row(state) for state in states if state.input.name not in golden.kept],
        "kept": [state_row(as_held(state)) for state in states if state.input.name in golden.kept],
        "sequence": sequence_words(dossier.sequence),
        "labels": LABELS if dossier.labels else "",
        "scores": scores(dossier),
        "golden": golden.model_dump(mode="json") | {"why": line(golden.why)},
        "numbers": number_rows(candidate),
        "verdicts": [row | {"why": cell(row["why"])} for row in verdict_rows(dossier.verdicts)],
        "dossier": dossier.model_dump(mode="json"),
        "candidate": candidate.model_dump(mode="json"),
    }


def tensor_row(tensor: Tensor, interface: Mapping[str, Any], side: str) -> dict[str, str]:
    """One input or output: `text` in a comment, the rest in cells of a table."""
    sizes = ", ".join(map(str, tensor.shape))
    meant = interface.get(side, {}).get(tensor.name, {})
    return {
        "name": code(tensor.name),
        "dtype": tensor.dtype,
        "shape": f"({sizes})",
        "meaning": cell(", ".join(f"{key} {words(value)}" for key, value in meant.items() if key != "labels")),
        "text": " ".join(f"{tensor.name}: {tensor.dtype} [{sizes}]".split()),
    }


def state_row(state: State) -> dict[str, Any]:
    """One input that is fed an output of the step before: both ways as rows, and as data."""
    taken = state.input
    fed = f"{state.initial:g} at first, then the output {state.output} of the step before"
    return {
        "input": taken.name,
        "output": state.output,
        "dtype": taken.dtype,
        "shape": list(taken.shape),
        "initial": state.initial,
        "row": tensor_row(taken, {}, "inputs") | {"meaning": cell(fed)},
        "back": tensor_row(taken.model_copy(update={"name": state.output}), {}, "outputs"),
    }


def as_held(state: State) -> State:
    """A state that the runtime keeps: Core ML, the one that does, has float16 alone."""
    return state.model_copy(update={"input": state.input.model_copy(update={"dtype": "float16"})})


def sequence_words(sequence: Sequence | None) -> str:
    """What one run of the model is; "" where it is a whole sample."""
    if sequence is None:
        return ""
    period = f", every {sequence.period_ms:g} ms" if sequence.period_ms else ""
    return f"One run takes one step of {', '.join(code(name) for name in sequence.steps)}{period}."


def words(value: Any) -> str:
    """A value of the interface in a sentence."""
    return " × ".join(map(str, value)) if isinstance(value, list | tuple) else f"{value}"


def scores(dossier: Dossier) -> str:
    """The output with one number for each label; "" where there is none, or several."""
    count = len(dossier.labels)
    found = [tensor.name for tensor in dossier.outputs if tensor.shape and tensor.shape[-1] == count]
    return found[0] if count and len(found) == 1 else ""


def number_rows(candidate: CandidateFile) -> list[dict[str, str]]:
    """Every number about the candidate that there is, on the split that judges."""
    rows = []
    for item in candidate.measurements:
        if item.value is None or item.split not in ("", REPORT):
            continue
        beside = candidate.ratio.get(item.quantity)
        rows.append(
            {
                "quantity": code(item.quantity),
                "value": number(item.value, item.unit),
                "interval": interval(item.interval, item.unit) or NOTHING,
                "bound": interval(item.upper, item.unit) or NOTHING,
                "beside": times(beside[0]) if beside and candidate.name != SOURCE else NOTHING,
                "evidence": item.evidence,
            }
        )
    return rows
