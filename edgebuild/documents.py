"""YAML with positions: every key and value knows where it stands. The only YAML reader and writer of the project."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgebuild.errors import Problem, Span, SpecError, did_you_mean

Loc = tuple[str | int, ...]
"""Way from the top of a document to a value: keys and list positions."""

MAX_BYTES = 1_000_000
MAX_DEPTH = 60
MAX_LINE = 400
MAX_VALUES = 20_000
"""Values a document may have once its aliases are followed; the longest honest spec we know has 400."""

LINE_ENDS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What libyaml counts as the end of a line."""


@dataclass(frozen=True)
class Place:
    """Where one value of a document came from."""

    value: Span
    key: Span | None = None
    raw: str = ""
    """A plain scalar as typed; empty for the others."""
    folder: Path = Path()
    """Folder of the file it was written in; its relative paths start there."""
    via: Span | None = None
    """The alias that brought it here, where it was written elsewhere."""


@dataclass
class Document:
    """The content of a YAML file as plain values, with the place of each."""

    file: Path
    shown: str
    """The file as problems name it."""
    value: Any = None
    places: dict[Loc, Place] = field(default_factory=dict)
    traps: dict[Loc, list[Problem]] = field(default_factory=dict)
    """What YAML itself makes doubtful, by where it stands."""

    def place(self, loc: Loc) -> Place:
        """Of a value, or of the nearest one around it."""
        while loc and loc not in self.places:
            loc = loc[:-1]
        return self.places.get(loc) or Place(Span(self.shown, 1, 1), folder=self.file.parent)

    def problem(self, loc: Loc, what: str, fix: str = "", key: bool = False) -> Problem:
        """A problem at a value, or at its key; a mapping over several lines is shown by its key."""
        place = self.place(loc)
        span = place.key if place.key and (key or place.value.width == 0 or loc not in self.places) else place.value
        note = f" (used at line {place.via.line})" if place.via else ""
        return Problem(dotted(loc), what + note, fix, replace(span, width=max(1, span.width)))

    def put(self, loc: Loc, value: Any) -> None:
        """Set a value that exists already; what was below it loses its places."""
        parent = self.value
        for part in loc[:-1]:
            parent = parent[part]
        parent[loc[-1]] = value


def dotted(loc: Loc) -> str:
    """`candidates.slim.steps[0].quantize`."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def shown_name(file: Path) -> str:
    """A file as problems name it: relative where it lies below the current folder."""
    absolute = file.absolute()
    return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else str(absolute)


def read(file: Path, suffixes: tuple[str, ...] = (".yaml", ".yml")) -> Document:
    """A YAML file.

    Raises:
        SpecError: no such file, a folder, no UTF-8, too large, empty, no mapping, or no YAML.
    """
    shown = shown_name(file)
    if file.is_dir():
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
        tree = _Tree(text, document.shown, file.parent)
        top = tree.read()
    except YAMLError as error:
        raise SpecError(syntax_problem(error, text, document.shown)) from error
    if top is None or (top.kind == "scalar" and top.plain and top.text in ("", "~", "null")):
        fix = "Write one with `edgebuild init MODEL`."
        raise SpecError(Problem("", "the file is empty.", fix, Span(document.shown, 1, 1)))
    if top.kind != "mapping":
        what = f"must hold keys with values, got {'a list' if top.kind == 'sequence' else 'a text'}."
        raise SpecError(Problem("", what, "Write `key: value` lines.", top.span))
    _Construction(document, file.parent).build(top)
    return document


def printable(line: str) -> str:
    """A line as a terminal may show it, each character one column wide; nothing where it is too long to show."""
    if len(line) > MAX_LINE:
        return ""
    return line if line.isprintable() else "".join(char if char.isprintable() else " " for char in line)


@dataclass
class _Node:
    kind: str
    """`scalar`, `sequence`, `mapping`, `alias`."""
    span: Span
    text: str = ""
    plain: bool = False
    tag: str = ""
    items: list[_Node] = field(default_factory=list)
    """Of a mapping: key, value, key, value, …; of an alias: what it stands for."""
    open: bool = True


class _Tree:
    """Events of libyaml to nodes. Not `compose`: it crashes on deep nesting and forgets where an alias stands."""

    def __init__(self, text: str, shown: str, folder: Path) -> None:
        self.text, self.shown, self.folder = text, shown, folder
        self.lines = LINE_ENDS.split(text)
        self.anchors: dict[str, _Node] = {}

    def read(self) -> _Node | None:
        import yaml

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        top: _Node | None = None
        stack: list[_Node] = []
        for event in yaml.parse(self.text, Loader=loader):
            if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                stack.pop().open = False
            if isinstance(event, yaml.DocumentStartEvent) and top is not None:
                what = "a second document starts here; a file holds one."
                raise SpecError(Problem("", what, "Put it into a file of its own.", self.span(event)))
            if not isinstance(event, yaml.NodeEvent):
                continue
            node = self.node(event)
            top = top or node
            if stack:
                stack[-1].items.append(node)
            if isinstance(event, yaml.CollectionStartEvent):
                stack.append(node)
            if len(stack) > MAX_DEPTH:
                raise SpecError(
                    Problem("", f"is nested deeper than {MAX_DEPTH} levels.", "Make it flatter.", node.span)
                )
        return top

    def node(self, event: Any) -> _Node:
        """The node of one event; an alias refers to the node of its anchor."""
        import yaml

        span = self.span(event)
        if isinstance(event, yaml.AliasEvent):
            name = str(event.anchor)
            known = self.anchors.get(name)
            if known is None or known.open:
                what = (
                    f"the alias `*{name}` contains itself."
                    if known
                    else f"no anchor `&{name}` stands before this alias"
                )
                what += "" if known else did_you_mean(name, list(self.anchors)) or "."
                raise SpecError(Problem("", what, f"Write `&{name}` before the value it repeats.", span))
            return _Node("alias", span, items=[known], open=False)
        tag = (event.tag or "").removeprefix("tag:yaml.org,2002:")
        if isinstance(event, yaml.ScalarEvent):
            node = _Node("scalar", span, event.value, bool(event.implicit[0]), tag, open=False)
        else:
            kind = "mapping" if isinstance(event, yaml.MappingStartEvent) else "sequence"
            # Width 0 marks a block, which is better shown by its key.
            node = _Node(kind, span if event.flow_style else replace(span, width=0), tag=tag)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def span(self, event: Any) -> Span:
        """Of an event, to the end of its first line at most."""
        start, end = event.start_mark, event.end_mark
        line = self.lines[start.line] if start.line < len(self.lines) else ""
        stop = end.column if end.line == start.line else len(line.rstrip())
        return Span(self.shown, start.line + 1, start.column + 1, max(1, stop - start.column), printable(line))


class _Construction:
    """Nodes to values and places."""

    def __init__(self, document: Document, folder: Path) -> None:
        self.document, self.folder = document, folder
        self.count = 0
        self.seen: set[tuple[int, int]] = set()

    def build(self, top: _Node) -> None:
        self.document.value = self.value(top, (), None, None)

    def value(self, node: _Node, loc: Loc, key: Span | None, via: Span | None) -> Any:
        if node.kind == "alias":
            node, via = node.items[0], via or node.span
        self.count += 1
        if self.count > MAX_VALUES:
            what = f"its aliases expand to more than {MAX_VALUES:,} values."
            raise SpecError(Problem("", what, "Repeat less: write out what is meant.", via or node.span))
        raw = node.text if node.plain else ""
        self.document.places[loc] = Place(node.span, key, raw, self.folder, via)
        if node.tag and node.tag not in TAGS[node.kind]:
            self.trap(loc, node.span, f"the tag `!{node.tag.lstrip('!')}` has no meaning here.", "Leave it out.")
        if node.kind == "sequence":
            return [self.value(item, (*loc, index), None, via) for index, item in enumerate(node.items)]
        if node.kind == "mapping":
            return self.mapping(node, loc, via)
        if not node.plain and node.tag in ("", "str", "!"):
            return node.text
        if loc and loc[-1] in VERSIONS and NUMBER.fullmatch(node.text):
            what = f"`{node.text}` is a number to YAML, where 1.20 and 1.2 are the same."
            self.trap(loc, node.span, what, f'Put the version in quotes: "{node.text}".')
            return node.text
        value, trap, fix = scalar(node.text)
        if trap:
            self.trap(loc, node.span, trap, fix)
        return value

    def mapping(self, node: _Node, loc: Loc, via: Span | None) -> dict[str, Any]:
        own: dict[str, Any] = {}
        first: dict[str, Span] = {}
        merged: list[tuple[_Node, Span]] = []
        for key, value in zip(node.items[::2], node.items[1::2], strict=True):
            if key.kind == "alias":
                key = replace(key.items[0], span=key.span)  # noqa: PLW2901
            if key.kind != "scalar":
                self.trap(loc, key.span, "a key must be a text.", "Write `key: value`.")
                continue
            name = key.text
            if name == "<<" and key.plain:
                merged.extend((item, item.span) for item in self.merges(value, loc))
                continue
            if name in first:
                what = f"the key `{name}` stands here twice; the first is at line {first[name].line}."
                self.trap((*loc, name), key.span, what, "Keep one of them.")
                continue
            if key.plain and name.lower() in WORDS:
                what = f"the key `{name}` is a truth value to some YAML readers and a text to others."
                self.trap((*loc, name), key.span, what, f'Put it in quotes: "{name}".')
            first[name] = key.span
            own[name] = self.value(value, (*loc, name), key.span, via)
        inherited: dict[str, Any] = {}
        for source, site in merged:
            for key, value in zip(source.items[::2], source.items[1::2], strict=True):
                if key.text not in first and key.text not in inherited:
                    inherited[key.text] = self.value(value, (*loc, key.text), key.span, via or site)
        return {**inherited, **own}

    def merges(self, value: _Node, loc: Loc) -> Iterator[_Node]:
        """The mappings that `<<` merges; the alias keeps its own span."""
        for item in value.items if value.kind == "sequence" else [value]:
            real = item.items[0] if item.kind == "alias" else item
            if real.kind != "mapping":
                self.trap(loc, item.span, "`<<` merges mappings only.", "Name an anchor before a mapping.")
                continue
            nested = [key for key in real.items[::2] if key.text == "<<"]
            if nested:
                self.trap(loc, nested[0].span, "`<<` inside what is merged is not followed.", "Write the keys out.")
            yield replace(real, span=item.span, items=list(self.without_merges(real)))

    def without_merges(self, node: _Node) -> Iterator[_Node]:
        for key, value in zip(node.items[::2], node.items[1::2], strict=True):
            if key.kind == "scalar" and key.text != "<<":
                yield from (key, value)

    def trap(self, loc: Loc, span: Span, what: str, fix: str) -> None:
        """Note what is doubtful, once for each place in the file."""
        if (span.line, span.column) not in self.seen and not (loc and str(loc[0]).startswith("x-")):
            self.seen.add((span.line, span.column))
            self.document.traps.setdefault(loc, []).append(Problem(dotted(loc), what, fix, span))


TAGS = {"scalar": ("str", "int", "float", "bool", "null", "!"), "sequence": ("seq", "!"), "mapping": ("map", "!")}
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


SYNTAX = (
    ("mapping values are not allowed", "a second `: ` stands in one value.", 'Put a text with ": " in quotes.'),
    ("expected ',' or ']'", "the list that opens with `[` is not closed here.", "Add `,` or `]`."),
    ("expected ',' or '}'", "the mapping that opens with `{` is not closed here.", "Add `,` or `}`."),
    ("could not find expected ':'", "a key without `:`.", "Write `key: value`, with a space after the colon."),
    ("did not find expected key", "the indentation fits no line above.", "Indent keys of one mapping alike."),
    ("did not find expected '-'", "the indentation fits no line above.", "Begin every item of the list with `-`."),
    ("did not find expected node", "a value is missing before this.", "Write it, or remove the comma or bracket."),
    ("unexpected end of stream", "the quote that opens here is not closed.", "Close it."),
    ("unknown escape character", "this backslash means nothing in double quotes.", "Use single quotes, or `\\\\`."),
    ("directive", "a line that begins with `%` is a directive to YAML.", "Remove it, or put the text in quotes."),
)


def syntax_problem(error: Any, text: str, shown: str) -> Problem:
    """What libyaml said, in words for the author of the file."""
    lines = LINE_ENDS.split(text)
    if getattr(error, "problem_mark", None) is None:
        position = getattr(error, "position", 0)
        before = LINE_ENDS.split(text[:position])
        span = Span(shown, len(before), len(before[-1]) + 1, 1, printable(lines[len(before) - 1]))
        code = text[position : position + 1]
        what = f"the control character U+{ord(code):04X} is not allowed." if code else "no YAML."
        return Problem("", what, "Remove it.", span)
    mark, words = error.problem_mark, str(error.problem)
    if "unexpected end" in words and error.context_mark is not None:
        mark = error.context_mark
    row = min(mark.line, len(lines) - 1)
    line = lines[row]
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent:
        span = Span(shown, row + 1, indent.index("\t") + 1, 1, printable(line))
        return Problem("", "a tab indents this line; YAML indents with spaces.", "Use spaces.", span)
    span = Span(shown, row + 1, mark.column + 1, 1, printable(line))
    if "cannot start any token" in words and mark.column < len(line):
        char = line[mark.column]
        return Problem("", f"`{char}` cannot begin a value.", "Put the value in quotes.", span)
    for part, what, fix in SYNTAX:
        if part in words:
            return Problem("", what, fix, span)
    return Problem("", f"no YAML: {words}.", "Correct the line.", span)


def read_plain(file: Path) -> dict[str, Any]:
    """The content of a YAML file without places.

    Raises:
        SpecError: as `read`, and for everything that YAML readers understand differently.
    """
    document = read(file)
    problems = [problem for found in document.traps.values() for problem in found]
    if problems:
        raise SpecError(*problems)
    content: dict[str, Any] = document.value
    return content


def write(value: Any) -> str:
    """Plain data as YAML text, keys in their order."""
    import yaml

    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120))
