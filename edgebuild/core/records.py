"""The base of all data, and its canonical bytes."""

from __future__ import annotations

import hashlib
import json
import math
import unicodedata
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Frozen, closed data. Two records are equal when all their fields are."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        ser_json_inf_nan="strings",
        validate_default=True,
    )


class Documented(Record):
    """A record that people write: what its docstrings say stands in the schema and in problems.

    Only here, because pydantic reads a class's source for it, which for all records would take longer than a build that
    finds nothing to do.
    """

    model_config = ConfigDict(use_attribute_docstrings=True, allow_inf_nan=False)


class OutsideKey:
    """Marks a field that says where something lies on this machine, not what it is; it never enters a key."""


Here = Annotated[str, OutsideKey()]
"""A path on this machine. Two checkouts of one project in different folders have equal keys."""


def key_fields(record: BaseModel) -> dict[str, Any]:
    """The fields of a record that decide what it is: all but those marked `OutsideKey`."""
    return {
        name: getattr(record, name)
        for name, field in type(record).model_fields.items()
        if not any(isinstance(mark, OutsideKey) for mark in field.metadata)
    }


def plain(value: Any) -> Any:
    """A value as canonical plain data: records as mappings, text in NFC, sets sorted, no NaN.

    Raises:
        TypeError: the value is no record, mapping, sequence, set, text, number, truth value, date or None.
        ValueError: a float is not finite; NaN is not equal to itself and would never hit.
    """
    if isinstance(value, BaseModel):
        return {name: plain(item) for name, item in key_fields(value).items()}
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} cannot be part of a key")
        return value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {plain(str(name)): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=json.dumps)
    raise TypeError(f"{type(value).__name__} cannot be part of a key")


def canonical_json(value: Any) -> bytes:
    """The one way to write plain data as bytes: sorted keys, no spaces, UTF-8, `1` and `1.0` apart."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest_of(content: bytes) -> str:
    """`sha256:` and 64 hex digits of the content."""
    return "sha256:" + hashlib.sha256(content).hexdigest()
