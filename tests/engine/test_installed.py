"""Installed packages that the user's code loads count, whichever way it comes to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lent import Lent, lend

BUILD = """\
import sys
from pathlib import Path
from edgebuild.core.graph import Graph
from edgebuild.data.usercode import resolve
from edgebuild.engine.build import Options, build
from edgebuild.engine.store import Store
from tests.engine.steps import CallUser

graph = Graph()
graph.want("called", graph.add(CallUser(code=resolve(Path(sys.argv[1]), "data.py:read")), "called"))
with Store(Path(sys.argv[2])) as store, build(graph, store, Options(jobs=1, workspace="here")) as results:
    assert results.exit_code == 0, results.problems()
    print(results.ran, results.path(graph.wanted["called"]).read_text())
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Lent:
    return lend(tmp_path_factory.mktemp("lent") / "venv")


class Project:
    """A loader, built in an environment of its own."""

    def __init__(self, folder: Path, environment: Lent) -> None:
        self.folder, self.environment = folder, environment

    def loads(self, code: str) -> None:
        """The loader's code, after `def read():`."""
        (self.folder / "data.py").write_text(f"import importlib\ndef read():\n    {code}\n")

    def called(self, **variables: str) -> tuple[str, str]:
        """How many steps ran, and what the loader gave."""
        ran, said = self.environment.run(BUILD, str(self.folder), str(self.folder / "store"), **variables).split()
        return ran, said


@pytest.fixture
def project(tmp_path: Path, environment: Lent) -> Project:
    return Project(tmp_path, environment)


LOADS = {
    "by its name": "import aud; return aud.N",
    "by a name that is put together": "return importlib.import_module('a' + 'ud').N",
    "through another package": "import audtop; return audtop.N",
}


@pytest.mark.parametrize("how", LOADS)
def test_another_version_of_a_package_counts(how: str, project: Project, environment: Lent) -> None:
    environment.install("aud", "1.0", "N = 1\n")
    environment.install("audtop", "1.0", "import aud\nN = aud.N\n")
    project.loads(LOADS[how])
    assert project.called() == ("1", "1")
    assert project.called() == ("0", "1")
    environment.install("aud", "2.0", "N = 2\n")
    assert project.called() == ("1", "2")
    environment.install("aud", "1.0", "N = 1\n")
    assert project.called() == ("0", "1")


def test_the_same_version_installed_again_with_other_files_counts(project: Project, environment: Lent) -> None:
    origin = {"url": "file:///somewhere", "dir_info": {}}
    environment.install("aud", "1.0", "N = 1\n", origin)
    project.loads("import aud; return aud.N")
    assert project.called() == ("1", "1")
    environment.install("aud", "1.0", "N = 2\n", origin)
    assert project.called() == ("1", "2")


def test_an_installed_module_of_no_distribution_counts_by_its_bytes(project: Project, environment: Lent) -> None:
    (environment.site / "lone.py").write_text("N = 1\n")
    project.loads("import lone; return lone.N")
    assert project.called() == ("1", "1")
    assert project.called() == ("0", "1")
    (environment.site / "lone.py").write_text("N = 2\n")
    assert project.called() == ("1", "2")


def test_the_version_in_the_key_is_the_one_that_ran(project: Project, environment: Lent, tmp_path: Path) -> None:
    environment.install("aud", "1.0", "N = 1\n")
    overlay = Lent(environment.python, tmp_path / "overlay" / "site-packages")
    overlay.site.mkdir(parents=True)
    overlay.install("aud", "2.0", "N = 2\n")
    project.loads("import aud; return aud.N")
    # Steps do not see it.
    assert project.called(PYTHONPATH=str(overlay.site)) == ("1", "1")
    assert project.called() == ("0", "1")
    environment.install("aud", "2.0", "N = 2\n")
    assert project.called() == ("1", "2")
