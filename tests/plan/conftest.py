"""Specs of small projects, loaded and never run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgebuild import spec
from edgebuild.spec import Spec
from tests.cli.conftest import write_project


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small project's folder; not to be changed."""
    place = tmp_path_factory.mktemp("plan") / "tiny"
    write_project(place)
    return place


@pytest.fixture
def load(folder: Path) -> Callable[..., Spec]:
    """Load the small project's spec with some texts replaced."""

    def loaded(*changes: tuple[str, str]) -> Spec:
        text = (folder / "deployment.edge.yaml").read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        file = folder / "changed.edge.yaml"
        file.write_text(text)
        try:
            return spec.load(file)
        finally:
            file.unlink()

    return loaded
