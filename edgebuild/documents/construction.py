"""Nodes → values and places, with aliases and merges followed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from edgebuild.documents.document import Document, Loc, Place, dotted, quotable
from edgebuild.documents.scalars import NUMBER, VERSIONS, WORDS, scalar
from edgebuild.documents.tree import Node
from edgebuild.errors import Problem, Span, SpecError

MAX_VALUES = 20_000
"""Values a document may have once its aliases are followed; the longest honest spec we know has 400."""

TAGS = {"scalar": ("str", "int", "float", "bool", "null", "!"), "sequence": ("seq", "!"), "mapping": ("map", "!")}
"""Tags that say no more than the value itself does."""


class Construction:
    """One document under way."""

    def __init__(self, document: Document) -> None:
        self.document, self.folder = document, document.file.parent
        self.count = 0
        self.seen: set[tuple[int, int]] = set()

    def build(self, top: Node) -> None:
        """Fill the document.

        Raises:
            SpecError: its aliases expand to more values than anybody wrote.
        """
        self.document.value = self.value(top, (), None, None)

    def value(self, node: Node, loc: Loc, key: Span | None, via: Span | None) -> Any:
        """The value of a node; `via` is the alias that leads to it."""
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
        return self.scalar(node, loc)

    def scalar(self, node: Node, loc: Loc) -> Any:
        """The value of a scalar node, with what is doubtful about it noted."""
        if not node.plain and node.tag in ("", "str", "!"):
            return node.text
        if loc and loc[-1] in VERSIONS and NUMBER.fullmatch(node.text):
            what = f"`{node.text}` is a number to YAML, where 1.20 and 1.2 are the same."
            self.trap(loc, node.span, what, f'Put the version in quotes: "{node.text}".')
            return node.text
        value, doubt, fix = scalar(node.text)
        if doubt:
            self.trap(loc, node.span, doubt, fix)
        return value

    def mapping(self, node: Node, loc: Loc, via: Span | None) -> dict[str, Any]:
        """The keys of a mapping over those that `<<` brings."""
        own: dict[str, Any] = {}
        first: dict[str, Span] = {}
        merged: list[Node] = []
        for key, value in pairs(node):
            if key.kind == "alias":
                key = replace(key.items[0], span=key.span)  # noqa: PLW2901
            if key.kind != "scalar" or not key.text:
                self.trap(loc, key.span, "a key must be a text.", "Write `key: value`.")
            elif key.text == "<<" and key.plain:
                merged.extend(self.merges(value, loc))
            elif key.text in first:
                what = f"the key `{key.text}` stands here twice; the first is at line {first[key.text].line}."
                self.trap((*loc, key.text), key.span, what, "Keep one of them.")
            else:
                self.word((*loc, key.text), key)
                first[key.text] = key.span
                own[key.text] = self.value(value, (*loc, key.text), key.span, via)
        return {**self.inherited(merged, first, loc, via), **own}

    def word(self, loc: Loc, key: Node) -> None:
        """A key that some readers take for a truth value."""
        if key.plain and key.text.lower() in WORDS:
            what = f"the key `{key.text}` is a truth value to some YAML readers and a text to others."
            self.trap(loc, key.span, what, f'Put it in quotes: "{key.text}".')

    def inherited(self, merged: list[Node], own: dict[str, Span], loc: Loc, via: Span | None) -> dict[str, Any]:
        """What merged mappings bring besides a mapping's own keys; the first to have a key gives it."""
        found: dict[str, Any] = {}
        for source in merged:
            for key, value in pairs(source):
                if key.kind == "scalar" and key.text != "<<" and key.text not in own and key.text not in found:
                    found[key.text] = self.value(value, (*loc, key.text), key.span, via or source.span)
        return found

    def merges(self, value: Node, loc: Loc) -> Iterator[Node]:
        """The mappings that `<<` names, each with the span of its alias."""
        for item in value.items if value.kind == "sequence" else [value]:
            real = item.items[0] if item.kind == "alias" else item
            if real.kind != "mapping":
                fix = "Write `<<: *NAME`, with `&NAME` before a mapping."
                self.trap(loc, item.span, "`<<` merges mappings only.", fix)
                continue
            nested = [key for key, _ in pairs(real) if key.text == "<<"]
            if nested:
                self.trap(loc, nested[0].span, "`<<` inside what is merged is not followed.", "Write the keys out.")
            yield replace(real, span=item.span)

    def trap(self, loc: Loc, span: Span, what: str, fix: str) -> None:
        """Note what is doubtful, once for each place in the file."""
        if (span.line, span.column) not in self.seen and not (loc and str(loc[0]).startswith("x-")):
            self.seen.add((span.line, span.column))
            problem = Problem(quotable(dotted(loc)), quotable(what), quotable(fix), span)
            self.document.traps.setdefault(loc, []).append(problem)


def pairs(mapping: Node) -> Iterator[tuple[Node, Node]]:
    """Keys and values of a mapping."""
    return zip(mapping.items[::2], mapping.items[1::2], strict=True)
