"""User code in the key: its files, the files it is seen to read, and never an old bytecode."""

from __future__ import annotations

import json
import os
import py_compile
from pathlib import Path

import pytest

from edgebuild.core.graph import Graph
from edgebuild.data.usercode import resolve
from edgebuild.engine.explain import explain
from tests.engine.conftest import Yard, graph_of
from tests.engine.steps import CallUser, Upper


@pytest.fixture
def project(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    (project / "texts").mkdir(parents=True)
    (project / "texts" / "a.txt").write_text("a")
    (project / "shift.py").write_text("SHIFT = 1\n")
    (project / "data.py").write_text(
        "import os\n"
        "from pathlib import Path\n"
        "from shift import SHIFT\n"
        "def read():\n"
        "    names = sorted(os.listdir('texts'))\n"
        "    return [SHIFT, *(Path('texts', name).read_text() for name in names)]\n"
    )
    return project


def graph(project: Path, function: str = "read") -> Graph:
    return graph_of(called=CallUser(code=resolve(project, f"data.py:{function}")))


def called(yard: Yard, project: Path) -> tuple[int, str]:
    """How many steps ran, and what the user's function gave."""
    results = yard.build(graph(project))
    assert results.exit_code == 0, results.problems()
    return results.ran, yard.blob(results, "called").read_text()


def test_a_file_that_was_seen_read_counts(yard: Yard, project: Path) -> None:
    assert called(yard, project) == (1, "[1, 'a']")
    assert called(yard, project) == (0, "[1, 'a']")
    (project / "texts" / "a.txt").write_text("b")
    assert called(yard, project) == (1, "[1, 'b']")
    (project / "texts" / "a.txt").write_text("a")
    assert called(yard, project) == (0, "[1, 'a']")


def test_of_what_was_seen_only_what_changed_is_named(yard: Yard, project: Path) -> None:
    made = graph(project)
    step_id = made.wanted["called"].id
    yard.build(made, workspace="here")
    (project / "texts" / "a.txt").write_text("b")
    (project / "texts" / "c.txt").write_text("c")
    due = explain(made, yard.store, step_id, "here")
    assert due.state.why == "file texts/a.txt, names in texts"
    assert [change.words().partition(":")[0] for change in due.changes] == ["file texts/a.txt", "names in texts"]
    yard.build(made, workspace="here")
    now = explain(made, yard.store, step_id, "here")
    assert [change.name for change in now.changes] == ["texts/a.txt", "texts/c.txt", "texts"]


def test_a_new_name_in_a_folder_that_was_listed_counts(yard: Yard, project: Path) -> None:
    called(yard, project)
    (project / "texts" / "b.txt").write_text("b")
    assert called(yard, project) == (1, "[1, 'a', 'b']")
    (project / "texts" / "b.txt").unlink()
    assert called(yard, project) == (0, "[1, 'a']")


def test_files_that_have_nothing_to_do_with_it_do_not_count(yard: Yard, project: Path) -> None:
    called(yard, project)
    (project / "report.md").write_text("x")
    (project / "build").mkdir()
    (project / "deployment.edge.lock").write_text("x")
    assert called(yard, project) == (0, "[1, 'a']")


def test_a_module_that_the_loader_imports_counts(yard: Yard, project: Path) -> None:
    called(yard, project)
    (project / "shift.py").write_text("SHIFT = 2\n")
    assert called(yard, project) == (1, "[2, 'a']")


def test_an_edit_of_equal_size_within_one_second_is_not_hidden_by_old_bytecode(yard: Yard, project: Path) -> None:
    for file in ("shift.py", "data.py"):
        py_compile.compile(str(project / file))
    before = (project / "shift.py").stat()
    assert called(yard, project) == (1, "[1, 'a']")
    (project / "shift.py").write_text("SHIFT = 3\n")
    # The very thing Python's own check cannot tell: same size, same second.
    os.utime(project / "shift.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert called(yard, project) == (1, "[3, 'a']")
    assert list(project.glob("**/__pycache__/*.pyc")) != []


def test_the_engine_leaves_no_bytecode_in_the_users_tree(yard: Yard, project: Path) -> None:
    called(yard, project)
    assert list(project.glob("**/__pycache__")) == []


def test_another_checkout_of_the_same_project_runs_nothing(yard: Yard, project: Path) -> None:
    called(yard, project)
    project.rename(project.with_name("elsewhere"))
    assert called(yard, project.with_name("elsewhere")) == (0, "[1, 'a']")


def test_a_file_changed_while_it_was_read_is_not_stored(yard: Yard, project: Path) -> None:
    (project / "data.py").write_text(
        "from pathlib import Path\n"
        "def read():\n"
        "    text = Path('texts/a.txt').read_text()\n"
        "    Path('texts/a.txt').write_text(text + '!')\n"
        "    return text\n"
    )
    results = yard.build(graph(project))
    assert results.exit_code == 5
    assert "a.txt changed while it was read" in results.problems()[0].what


def test_code_that_changed_after_it_was_planned_is_not_stored(yard: Yard, project: Path) -> None:
    planned = graph(project)
    (project / "shift.py").write_text("SHIFT = 7\n")
    results = yard.build(planned)
    assert results.exit_code == 5
    assert "shift.py changed while it was read" in results.problems()[0].what
    assert called(yard, project) == (1, "[7, 'a']")


def test_an_exception_of_the_user_is_exit_2_at_his_line(yard: Yard, project: Path) -> None:
    (project / "data.py").write_text("def read():\n    return 1 / 0\n")
    results = yard.build(graph(project))
    assert results.exit_code == 2
    (problem,) = results.problems()
    assert problem.span is not None
    assert (problem.span.file, problem.span.line) == ("data.py", 2)
    assert "ZeroDivisionError" in problem.what


def test_a_file_that_was_looked_for_and_absent_counts(yard: Yard, project: Path) -> None:
    (project / "data.py").write_text(
        "def read():\n"
        "    try:\n"
        "        return open('mean.txt').read()\n"
        "    except FileNotFoundError:\n"
        "        return 'none'\n"
    )
    assert called(yard, project) == (1, "none")
    assert called(yard, project) == (0, "none")
    (project / "mean.txt").write_text("0.5")
    assert called(yard, project) == (1, "0.5")


def test_a_file_the_code_wrote_itself_is_no_input(yard: Yard, project: Path) -> None:
    (project / "data.py").write_text(
        "def read():\n"
        "    with open('cache.txt', 'w') as cache:\n"
        "        cache.write('x')\n"
        "    return open('cache.txt').read()\n"
    )
    assert called(yard, project) == (1, "x")
    (project / "cache.txt").unlink()
    assert called(yard, project) == (0, "x")


def test_what_was_seen_is_told_below_the_root_and_holds_nothing_of_ours(yard: Yard, project: Path) -> None:
    called(yard, project)
    (row,) = yard.store.rows.all("SELECT files FROM seen")
    places = [place for place, _ in json.loads(row[0])]
    assert {"file:0/data.py", "file:0/shift.py", "file:0/texts/a.txt", "names:0/texts"} <= set(places)
    others = [place for place in places if not place.partition(":")[2].startswith("0/")]
    assert others and all(place.startswith("dist:") for place in others)


def test_lost_bytes_of_code_that_draws_at_random_are_made_anew(yard: Yard, project: Path) -> None:
    (project / "data.py").write_text("import uuid\ndef read():\n    return uuid.uuid4().hex\n")
    first = yard.build(graph(project))
    place = yard.blob(first, "called")
    before = place.read_text()
    place.unlink()
    again = graph(project)
    again.want("upper", again.add(Upper(source=again.wanted["called"]), "upper"))
    results = yard.build(again)
    assert results.exit_code == 0, results.problems()
    now = yard.blob(results, "called").read_text()
    assert now != before
    assert yard.blob(results, "upper").read_text() == now.upper()
