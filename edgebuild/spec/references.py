"""`${…}` in texts: the environment, roots of the data, axes of the matrix."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from edgebuild.documents import VERSIONS, Loc, scalar
from edgebuild.reads import environ
from edgebuild.spec.check import Checker

REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)\}")
ENVIRONMENT = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)

TEXTS = ("name", *VERSIONS)
"""Keys that hold a text, whatever a variable holds."""


def fill(checker: Checker, loc: Loc, known: Callable[[str], Any], typed: bool = False) -> None:
    """Replace references in all texts below a place.

    Args:
        checker: whose document is changed.
        loc: where to begin.
        known: content of `${…}` to its value; None leaves it alone, a `Missing` is a problem.
        typed: whether a text that a reference stands for as a whole means what it would mean if typed there.
    """
    document = checker.document
    around = document.value
    for part in loc:
        around = around[part]
    for key, value in list(around.items() if isinstance(around, dict) else enumerate(around)):
        here = (*loc, key)
        if isinstance(value, str) and "${" in value:
            filled, missing = substituted(value, known)
            for item in missing:
                checker.say(here, item.what, item.fix)
            if typed and filled != value and REFERENCE.fullmatch(value) and key not in TEXTS:
                meant, doubt, _ = scalar(filled)
                filled = filled if doubt else meant
            document.put(here, filled)
        elif isinstance(value, dict | list) and not (not loc and str(key).startswith("x-")):
            fill(checker, here, known, typed)


class Missing:
    """Nothing is known by that name."""

    def __init__(self, what: str, fix: str) -> None:
        self.what, self.fix = what, fix


def substituted(text: str, known: Callable[[str], Any]) -> tuple[Any, list[Missing]]:
    """A text with its references replaced; one that is all of the text keeps the type of its value."""
    missing: list[Missing] = []

    def replacement(match: re.Match[str]) -> str:
        if match.group(0) == "$${":
            return match.group(0)
        value = known(match.group(1))
        if isinstance(value, Missing):
            missing.append(value)
        return match.group(0) if value is None or isinstance(value, Missing) else f"{value}"

    whole = REFERENCE.fullmatch(text)
    if whole and whole.group(1) is not None:
        value = known(whole.group(1))
        if isinstance(value, Missing):
            return text, [value]
        return (text if value is None else value), []
    return REFERENCE.sub(replacement, text), missing


def environment(name: str) -> Any:
    """The value of `env:NAME` or `env:NAME:-default`; None for what is no variable."""
    if not name.startswith("env:"):
        return None
    found = ENVIRONMENT.fullmatch(name)
    if found is None:
        return Missing(f"`${{{name}}}` is no variable.", "Write `${env:NAME}` or `${env:NAME:-default}`.")
    variable = found.group(1)
    default: str | None = found.group(2)
    text = environ(variable, default)
    if text is None:
        fix = f"Set it, or give a default: `${{env:{variable}:-…}}`."
        return Missing(f"the environment variable `{variable}` is not set.", fix)
    return text


def mentioned(*texts: Any) -> list[str]:
    """What stands in the references of some texts, each once."""
    found = [match.group(1) for text in texts for match in REFERENCE.finditer(f"{text}")]
    return list(dict.fromkeys(name for name in found if name is not None))


def unescape(value: Any) -> None:
    """`$${` is how a text says `${`."""
    for key, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
        if isinstance(item, str) and "$${" in item:
            value[key] = item.replace("$${", "${")
        elif isinstance(item, dict | list):
            unescape(item)
