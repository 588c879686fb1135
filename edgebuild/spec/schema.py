"""The JSON Schema of a spec, from the records that read it: draft 7, which editors understand."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from edgebuild.compress import STAGES
from edgebuild.compress.command.stage import Command
from edgebuild.decide.budgets import HIGHER_IS_BETTER, UNITS
from edgebuild.documents.quantities import EXAMPLES
from edgebuild.metrics import METRICS, load_metric
from edgebuild.runtimes import TARGETS, load_target
from edgebuild.spec.candidates import COMMAND
from edgebuild.spec.sweeps import SWEEP
from edgebuild.spec.written import Written

ADDRESS = "http://json-schema.org/draft-07/schema#"
REFERENCE = {"type": "string", "pattern": r"\$\{"}
"""`${env:NAME}` and `${axis}` may stand wherever a value may."""

Schema = dict[str, Any]


def schema_text() -> str:
    """The schema as it is committed, ending in a newline."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def schema() -> Schema:
    """The schema as plain data."""
    metrics = {name: load_metric(name) for name in METRICS}
    targets = {name: load_target(name) for name in TARGETS}
    stages = {name: _stage(place) for name, place in STAGES.items()}
    classes: list[type[BaseModel]] = [
        Written,
        *metrics.values(),
        *targets.values(),
        *(item for item, _ in stages.values()),
    ]
    keys, found = models_json_schema([(item, "validation") for item in classes], ref_template="#/definitions/{model}")
    definitions: Schema = found.get("$defs", {})
    names = {item: keys[item, "validation"]["$ref"].rsplit("/", 1)[-1] for item in classes}
    top: Schema = definitions.pop(names[Written])
    for name, kind in metrics.items():
        _discriminate(definitions[names[kind]], "metric", name, optional=name == "function")
    for name, target in targets.items():
        _discriminate(definitions[names[target]], "runtime", name)
        definitions[names[target]]["properties"] |= {"device": _device(), "objective": _objective()}
    definitions |= {
        "Split": _shorthand(
            definitions["Split"], {"type": "integer", "minimum": 1}, {"type": "string", "pattern": "%"}
        ),
        "Metric": {"oneOf": [_ref(names[kind]) for kind in metrics.values()] + [{"enum": [*METRICS]}]},
        "Target": {"oneOf": [*(_ref(names[kind]) for kind in targets.values()), _open_target()]},
        "Candidate": _candidate({name: _stage_schema(names[kind], short) for name, (kind, short) in stages.items()}),
        "Swept": _swept(),
        "Budgets": _budgets(),
        "Limit": {"type": ["string", "number"], "description": "With its unit: `8 ms`, `0.5 pp`; or a ratio: `0.7x`."},
    }
    top["properties"] |= _families(top["properties"])
    top["patternProperties"] = {"^x-": {"description": "Anything; it is not read."}}
    return {
        "$schema": ADDRESS,
        **_draft7(top),
        "definitions": {name: _draft7(definitions[name]) for name in sorted(definitions)},
    }


def _families(properties: Schema) -> Schema:
    metrics, candidates, targets = (properties[name] for name in ("metrics", "candidates", "targets"))
    return {
        "metrics": {**metrics, "additionalProperties": _ref("Metric")},
        "candidates": {
            **candidates,
            "properties": {
                "defaults": {"type": "boolean", "description": "The default set of each runtime, besides these."}
            },
            "additionalProperties": _ref("Candidate"),
        },
        "targets": {**targets, "additionalProperties": _ref("Target")},
        "budgets": {**properties["budgets"], "additionalProperties": _ref("Budgets")},
        "objective": {**_objective(), "description": properties["objective"].get("description", "")},
        "extends": {
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
            "description": properties["extends"].get("description", ""),
        },
        "matrix": {
            **properties["matrix"],
            "additionalProperties": {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 1},
        },
    }


def _stage(place: str) -> tuple[type[BaseModel], list[str]]:
    """Class of a stage and the words that stand for a whole mapping."""
    module, _, attribute = place.partition(":")
    loaded = import_module(module)
    return getattr(loaded, attribute), list(getattr(loaded, "SHORT", {}))


def _stage_schema(name: str, short: list[str]) -> Schema:
    return {"anyOf": [_ref(name), *([{"enum": short}] if short else []), _ref("Swept")]}


def _swept() -> Schema:
    """A stage with several values of a key, whose other keys are those of the stage."""
    values = {"type": "array", "items": {"type": ["string", "number", "boolean"]}, "minItems": 1}
    words = "Makes one candidate for each value: `{keep: [0.75, 0.5]}`."
    sweep = {"type": "object", "additionalProperties": values, "minProperties": 1, "description": words}
    return {"type": "object", "properties": {SWEEP: sweep}, "required": [SWEEP]}


def _candidate(stages: Schema) -> Schema:
    step = {
        "type": "object",
        "properties": stages,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    own = {
        "steps": {"type": "array", "items": step, "minItems": 1, "description": "Stages where their order matters."},
        "source": {"type": "string", "description": "A model of your own with the same interface."},
        "after": {"type": "string", "description": "Another candidate, whose artifact a `command` starts from."},
        **_command(),
        "required": {"type": "boolean", "description": "The build fails where it cannot be made."},
    }
    return {"type": "object", "properties": {**stages, **own}, "additionalProperties": False, "minProperties": 1}


def _command() -> Schema:
    """The keys of `command` candidates, from their record."""
    entry = Command.model_json_schema()
    return {key: {name: text for name, text in entry["properties"][key].items() if name != "title"} for key in COMMAND}


def _budgets() -> Schema:
    limit = _ref("Limit")
    forms = {
        "max": "Judges the value.",
        "min": "Judges the value.",
        "upper": "Judges the one-sided 95 % bound.",
        "lower": "Judges the one-sided 95 % bound.",
    }
    mapping = {
        "type": "object",
        "properties": {form: {**limit, "description": words} for form, words in forms.items()},
        "additionalProperties": False,
        "minProperties": 1,
    }
    one: Schema = {"anyOf": [limit, mapping, {"type": "null"}]}
    named = {
        name: {**one, "description": f"At {'least' if name in HIGHER_IS_BETTER else 'most'}, in {_units(unit)}."}
        for name, unit in UNITS.items()
    }
    return {"type": "object", "properties": named, "additionalProperties": one}


def _units(unit: str) -> str:
    return " or ".join(f"`{name}`" for name in EXAMPLES.get(unit, ())) or "parts of 1"


def _objective() -> Schema:
    term = {
        "type": "object",
        "properties": {
            "minimize": {"type": "string"},
            "maximize": {"type": "string"},
            "tie": {"type": ["string", "number"], "description": "Within it, two candidates are equal: `3 %`."},
        },
        "oneOf": [{"required": ["minimize"]}, {"required": ["maximize"]}],
        "additionalProperties": False,
    }
    return {"anyOf": [term, {"type": "array", "items": term, "minItems": 1}]}


def _device() -> Schema:
    mapping = {
        "type": "object",
        "properties": {"profile": {"type": "string"}},
        "required": ["profile"],
        "additionalProperties": False,
    }
    return {
        "anyOf": [{"type": "string"}, mapping],
        "description": "Name of a device; `here` is the machine that builds.",
    }


def _open_target() -> Schema:
    """A target whose runtime comes from the matrix or the environment."""
    return {"type": "object", "properties": {"runtime": REFERENCE}, "required": ["runtime"]}


def _discriminate(entry: Schema, key: str, name: str, optional: bool = False) -> None:
    """Make the name of a class the only one that its schema takes."""
    described = {"description": entry["properties"].get(key, {}).get("description", "")}
    entry["properties"][key] = {"const": name, **{word: text for word, text in described.items() if text}}
    required = [*entry.get("required", []), *([] if optional else [key])]
    entry["required"] = list(dict.fromkeys(required))


def _shorthand(entry: Schema, *shorter: Schema) -> Schema:
    return {"anyOf": [entry, *shorter]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _draft7(entry: Any) -> Any:
    """A schema in the words of draft 7; where a number, a truth value or a word may stand, a reference may too."""
    if isinstance(entry, list):
        return [_draft7(item) for item in entry]
    if not isinstance(entry, dict):
        return entry
    made = {key: _draft7(value) for key, value in entry.items() if key != "title" or not isinstance(value, str)}
    if "prefixItems" in made:
        made["items"] = made.pop("prefixItems")
    if "$ref" in made and len(made) > 1:
        # Draft 7 ignores what stands beside a reference.
        made["allOf"] = [{"$ref": made.pop("$ref")}]
    if made.get("type") in ("integer", "number", "boolean") or ("enum" in made and made.get("type") == "string"):
        words = {key: made.pop(key) for key in ("description", "default") if key in made}
        return {"anyOf": [made, REFERENCE], **words}
    return made
