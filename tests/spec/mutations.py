"""Every way a person, an editor or a disk might spoil a valid spec."""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import yaml
from hypothesis import strategies as st

from tests.spec.seeds import SEEDS

BOMB = "{a0: &b0 x, " + ", ".join(f"a{n}: &b{n} [{', '.join([f'*b{n - 1}'] * 9)}]" for n in range(1, 9)) + "}"
PLAIN = r"""
null ⏐ ~ ⏐ [] ⏐ {} ⏐ [{}] ⏐ [[]] ⏐ {a: b} ⏐ [a, b] ⏐ [x] ⏐ {a: {b: {c: [1, 2]}}} ⏐ - a
true ⏐ false ⏐ yes ⏐ no ⏐ on ⏐ Off ⏐ 0 ⏐ 1 ⏐ -1 ⏐ 3.5 ⏐ 1e400 ⏐ -0.0 ⏐ 1.20 ⏐ 1_000
0x1F ⏐ 010 ⏐ .nan ⏐ .inf ⏐ -.inf ⏐ 999999999999999999999999999999 ⏐ 1e308 ⏐ 0.1e-320 ⏐ 1:30
12:30:45 ⏐ 2024-02-30 ⏐ 2024-01-01 ⏐ 2024-01-01T10:00:00Z ⏐ 99999-01-01 ⏐ = ⏐ << ⏐ * ⏐ & ⏐ %
@ ⏐ ` ⏐ ! ⏐ ? ⏐ "\0" ⏐ "\x07\e" ⏐ "\uD800" ⏐ "\U0001F600" ⏐ 日本語 ⏐ 🦊 ⏐ "a\nb" ⏐ 'it''s'
!!python/object:os.system x ⏐ !!python/name:os.system ⏐ !!binary aGk= ⏐ !!set {a, b} ⏐ !!omap [a: 1]
!!float nan ⏐ !!int x ⏐ !!str 1 ⏐ !!null x ⏐ !!bool maybe ⏐ !!timestamp x ⏐ !foo {a: b} ⏐ ! x
!<x> y ⏐ &a x ⏐ *a ⏐ &a [*a] ⏐ {<<: *a} ⏐ {<<: x} ⏐ {<<: [x, {a: b}]} ⏐ {<<: {<<: {a: b}}}
&a &b x ⏐ *common ⏐ {? {a: b} : c} ⏐ {[a]: b} ⏐ {: b} ⏐ ${x} ⏐ ${ ⏐ ${} ⏐ ${env:} ⏐ ${env:HOME}
${env:A:-${env:B}} ⏐ $${x} ⏐ ${board} ⏐ ${env:X:-[1, 2]} ⏐ model.onnx ⏐ / ⏐ . ⏐ .. ⏐ ~
~nobody/x ⏐ ../../.. ⏐ /dev/null ⏐ /proc/self/mem ⏐ data.py ⏐ images ⏐ data.py: ⏐ data.py:samples
:samples ⏐ broken.py:f ⏐ data.py:a b ⏐ labels.txt ⏐ samples.npz: ⏐ a\b ⏐ package://
package://numpy ⏐ package://numpy/../x ⏐ package://no-such/x.onnx ⏐ registry://a@1 ⏐ http://x ⏐ **
[ ⏐ ***/* ⏐ **/../** ⏐ [a- ⏐ /dev/* ⏐ //x ⏐ sha256: ⏐ deployment.edge.yaml ⏐ 8 ms ⏐ 8ms
-8 ms ⏐ nan ms ⏐ inf ms ⏐ 1e999 ms ⏐ 0 % ⏐ 1/0 ⏐ 0/0 ⏐ 1/3/5 ⏐ x ⏐ 1x ⏐ 1.. ⏐ 1..0 ⏐ 1 pp
2 MiB ⏐ 30 dB ⏐ 90 d ⏐ 1e30 d ⏐ all ⏐ here ⏐ source ⏐ defaults ⏐ int8 ⏐ mixed ⏐ coreml
tensorrt ⏐ onnxruntime ⏐ litert ⏐ top1 ⏐ f1 ⏐ sqnr ⏐ accuracy ⏐ latency.p50 ⏐ dynamic
"""
"""Values as a person might write them, between bars."""

ODD = (
    "",
    *("9" * 5000, "-" + "9" * 350, "9" * 400 + " ms", "a" * 70_000, '"' + "a b " * 9000 + '"', "é" * 40),
    *("\x00", "\x07", "\x7f", "\x85", "\ufeff", "\u2028", "\ud7ff", "|\n  block\n", ">\n  folded"),
    *("[" * 1000 + "]" * 1000, "[" * 50 + "]" * 50, "{a: " * 1000 + "}" * 1000),
    *("sha256:" + "0" * 64, BOMB),
)
"""Values that limits are for, and characters that no keyboard has."""

VALUES = (*ODD, *(value for line in PLAIN.split("\n") for value in line.split(" ⏐ ") if value))

PIECES = [
    *["\t", "\r", "\ufeff", "\x00", "\x1b[31m", "\u2028", ":", "#", "&a", "*a"],
    "\r\n",
    "---\n",
    "...\n",
    "%YAML 9\n",
    "- ",
]
LETTERS = "abcdefghijklmnopqrstuvwxyz._-@$*0"


class Tree:
    """A spec as nested lists of keys and written values, where a key may stand twice and a value be anything."""

    def __init__(self, text: str) -> None:
        self.known: dict[int, str] = {}
        self.top = self.taken(yaml.compose(text, Loader=yaml.SafeLoader))

    def taken(self, node: Any) -> Any:
        """A node as `["map", [[key, value], …]]`, `["list", [[value], …]]`, an alias, or what was written."""
        if isinstance(node, yaml.ScalarNode):
            return f'"{node.value}"' if node.style else node.value
        if id(node) in self.known:
            return f"*{self.known[id(node)]}"
        self.known[id(node)] = f"n{len(self.known)}"
        if isinstance(node, yaml.MappingNode):
            keys = [f'"{key.value}"' if "{" in key.value else key.value for key, _ in node.value]
            values = [self.taken(value) for _, value in node.value]
            return ["map", [list(entry) for entry in zip(keys, values, strict=True)], self.known[id(node)]]
        return ["list", [[self.taken(value)] for value in node.value], self.known[id(node)]]

    def slots(self) -> list[tuple[list[Any], int]]:
        """Every entry as its parent's list and its place there."""
        found: list[tuple[list[Any], int]] = []
        queue = [self.top]
        while queue:
            node = queue.pop(0)
            if isinstance(node, list):
                found += [(node[1], index) for index in range(len(node[1]))]
                queue += [entry[-1] for entry in node[1]]
        return found

    def text(self) -> str:
        """Sections as blocks, what is in them in one line; an anchor stands where an alias needs it."""
        lines = [f"{key}: {flow(value)}\n" for key, value in self.top[1]]
        used = {f"&{name}" for name in re.findall(r"\*(n\d+)", "".join(lines))}
        return ANCHOR.sub(lambda found: found[0] if found[1] in used else "", "".join(lines))


ANCHOR = re.compile(r"(&n\d*) ")


def flow(node: Any) -> str:
    """A node in one line."""
    if not isinstance(node, list):
        return str(node)
    kind, entries, name = node
    if kind == "map":
        return f"&{name} {{" + ", ".join(f"{key}: {flow(value)}" for key, value in entries) + "}"
    return f"&{name} [" + ", ".join(flow(value) for (value,) in entries) + "]"


def spelt(word: str, draw: st.DrawFn) -> str:
    """A word with a letter more, less, or another."""
    at = draw(st.integers(0, len(word)))
    letter = draw(st.sampled_from(["", *LETTERS]))
    return word[:at] + letter + word[at + draw(st.integers(0, 1)) :]


OTHERS = [parent[at][-1] for seed in SEEDS for parent, at in Tree(seed).slots()]
"""Every value of every valid spec."""


def change_tree(tree: Tree, draw: st.DrawFn) -> None:
    """One change to a key, a value or a subtree."""
    slots = tree.slots()
    if not slots:
        return
    parent, at = draw(st.sampled_from(slots))
    kind = draw(st.sampled_from(["delete", "double", "rename", "word", "value", "value", "other", "swap", "wrap"]))
    entry = parent[at]
    if kind == "delete":
        del parent[at]
    elif kind == "double":
        parent.insert(draw(st.integers(0, len(parent))), list(entry))
    elif kind == "rename" and len(entry) == 2:
        entry[0] = draw(st.one_of(st.just(spelt(str(entry[0]), draw)), st.sampled_from(VALUES)))
    elif kind == "word" and isinstance(entry[-1], str):
        entry[-1] = spelt(entry[-1], draw)
    elif kind == "other":
        # Another value of a valid spec, which goes further than nonsense does.
        entry[-1] = deepcopy(draw(st.sampled_from(OTHERS)))
    elif kind == "swap":
        other, there = draw(st.sampled_from(slots))
        entry[-1], other[there][-1] = deepcopy(other[there][-1]), deepcopy(entry[-1])
    elif kind == "wrap":
        entry[-1] = draw(st.sampled_from([["list", [[entry[-1]]], "n"], ["map", [["a", entry[-1]]], "n"]]))
    else:
        entry[-1] = draw(st.one_of(st.sampled_from(VALUES), st.text(max_size=12)))


def change_bytes(content: bytes, draw: st.DrawFn) -> bytes:
    """One change to the text, whatever it says."""
    at = draw(st.integers(0, len(content)))
    before, after = content[:at], content[at:]
    changes: list[Callable[[], bytes]] = [
        lambda: before,
        lambda: after,
        lambda: before + after[draw(st.integers(1, 40)) :],
        lambda: before + draw(st.binary(max_size=6)) + after,
        lambda: before + draw(st.sampled_from(PIECES)).encode() + after,
        lambda: before + bytes([after[0] ^ (1 << draw(st.integers(0, 7)))]) + after[1:] if after else before,
        lambda: content.replace(b"\n", draw(st.sampled_from([b"\r\n", b"\r"]))),
        lambda: content.replace(b"  ", b"\t"),
        lambda: draw(st.sampled_from([b"\xef\xbb\xbf", b"\xff\xfe", b"\xef\xbb\xbf" * 2])) + content,
        lambda: exchanged(content.splitlines(keepends=True), draw),
        lambda: exchanged(re.split(rb"(\s+)", content), draw),
    ]
    return draw(st.sampled_from(changes))()


def exchanged(pieces: list[bytes], draw: st.DrawFn) -> bytes:
    """The pieces with two of them in each other's place."""
    if pieces:
        one, two = (draw(st.integers(0, len(pieces) - 1)) for _ in range(2))
        pieces[one], pieces[two] = pieces[two], pieces[one]
    return b"".join(pieces)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """The bytes of a spec after one to four changes."""
    seed = draw(st.sampled_from(SEEDS))
    structural = draw(st.sampled_from([0, 1, 1, 1, 1, 2, 3]))
    if structural:
        tree = Tree(seed)
        for _ in range(structural):
            change_tree(tree, draw)
        seed = tree.text()
    content = seed.encode("utf-8", "surrogatepass")
    for _ in range(draw(st.sampled_from([0, 0, 0, 1])) if structural else draw(st.integers(1, 2))):
        content = change_bytes(content, draw)
    return content
