"""What a plain scalar means, and where YAML readers disagree about it."""

from __future__ import annotations

import re
from typing import Any

VERSIONS = ("version", "release", "minimum_os")
"""Keys whose value is a text however much it looks like a number."""
WORDS = ("yes", "no", "on", "off", "y", "n")
NUMBER = re.compile(r"[-+]?[0-9][0-9_]*(\.[0-9_]*)?")
INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
SPECIAL = {".inf": float("inf"), "+.inf": float("inf"), "-.inf": float("-inf"), ".nan": float("nan")}
DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?")
SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
OCTAL = re.compile(r"[-+]?0[0-9_]+")
GROUPED = re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?")
HEXADECIMAL = re.compile(r"[-+]?0[xb][0-9a-fA-F_]+")


def scalar(text: str) -> tuple[Any, str, str]:
    """What a plain scalar means, with a doubt about it and the fix where YAML 1.1 and 1.2 read it differently."""
    lower = text.lower()
    if lower in ("", "~", "null"):
        return None, "", ""
    if lower in ("true", "false"):
        return lower == "true", "", ""
    if INTEGER.fullmatch(text):
        # Python refuses to convert longer ones; no quantity has so many digits.
        return (int(text) if len(text) < 400 else float("inf")), "", ""
    if FLOAT.fullmatch(text) and not OCTAL.fullmatch(text):
        return float(text), "", ""
    if lower in SPECIAL:
        return SPECIAL[lower], "", ""
    return text, *doubt(text, lower)


def doubt(text: str, lower: str) -> tuple[str, str]:
    """Why a text is something else to other readers, and the fix; empty where it is a text to all."""
    if lower in WORDS[:4]:
        truth = "true" if lower in ("yes", "on") else "false"
        what = f"`{text}` is a truth value to some YAML readers and a text to others."
        return what, f'Write `{truth}`, or "{text}" in quotes for the text.'
    if OCTAL.fullmatch(text):
        what = f"`{text}` is an octal number to some YAML readers."
        return what, f'Write {text.lstrip("+-0") or "0"}, or "{text}" in quotes for the text.'
    number = f"`{text}` is a number to some YAML readers and a text to others."
    if GROUPED.fullmatch(text):
        return number, f"Write {text.replace('_', '')}."
    if HEXADECIMAL.fullmatch(text):
        return number, "Write it in decimal digits."
    if SEXAGESIMAL.fullmatch(text):
        what = f"`{text}` is a number in base 60 to some YAML readers."
        return what, f'Write a duration with its unit (`90 s`), or "{text}" in quotes for the text.'
    if DATE.fullmatch(text):
        return f"`{text}` is a date to some YAML readers and a text to others.", f'Put it in quotes: "{text}".'
    return "", ""
