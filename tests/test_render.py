"""Templates: strict, sandboxed, and the user's own first."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.errors import SpecError
from edgebuild.render import Renderer


def own(folder: Path, text: str, name: str = "init/data.py.j2") -> Renderer:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return Renderer(folder)


def test_the_users_template_hides_the_shipped_one(tmp_path: Path) -> None:
    assert own(tmp_path, "mine {{ model }}\n").render("init/data.py.j2", {"model": "m"}) == "mine m\n"


def test_a_name_the_view_does_not_have_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"templates/init/data\.py\.j2:2: UndefinedError: 'modle' is undefined"):
        own(tmp_path, "one\n{{ modle }}\n").render("init/data.py.j2", {"model": "m"})


def test_a_broken_template_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"data\.py\.j2:1: TemplateSyntaxError"):
        own(tmp_path, "{% if %}").render("init/data.py.j2", {})


def test_a_template_reaches_nothing_but_its_view(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="SecurityError"):
        own(tmp_path, "{{ model.__class__.__mro__ }}").render("init/data.py.j2", {"model": "m"})


def test_a_mistake_in_an_included_template_is_told_there(tmp_path: Path) -> None:
    own(tmp_path, "\n\n{{ inner }}", "init/inner.j2")
    with pytest.raises(SpecError, match=r"templates/init/inner\.j2:3: UndefinedError"):
        own(tmp_path, 'x\n{% include "init/inner.j2" %}').render("init/data.py.j2", {})


@pytest.mark.parametrize("text", ["{{ 1 / 0 }}", "{{ 1 + 'a' }}", "{{ (1).real() }}"])
def test_whatever_a_template_raises_is_its_own_mistake(tmp_path: Path, text: str) -> None:
    with pytest.raises(SpecError, match=r"templates/init/data\.py\.j2:2: \w+Error"):
        own(tmp_path, "\n" + text).render("init/data.py.j2", {})


def test_a_template_in_another_encoding_is_named(tmp_path: Path) -> None:
    own(tmp_path, "")
    (tmp_path / "init" / "data.py.j2").write_bytes("ä".encode("latin-1"))
    with pytest.raises(SpecError, match=r"templates/init/data\.py\.j2: UnicodeDecodeError"):
        Renderer(tmp_path).render("init/data.py.j2", {})


def test_a_template_that_is_not_there_is_named() -> None:
    with pytest.raises(SpecError, match=r"nothing\.j2"):
        Renderer().render("nothing.j2", {})


def test_templates_of_a_folder_are_listed_own_ones_too(tmp_path: Path) -> None:
    found = own(tmp_path, "x", "init/extra.txt.j2").templates("init")
    assert found == ["data.py", "deployment.edge.yaml", "extra.txt"]
