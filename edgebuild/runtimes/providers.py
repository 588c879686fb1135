"""Who executes operators, in the order of preference: the words of `providers:`, and what becomes of the rest."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from edgebuild.core.records import Documented
from edgebuild.errors import did_you_mean

Fallback = Literal["allow", "count", "refuse"]
"""Operators that the first provider does not take run elsewhere: silently, told in the report, or not at all."""

PERFORMANCE = Literal[
    "burst", "balanced", "default", "extreme_power_saver", "high_performance", "high_power_saver", "low_balanced",
    "low_power_saver", "power_saver", "sustained_high_performance",
]  # fmt: skip
"""Modes of a Qualcomm NPU. Once for both runtimes: equal literals of another order are one object in Python."""


class Options(Documented):
    """Options of one provider, in the words of its own documentation; those left out are not set."""

    native: ClassVar[str]
    """The runtime's name of it."""
    truth: ClassVar[tuple[str, str]] = ("0", "1")
    """How it writes false and true."""

    def texts(self) -> dict[str, str]:
        """Those that are set, as the texts that runtimes take."""
        given = self.model_dump(exclude_none=True)
        return {name: self.truth[item] if isinstance(item, bool) else f"{item}" for name, item in given.items()}


class Chosen(Documented):
    """One provider: its word alone, or a mapping of the word to options. Subclasses have a field for each word."""

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, value: Any) -> Any:
        if isinstance(value, str):
            if value not in cls.model_fields:
                near = did_you_mean(value, list(cls.model_fields)) or "."
                raise UnknownProviderError(f"unknown provider `{value}`{near}", list(cls.model_fields))
            return {value: {}}
        if isinstance(value, dict):
            return {name: {} if options is None else options for name, options in value.items()}
        return value

    @model_validator(mode="after")
    def _one(self) -> Chosen:
        if len(self.model_fields_set) != 1:
            raise UnknownProviderError("must name one provider", list(type(self).model_fields))
        return self

    @property
    def word(self) -> str:
        """Its name in the spec."""
        return next(iter(self.model_fields_set))

    @property
    def options(self) -> Options:
        """What is set of it."""
        found: Options = getattr(self, self.word)
        return found

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The mapping, or one of the words."""
        entry = handler.resolve_ref_schema(handler(core))
        mapping = {**entry, "properties": {}, "minProperties": 1, "maxProperties": 1}
        for name, field in entry["properties"].items():
            # A word that stands there means its options; without any it stands alone.
            options = next(item for item in field["anyOf"] if "$ref" in item)
            mapping["properties"][name] = {**options, "description": field.get("description", "")}
        about = {"description": mapping.pop("description", "")}
        return {"anyOf": [{"enum": list(cls.model_fields)}, mapping], **about}


class UnknownProviderError(ValueError):
    """Carries the words that may be written."""

    def __init__(self, what: str, known: list[str]) -> None:
        super().__init__(what)
        self.fix = f"Known: {', '.join(known)}."


class ConflictError(ValueError):
    """Two options that contradict each other, with the way out."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.fix = fix


def check(chosen: tuple[Chosen, ...], fallback: Fallback, processor: str) -> None:
    """Hold a list of providers to its rules.

    Args:
        chosen: in order of preference.
        fallback: for operators that the first do not take.
        processor: the word that fallback leads to.

    Raises:
        ConflictError: a provider stands twice, or one that falling back is forbidden to.
    """
    words = [item.word for item in chosen]
    twice = next((word for word in words if words.count(word) > 1), None)
    if twice:
        raise ConflictError(f"`providers` names `{twice}` twice", "Name each once, the preferred one first.")
    if fallback != "refuse" or processor not in words:
        return
    if len(words) == 1:
        what = f"`fallback: refuse` needs a provider besides `{processor}`: nothing can fall back from it"
        raise ConflictError(what, "Remove `fallback`, or put the accelerator among `providers`.")
    what = f"`fallback: refuse` contradicts `{processor}` among `providers`"
    raise ConflictError(what, f"Remove `{processor}`, or write `fallback: count`.")
