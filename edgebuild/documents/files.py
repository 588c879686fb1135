"""Files and texts in and out of YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgebuild.documents.construction import Construction
from edgebuild.documents.document import Document, shown_name
from edgebuild.documents.syntax import syntax_problem
from edgebuild.documents.tree import LINE_ENDS, Tree, printable
from edgebuild.errors import Problem, Span, SpecError, did_you_mean
from edgebuild.reads import probed

MAX_BYTES = 1_000_000


def read(file: Path, suffixes: tuple[str, ...] = (".yaml", ".yml")) -> Document:
    """A YAML file.

    Raises:
        SpecError: no such file, a folder, no UTF-8, too large, empty, no mapping, or no YAML.
    """
    shown = shown_name(file)
    if probed(file).is_dir():
        inside = sorted(path.name for path in file.iterdir() if path.suffix in suffixes)
        fix = f"Name the file in it: {', '.join(inside)}." if inside else "Name a YAML file."
        raise SpecError(Problem(shown, "is a folder, not a file.", fix))
    if not file.exists():
        near = did_you_mean(file.name, neighbours(file, suffixes))
        raise SpecError(Problem(shown, f"does not exist{near or '.'}", "Correct the path."))
    try:
        if file.stat().st_size > MAX_BYTES:
            what = f"has {file.stat().st_size:,} bytes; no spec is larger than {MAX_BYTES:,}."
            raise SpecError(Problem(shown, what, "Name the spec, not the model or the data."))
        content = file.read_bytes()
    except OSError as error:
        raise SpecError(Problem(shown, f"cannot be read: {error.strerror}.", "Change its rights.")) from error
    return parse(decoded(content, shown), file)


def neighbours(file: Path, suffixes: tuple[str, ...] = ()) -> list[str]:
    """Names in the folder of a file, to guess what was meant."""
    try:
        return sorted(path.name for path in file.parent.iterdir() if not suffixes or path.suffix in suffixes)
    except OSError:
        return []


def decoded(content: bytes, shown: str) -> str:
    """UTF-8 bytes as text.

    Raises:
        SpecError: they are none, with the place of the first wrong byte.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SpecError(Problem("", "the file is UTF-16, not UTF-8.", "Save the file as UTF-8.", Span(shown, 1, 1)))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace")
        lines = LINE_ENDS.split(before)
        byte = f"0x{content[error.start]:02x}"
        text = LINE_ENDS.split(content[error.start :].decode("latin-1"))[0]
        span = Span(shown, len(lines), len(lines[-1]) + 1, 1, printable(lines[-1] + text))
        what = f"the byte {byte} is no UTF-8."
        raise SpecError(Problem("", what, "Save the file as UTF-8.", span)) from error


def parse(text: str, file: Path) -> Document:
    """YAML text; `file` names it and is where its relative paths start.

    Raises:
        SpecError: it is empty, no mapping, or no YAML.
    """
    from yaml import YAMLError

    document = Document(file, shown_name(file))
    try:
        top = Tree(text, document.shown).read()
    except YAMLError as error:
        raise SpecError(syntax_problem(error, text, document.shown)) from error
    if top is None or (top.kind == "scalar" and top.plain and top.text in ("", "~", "null")):
        fix = "Write one with `edgebuild init MODEL`."
        raise SpecError(Problem("", "the file is empty.", fix, Span(document.shown, 1, 1)))
    if top.kind != "mapping":
        what = f"must hold keys with values, got {'a list' if top.kind == 'sequence' else 'a text'}."
        raise SpecError(Problem("", what, "Write `key: value` lines.", top.span))
    Construction(document).build(top)
    return document


def write(value: Any) -> str:
    """Plain data as YAML text, keys in their order."""
    import yaml

    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120))
