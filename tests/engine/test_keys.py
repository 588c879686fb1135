"""Keys: what enters, what does not, and that they stay what they are."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebuild.core.node import Node
from edgebuild.core.records import Here
from edgebuild.core.step import Step, load_step
from edgebuild.core.wires import Artifact, FileDigest, Refusal, UserCode
from edgebuild.engine import keys
from edgebuild.engine.keys import Parts, key_of, parts_of, refusal_digest
from edgebuild.engine.store.blobs import file_digest
from tests.engine.steps import CallUser, Gather, Join, Say, Split


class Local(Step):
    version = 1
    portable = False
    filename = "x.txt"
    place: Here = ""


def key(step: Step, digest: str = "sha256:" + "0" * 64) -> str:
    return key_of(made(step, digest))


def made(step: Step, digest: str = "") -> Parts:
    node = Node.of(step)
    return parts_of(node, {wire.place: digest for wire in node.wires}, file_digest)


WIRE = Artifact(id="1", filename="a.txt")


@pytest.mark.parametrize(
    ("step", "golden"),
    [
        (Say(text="a"), "65704da1ff36a5a5"),
        (Say(text="Grüße"), "343c75c8928aa9fd"),
        (Join(sources=(WIRE, WIRE / "b.txt"), separator="-"), "2d097cd230441643"),
        (Gather(attempts=(WIRE.attempt(),)), "40d7c679f9c667b6"),
        (Split(left="1", right="2"), "d7d4ec59d905a0c1"),
        (
            CallUser(
                code=UserCode(
                    root="/anywhere",
                    file="d.py",
                    function="f",
                    files=(FileDigest(path="d.py", digest="sha256:1"),),
                    distributions=(("numpy", "2.0"),),
                )
            ),
            "46dfc27f639a2129",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Step) else "",
)
def test_keys_are_what_they_were(step: Step, golden: str) -> None:
    """A change here means that every store of every user starts anew: raise `keys.LAYOUT` and say so."""
    assert key(step)[:16] == golden


def test_the_identity_of_a_producer_does_not_enter_only_its_bytes() -> None:
    one = Join(sources=(Artifact(id="1", filename="a.txt"),))
    two = Join(sources=(Artifact(id="2", filename="a.txt"),))
    assert key(one) == key(two)
    assert key(one) != key(two, "sha256:" + "1" * 64)


def test_the_name_a_reader_sees_enters_and_the_path_inside_a_folder_does_not() -> None:
    folder = Artifact(id="1", filename="parts")
    assert key(Join(sources=(folder / "a/x.txt",))) == key(Join(sources=(folder / "b/x.txt",)))
    assert key(Join(sources=(folder / "x.txt",))) != key(Join(sources=(folder / "x.onnx",)))


def test_where_something_lies_does_not_enter() -> None:
    assert key(Local(place="/one")) == key(Local(place="/two"))


def test_a_step_that_is_not_portable_holds_the_platform() -> None:
    parts = made(Local())
    assert parts["platform"]["threads"] == 1
    assert "platform" not in made(Say(text="a"))
    assert key_of(parts) != key_of({**parts, "platform": {**parts["platform"], "isa": ["sve"]}})


def test_a_walk_makes_the_same_key_from_the_node_alone() -> None:
    for step in (Local(), Join(sources=(WIRE, WIRE / "b.txt"))):
        parts, node = made(step, "sha256:x"), Node.of(step)
        machine = None if node.portable else keys.platform()
        assert keys.joined(node.static, parts["tools"], parts["inputs"], machine) == key_of(parts)


def test_a_node_comes_back_from_its_row() -> None:
    node = Node.of(Join(sources=(WIRE, WIRE / "b.txt"), separator="-"))
    again = Node(json.loads(json.dumps(node.row())), lambda: load_step(node.kind, node.step.model_dump_json()))
    assert (again.row(), again.step, again.needs) == (node.row(), node.step, node.needs)


def test_the_version_of_a_step_enters(monkeypatch: pytest.MonkeyPatch) -> None:
    before = key(Say(text="a"))
    monkeypatch.setattr(Say, "version", 2)
    assert key(Say(text="a")) != before


def test_refusals_are_told_apart_by_every_word() -> None:
    base = Refusal(kind="rejected", by="tool", why="this")
    others = [
        base.model_copy(update=change) for change in ({"kind": "failed"}, {"by": "x"}, {"why": "x"}, {"fix": "x"})
    ]
    assert len({refusal_digest(refusal) for refusal in (base, *others)}) == 5


@given(st.lists(st.text(), min_size=2, max_size=2), st.text())
def test_any_changed_parameter_changes_the_key(texts: list[str], separator: str) -> None:
    one, two = Split(left=texts[0], right=separator), Split(left=texts[1], right=separator)
    # Text is compared in NFC: two spellings of one word are one word.
    same = keys.canonical_json(one) == keys.canonical_json(two)
    assert (key(one) == key(two)) is same


def test_parts_survive_json() -> None:
    parts = made(Join(sources=(WIRE,)), "sha256:x")
    assert json.loads(json.dumps(parts)) == parts
