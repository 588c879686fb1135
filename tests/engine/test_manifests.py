"""Which files a folder consists of: held against its name, made anew where it is lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from edgebuild.core.graph import Graph
from edgebuild.core.records import digest_of
from edgebuild.engine.states import states
from edgebuild.engine.store import Store
from edgebuild.engine.store.layers import seal
from edgebuild.engine.store.verify import verify_store
from tests.engine.conftest import Yard
from tests.engine.keepsakes import Listing, Stamps
from tests.engine.reading import read
from tests.engine.steps import Split, Upper


def folder(note: str = "") -> Graph:
    """A folder, and readers of one file, of an inner folder and of the whole."""
    graph = Graph()
    parts = graph.add(Split(left="left", right="right"), "parts")
    graph.want("left", graph.add(Upper(source=parts / "left.txt"), "left"))
    graph.want("deep", graph.add(Listing(folder=parts / "deep", note=note), "deep"))
    graph.want("all", graph.add(Listing(folder=parts, note=note), "all"))
    return graph


TEXTS = {
    "left": "LEFT",
    "deep": "right.txt: right\n",
    "all": "deep/right.txt: right\nleft.txt: left\n",
}


HARM: dict[str, Callable[[str], object]] = {
    "deleted": lambda _: None,
    "another digest": lambda text: re.sub(r":[0-9a-f]{64}", ":" + "0" * 64, text, count=1),
    "cut": lambda text: text[:10],
    "no JSON": lambda _: "{",
    "empty": lambda _: "",
    "no text": lambda text: text.encode()[:7] + b"\xff",
    "a number": lambda _: 7,
}


def harm(store: Store, how: str, which: int = 0) -> None:
    """Damage one of the lists of files, the longest first."""
    rows = store.rows.all("SELECT digest, manifest FROM trees ORDER BY length(manifest) DESC, digest")
    digest, text = rows[which]
    new = HARM[how](text)
    if new is None:
        store.rows.run("DELETE FROM trees WHERE digest = ?", digest)
    else:
        store.rows.run("UPDATE trees SET manifest = ? WHERE digest = ?", new, digest)


@pytest.mark.parametrize("which", [0, 1], ids=["the folder", "the folder in it"])
@pytest.mark.parametrize("how", sorted(HARM))
def test_a_list_of_files_that_is_lost_or_damaged_is_made_anew_by_its_maker_alone(
    how: str, which: int, yard: Yard
) -> None:
    read(folder(), yard.store)
    harm(yard.store, how, which)
    assert read(folder(), yard.store) == (0, ["parts"], TEXTS)
    assert read(folder(), yard.store) == (0, [], TEXTS)


def test_a_list_that_names_the_bytes_of_another_file_gives_nobody_wrong_bytes(yard: Yard) -> None:
    read(folder(), yard.store)
    left, right = digest_of(b"left"), digest_of(b"right")
    yard.store.rows.run("UPDATE trees SET manifest = replace(manifest, ?, ?)", left, right)
    found = read(folder("again "), yard.store)
    assert (found.ran, found.texts["all"]) == (["all", "deep", "parts"], "again " + TEXTS["all"])
    assert found.texts["left"] == "LEFT"


def test_a_maker_that_comes_out_differently_is_read_again(yard: Yard) -> None:
    def stamps() -> Graph:
        graph = Graph()
        made = graph.add(Stamps(name="n"), "stamps")
        graph.want("stamp", graph.add(Upper(source=made / "stamp.txt"), "stamp"))
        graph.want("name", graph.add(Upper(source=made / "inner/name.txt"), "name"))
        graph.want("all", graph.add(Listing(folder=made), "all"))
        return graph

    before = read(stamps(), yard.store)
    harm(yard.store, "deleted")
    after = read(stamps(), yard.store)
    assert after.ran == ["all", "stamp", "stamps"]
    assert after.texts["stamp"] != before.texts["stamp"]
    assert after.texts["stamp"] in after.texts["all"]
    assert read(stamps(), yard.store) == (0, [], after.texts)


def test_verify_names_a_damaged_list_and_the_next_build_heals_it(yard: Yard) -> None:
    read(folder(), yard.store)
    harm(yard.store, "another digest")
    assert len(verify_store(yard.store).manifests) == 1
    assert verify_store(yard.store).sound
    assert read(folder(), yard.store).texts == TEXTS


def test_a_plan_says_that_the_maker_runs(yard: Yard) -> None:
    graph = folder()
    read(graph, yard.store)
    harm(yard.store, "deleted")
    with Store(yard.store.root) as store:
        found = {graph.label(step_id): state.name for step_id, state in states(graph, store, "here").items()}
    assert found["parts"] == "will run"


def test_nobody_has_the_bytes_of_an_unknown_folder(yard: Yard) -> None:
    unknown = "tree:" + "0" * 64
    assert not yard.store.verify(unknown)
    assert not yard.store.glance(unknown)
    with pytest.raises(KeyError):
        yard.store.member(unknown, "a")


@pytest.mark.parametrize("where", ["here", "behind", "both"])
def test_a_layer_gives_the_list_of_files_where_it_has_it(where: str, tmp_path: Path) -> None:
    with Store(tmp_path / "behind") as behind:
        read(folder(), behind)
    if where != "here":
        with Store(tmp_path / "behind") as behind:
            harm(behind, "another digest")
    seal(tmp_path / "behind")
    with Store(tmp_path / "own", [tmp_path / "behind"]) as store:
        if where != "behind":
            read(folder(), Store(store.root))
            harm(store, "another digest")
            store.rows.run("DELETE FROM actions")
        assert read(folder(), store) == (0, [] if where == "here" else ["parts"], TEXTS)
        assert read(folder(), store) == (0, [], TEXTS)
