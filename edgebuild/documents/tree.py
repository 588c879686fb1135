"""Text → nodes with their spans, within limits that no honest file meets."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from edgebuild.documents.document import quotable
from edgebuild.errors import Problem, Span, SpecError, did_you_mean

MAX_DEPTH = 60
MAX_LINE = 400

LINE_ENDS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What libyaml counts as the end of a line."""


def printable(line: str) -> str:
    """A line as a terminal may show it, each character one column wide; nothing where it is too long to show."""
    if len(line) > MAX_LINE:
        return ""
    return line if line.isprintable() else "".join(char if char.isprintable() else " " for char in line)


@dataclass
class Node:
    """One event of the text, with what stands below it."""

    kind: str
    """`scalar`, `sequence`, `mapping`, `alias`."""
    span: Span
    text: str = ""
    plain: bool = False
    tag: str = ""
    items: list[Node] = field(default_factory=list)
    """Of a mapping: key, value, key, value, …; of an alias: what it stands for."""
    open: bool = True


class Tree:
    """Events of libyaml to nodes. Not `compose`: it crashes on deep nesting and forgets where an alias stands."""

    def __init__(self, text: str, shown: str) -> None:
        self.text, self.shown = text, shown
        self.lines = LINE_ENDS.split(text)
        self.anchors: dict[str, Node] = {}

    def read(self) -> Node | None:
        """The node at the top; None where there is none.

        Raises:
            YAMLError: the text is no YAML.
            SpecError: a second document, deep nesting, or an alias of nothing.
        """
        import yaml

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        top: Node | None = None
        stack: list[Node] = []
        for event in yaml.parse(self.text, Loader=loader):
            if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                stack.pop().open = False
            if isinstance(event, yaml.DocumentStartEvent) and top is not None:
                what = "a second document starts here; a file holds one."
                raise SpecError(Problem("", what, "Put it into a file of its own.", self.span(event)))
            if not isinstance(event, yaml.NodeEvent):
                continue
            node = self.alias(event) if isinstance(event, yaml.AliasEvent) else self.node(event)
            top = top or node
            if stack:
                stack[-1].items.append(node)
            if isinstance(event, yaml.CollectionStartEvent):
                stack.append(node)
            if len(stack) > MAX_DEPTH:
                what = f"is nested deeper than {MAX_DEPTH} levels."
                raise SpecError(Problem("", what, "Make it flatter.", node.span))
        return top

    def node(self, event: Any) -> Node:
        """The node of one event."""
        import yaml

        span = self.span(event)
        tag = (event.tag or "").removeprefix("tag:yaml.org,2002:")
        if isinstance(event, yaml.ScalarEvent):
            node = Node("scalar", span, event.value, bool(event.implicit[0]), tag, open=False)
        else:
            kind = "mapping" if isinstance(event, yaml.MappingStartEvent) else "sequence"
            # Width 0 marks a block, which is better shown by its key.
            node = Node(kind, span if event.flow_style else replace(span, width=0), tag=tag)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def alias(self, event: Any) -> Node:
        """A node that refers to the node of its anchor.

        Raises:
            SpecError: there is none, or the alias is part of it.
        """
        span, name = self.span(event), str(event.anchor)
        known = self.anchors.get(name)
        if known is None:
            near = did_you_mean(name, list(self.anchors)) or "."
            what = f"no anchor `&{name}` stands before this alias{near}"
            fix = f"Write `&{name}` before the value it repeats."
            raise SpecError(Problem("", quotable(what), quotable(fix), span))
        if known.open:
            what = quotable(f"the alias `*{name}` stands inside its own value.")
            raise SpecError(Problem("", what, "Write it out.", span))
        return Node("alias", span, items=[known], open=False)

    def span(self, event: Any) -> Span:
        """Of an event, to the end of its first line at most."""
        start, end = event.start_mark, event.end_mark
        line = self.lines[start.line] if start.line < len(self.lines) else ""
        stop = end.column if end.line == start.line else len(line.rstrip())
        return Span(self.shown, start.line + 1, start.column + 1, max(1, stop - start.column), printable(line))
