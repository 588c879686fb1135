"""Files that leave the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edgebuild.core.graph import Graph
from edgebuild.engine.build import Options, build
from edgebuild.engine.results import Results
from edgebuild.errors import StepError
from tests.engine.conftest import Yard, graph_of
from tests.engine.steps import Decline, Facts, Say, Split


@pytest.fixture
def graph() -> Graph:
    return graph_of(parts=Split(left="l", right="r"), text=Say(text="a"), never=Decline(why="no"))


@pytest.fixture
def results(yard: Yard, graph: Graph) -> Iterator[Results]:
    with build(graph, yard.store, Options()) as results:
        yield results


def tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text() if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
    }


WHOLE = {"left.txt": "l", "deep": "folder", "deep/right.txt": "r", "deep/empty": "folder"}


def test_a_folder_comes_out_whole_with_its_empty_folders(results: Results, graph: Graph, tmp_path: Path) -> None:
    assert results.export(graph.wanted["parts"], tmp_path / "build" / "out")
    assert tree(tmp_path / "build" / "out") == WHOLE


def test_a_second_export_writes_nothing(results: Results, graph: Graph, tmp_path: Path) -> None:
    out = tmp_path / "out"
    results.export(graph.wanted["parts"], out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert not results.export(graph.wanted["parts"], out)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_an_export_needs_no_bytes_where_they_lie_there_already(
    results: Results, yard: Yard, graph: Graph, tmp_path: Path
) -> None:
    results.export(graph.wanted["text"], tmp_path / "a.txt")
    yard.store.blobs.drop(results.digest(graph.wanted["text"]))
    assert not results.export(graph.wanted["text"], tmp_path / "a.txt")
    assert results.ran == 3


def test_only_what_differs_is_written_and_what_does_not_belong_goes(
    results: Results, graph: Graph, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    results.export(graph.wanted["parts"], out)
    kept = (out / "deep" / "right.txt").stat().st_ino
    (out / "left.txt").write_text("edited")
    (out / "old").mkdir()
    (out / "old" / "stale.txt").write_text("stale")
    (out / "link").symlink_to(tmp_path)
    assert results.export(graph.wanted["parts"], out)
    assert tree(out) == WHOLE
    assert (out / "deep" / "right.txt").stat().st_ino == kept


def test_a_folder_where_a_file_shall_be_and_the_other_way_round(results: Results, graph: Graph, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "left.txt" / "inner").mkdir(parents=True)
    (out / "deep").write_text("a file")
    assert results.export(graph.wanted["parts"], out)
    assert tree(out) == WHOLE


def test_an_edit_of_an_exported_file_does_not_reach_the_store(results: Results, graph: Graph, tmp_path: Path) -> None:
    results.export(graph.wanted["text"], tmp_path / "a.txt")
    (tmp_path / "a.txt").write_text("edited")
    assert results.path(graph.wanted["text"]).read_text() == "a"


def test_a_member_is_exported_by_itself(results: Results, graph: Graph, tmp_path: Path) -> None:
    results.export(graph.wanted["parts"] / "deep/right.txt", tmp_path / "right.txt")
    assert (tmp_path / "right.txt").read_text() == "r"
    with pytest.raises(StepError, match=r"holds no `deep/left.txt`"):
        results.export(graph.wanted["parts"] / "deep/left.txt", tmp_path / "left.txt")


def test_a_projects_folder_is_nobodys_output(results: Results, graph: Graph, tmp_path: Path) -> None:
    (tmp_path / "deployment.edge.yaml").write_text("edgebuild: 1")
    with pytest.raises(StepError, match=r"holds `deployment.edge.yaml` and is not an output folder"):
        results.export(graph.wanted["parts"], tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "mine.txt").write_text("mine")
    with pytest.raises(StepError, match="is not an output folder"):
        results.export(graph.wanted["text"], tmp_path / "sub")
    assert (tmp_path / "sub" / "mine.txt").read_text() == "mine"


def test_what_was_refused_is_not_exported_and_says_why(results: Results, graph: Graph, tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"refused by a tool 1.0: no"):
        results.export(graph.wanted["never"], tmp_path / "never.txt")
    assert not results.built(graph.wanted["never"])


def test_paths_are_named_as_readers_see_them_and_gone_after_the_results(
    results: Results, graph: Graph, tmp_path: Path
) -> None:
    shown = results.path(graph.wanted["parts"])
    assert shown.name == "parts"
    assert tree(shown) == WHOLE
    results.close()
    assert not shown.exists()


def test_lost_bytes_of_a_changed_machine_cannot_be_exported_and_say_so(yard: Yard, tmp_path: Path) -> None:
    place = tmp_path / "machine"
    place.write_text("one")
    graph = graph_of(facts=Facts(place=str(place)))
    with build(graph, yard.store, Options()) as results:
        place.write_text("two")
        yard.store.blobs.drop(results.digest(graph.wanted["facts"]))
        with pytest.raises(StepError, match="made other bytes"):
            results.export(graph.wanted["facts"], tmp_path / "facts.txt")
