"""What pydantic found, in a person's words: what was wanted, what stands there, what helps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, get_args

from pydantic import BaseModel

from edgebuild.documents import Loc
from edgebuild.errors import did_you_mean

KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a text",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "dict": "a mapping",
    "model": "a mapping",
    "mapping": "a mapping",
    "none": "nothing",
    "finite": "a finite number",
}
"""First word of pydantic's error type to what a person would say."""

SPLIT = "a number of samples, a share like `20 %`, or a mapping"

SHORTHANDS = {"Split": SPLIT}
"""Records that may be written shorter than as a mapping."""

FIXES: dict[Loc, str] = {
    ("edgebuild",): "Write `edgebuild: 1`; this release reads version 1 of the language.",
    ("model",): "Write `model: {source: model.onnx}`.",
    ("model", "digest"): "Write `sha256:` and the 64 hex digits that `sha256sum` prints.",
    ("model", "inputs", "*", "constant"): "Write a number, or a list of all elements in the order of rows.",
    ("model", "inputs", "*", "initial"): "Write `initial: zeros`, or one number; a file of values is not read.",
    ("model", "inputs", "*", "steps"): "Write the axis of a sample along which its steps lie: 0 for the first.",
    ("interface",): "Write `interface: {outputs: {probs: {labels: labels.txt}}}`.",
    ("interface", "inputs", "*", "size"): "Write the height and the width: `[224, 224]`.",
    ("data",): "Write `data: {source: data.py:samples, splits: {calibrate: 300, select: 1000, report: 3000}}`.",
    ("data", "splits"): "Write `splits: {calibrate: 300, select: 1000, report: 3000}`.",
    ("data", "roots", "*"): "Write `NAME: {env: VARIABLE}`.",
    ("metrics",): "Give each a name: `metrics: {accuracy: {metric: top1}}`.",
    ("candidates",): "Give each a name: `candidates: {w8: {quantize: int8}}`.",
    ("targets",): "Give each a name: `targets: {here: {device: here, runtime: onnxruntime}}`.",
    ("candidates", "*", "command"): 'Write a list of words: `[vela, "{in}", --output-dir, "{out}"]`.',
    ("targets", "*", "providers"): "Write `providers: [cpu]`, the preferred one first.",
    ("budgets",): "Write `budgets: {all: {latency.p95: 8 ms}}`.",
    ("budgets", "*"): "Write a quantity and its limit: `{latency.p95: 8 ms}`.",
    ("evidence",): "Write `evidence: {at_least: measured}`.",
    ("effort",): "Write `effort: {time: 20 min}`.",
    ("package",): "Write `package: {files: [tokenizer.json]}`.",
}
"""What helps at places that need their own words; `*` is any name."""

LIMITS: dict[str, tuple[str, str]] = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("at most", "le"),
    "multiple_of": ("a multiple of", "multiple_of"),
}
"""Error type to its words and the name of the limit."""


def fix_at(place: Loc) -> str:
    """The row of `FIXES` for a place, or ""."""
    for pattern, words in FIXES.items():
        if len(pattern) == len(place) and all(a in ("*", b) for a, b in zip(pattern, place, strict=True)):
            return words
    return ""


def near(word: str, known: Sequence[str]) -> str:
    """`did_you_mean`, also where one word begins with the other (`maximum`, `env`)."""
    found = did_you_mean(word, known)
    longest = sorted((name for name in known if len(min(name, word, key=len)) > 2), key=len, reverse=True)
    begun = [name for name in longest if name.startswith(word) or word.startswith(name)]
    return found or (f"; did you mean `{begun[0]}`?" if begun else "")


def meaning(section: type[BaseModel] | None, name: str) -> str:
    """How to add a key: with its only value, or with what its docstring says of it."""
    for key, field in (section.model_fields if section else {}).items():
        if (field.alias or key) != name:
            continue
        values = get_args(field.annotation)
        if len(values) == 1 and isinstance(values[0], str | int):
            return f"Add `{name}: {values[0]}`."
        if field.description:
            return f"Add `{name}: …`: {' '.join(field.description.split())}"
    return f"Add `{name}: …`."


def expectation(item: Any, given: Any = None) -> str:
    """What an error asked for."""
    kind, ctx = str(item["type"]), item.get("ctx", {})
    if kind in LIMITS:
        words, name = LIMITS[kind]
        percent = isinstance(given, str) and given.rstrip().endswith("%")
        return f"{words} {ctx[name] * 100:g} %" if percent else f"{words} {ctx[name]}"
    if kind in ("literal_error", "enum"):
        return ("one of " if len(choices_of(item)) > 1 else "") + ", ".join(f"`{name}`" for name in choices_of(item))
    if kind in ("too_short", "too_long"):
        limit = ctx.get("min_length", ctx.get("max_length"))
        thing = "mapping" if ctx.get("field_type") == "Dictionary" else "list"
        return f"a {thing} of {'at least' if kind == 'too_short' else 'at most'} {limit}"
    if kind.split("_", maxsplit=1)[0] in KINDS:
        return KINDS[kind.split("_", maxsplit=1)[0]]
    words = str(item["msg"]).removeprefix("Input should be ").removeprefix("Value should be ")
    return words[:1].lower() + words[1:]


def fitting(items: list[Any]) -> list[Any]:
    """Of the alternatives of one place, those whose type is right, where there are any: their limit is meant."""
    return [item for item in items if item["type"] in LIMITS] or items


def choices_of(item: Any) -> list[str]:
    """The words that a field allows."""
    if item["type"] not in ("literal_error", "enum"):
        return []
    text = str(item["ctx"]["expected"]).replace(" or ", ", ")
    return [word.strip("'") for word in text.split(", ")]


def got_words(value: Any, raw: str = "") -> str:
    """What stands there, in words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return raw or f"{value}"
    if isinstance(value, str):
        short = value if len(value) <= 60 else value[:57] + "…"
        return f"the text `{short}`" if short else "an empty text"
    if isinstance(value, list):
        return f"a list of {len(value)}" if value else "an empty list"
    return "a mapping" if value else "an empty mapping"


def mend(wanted: Sequence[str], given: Any) -> str:
    """The likely fix of a value of the wrong kind."""
    mapping = any("mapping" in words for words in wanted)
    by_kind: dict[type, Callable[[], str]] = {
        type(None): lambda: "Write a value, or remove the key.",
        list: lambda: "Write `key: value` pairs." if mapping else "Write one value; a list never means a search.",
        dict: lambda: (
            "Write one of these words alone." if any("`" in words for words in wanted) else "Write one value."
        ),
        str: lambda: _mend_text(wanted, given, mapping),
        int: lambda: _mend_number(wanted, given),
        float: lambda: _mend_number(wanted, given),
        bool: lambda: "Put it in quotes." if "a text" in wanted else "",
    }
    return by_kind[type(given)]()


def _mend_text(wanted: Sequence[str], given: str, mapping: bool) -> str:
    number = "a whole number" in wanted or "a number" in wanted
    if number and given.strip().replace(".", "", 1).lstrip("-").isdigit():
        return f"Write {given.strip()} without quotes."
    if "a list" in wanted:
        return f"Write it as a list: [{given}]."
    return "Write `key: value` pairs." if mapping and SPLIT not in wanted else ""


def _mend_number(wanted: Sequence[str], given: float) -> str:
    if "a list" in wanted:
        return f"Write it as a list: [{given}]."
    if SPLIT in wanted and 0 < given < 1:
        return f"Write `{given * 100:g} %`."
    if (SPLIT in wanted or "a whole number" in wanted) and given == given // 1:
        return f"Write {given:.0f}."
    return "Put it in quotes." if "a text" in wanted else ""
