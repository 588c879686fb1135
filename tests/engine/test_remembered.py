"""Remembered plans: found again while all they were made from is the same, and never taken for something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.core.graph import Graph
from edgebuild.data.sources import digest_path
from edgebuild.engine.remembered import Remembered
from tests.engine.conftest import Yard
from tests.engine.steps import Say


def planned(yard: Yard, file: Path) -> tuple[int, str]:
    """How many parts were made, and what the only step says."""
    remembered, graph = Remembered(yard.store), Graph()

    def make(part: Graph) -> str:
        part.want("x", part.add(Say(text=file.read_text()), "x"))
        return "view"

    assert remembered.part("spec", graph, make) == "view"
    results = yard.build(graph)
    assert results.exit_code in (0, 5), results.problems()
    return remembered.made, yard.blob(results, "x").read_text() if not results.exit_code else ""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "spec.txt"
    file.write_text("one")
    return file


def test_a_part_is_made_once_until_what_it_read_changes(yard: Yard, file: Path) -> None:
    assert planned(yard, file) == (1, "one")
    assert planned(yard, file) == (0, "one")
    file.write_text("two")
    assert planned(yard, file) == (1, "two")


@pytest.mark.parametrize("damage", ["seen = '[]'", "outline = replace(outline, 'x', 'y')", "outline = '{'"])
def test_a_damaged_plan_is_made_again(damage: str, yard: Yard, file: Path) -> None:
    planned(yard, file)
    yard.store.rows.run(f"UPDATE plans SET {damage}")
    assert planned(yard, file) == (1, "one")


def test_a_step_of_a_damaged_plan_is_not_another_step(yard: Yard, file: Path) -> None:
    planned(yard, file)
    yard.store.rows.run("UPDATE plans SET steps = replace(steps, 'one', 'two')")
    yard.store.rows.run("DELETE FROM actions")
    remembered, graph = Remembered(yard.store), Graph()
    remembered.part("spec", graph, lambda _: None)
    assert remembered.made == 0
    assert yard.build(graph).exit_code != 0
    assert planned(yard, file) == (1, "one")


@pytest.mark.parametrize("name", ["measurements", "build", "b.lock", ".b"])
def test_every_class_of_a_folder_of_images_counts(name: str, yard: Yard, tmp_path: Path) -> None:
    images = tmp_path / "images"
    (images / "cat").mkdir(parents=True)
    (images / "cat" / "a.png").write_text("1")
    remembered = Remembered(yard.store)

    def digest() -> str:
        remembered.afresh()
        return str(remembered.part("spec", Graph(), lambda _: digest_path(images)))

    before = digest()
    assert (digest(), remembered.made) == (before, 1)
    (images / name).mkdir()
    (images / name / "b.png").write_text("2")
    assert digest() == digest_path(images) != before
