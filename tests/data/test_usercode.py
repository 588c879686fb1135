"""The user's Python: what it consists of, and that never an old line of it runs."""

from __future__ import annotations

import importlib.metadata
import os
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest

from edgebuild.core.wires import UserCode
from edgebuild.data.usercode import load, resolve
from edgebuild.errors import SpecError, UserCodeError


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def paths(code: UserCode) -> list[str]:
    return [file.path for file in code.files]


def test_the_closure_follows_every_kind_of_import(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "data.py": "import os, plain\nimport pkg.deep.leaf\nfrom pkg import sibling\nfrom space.inner import f\n"
            "def samples():\n    import lazy\n    import importlib\n    importlib.import_module('named')\n",
            "plain.py": "",
            "lazy.py": "",
            "named.py": "",
            "unused.py": "",
            "pkg/__init__.py": "from .started import x",
            "pkg/started.py": "x = 1",
            "pkg/sibling.py": "from . import cousin\nfrom .deep import leaf\nfrom .. import nothing",
            "pkg/cousin.py": "",
            "pkg/unused.py": "",
            "pkg/deep/__init__.py": "",
            "pkg/deep/leaf.py": "from ..uncle import y",
            "pkg/uncle.py": "y = 1",
            "space/inner.py": "def f(): ...",
        },
    )

    assert paths(resolve(tmp_path, "data.py:samples")) == [
        "data.py", "lazy.py", "named.py", "pkg/__init__.py", "pkg/cousin.py", "pkg/deep/__init__.py",
        "pkg/deep/leaf.py", "pkg/sibling.py", "pkg/started.py", "pkg/uncle.py", "plain.py", "space/inner.py",
    ]  # fmt: skip


def test_a_file_in_a_folder_sees_its_neighbours_and_the_specs_folder(tmp_path: Path) -> None:
    write(tmp_path, {"code/data.py": "import near, far\ndef f(): return near.A + far.B\n"})
    write(tmp_path, {"code/near.py": "A = 1\n", "far.py": "B = 2\n"})

    code = resolve(tmp_path, "code/data.py:f")

    assert paths(code) == ["code/data.py", "code/near.py", "far.py"]
    assert load(code)() == 3


def test_a_file_in_a_package_may_import_relatively(tmp_path: Path) -> None:
    files = {"pkg/__init__.py": "", "pkg/data.py": "from . import a\nfrom .a import N\ndef f(): return N, a.N\n"}
    write(tmp_path, files | {"pkg/a.py": "N = 5\n"})

    code = resolve(tmp_path, "pkg/data.py:f")

    assert paths(code) == ["pkg/__init__.py", "pkg/a.py", "pkg/data.py"]
    assert load(code)() == (5, 5)


def test_installed_packages_count_by_version_and_the_standard_library_does_not(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"data.py": "import json, numpy as np, sklearn.metrics, not_installed\nfrom PIL import Image\ndef f(): ...\n"},
    )
    versions = {name: importlib.metadata.version(name) for name in ("numpy", "pillow", "scikit-learn")}

    assert resolve(tmp_path, "data.py:f").distributions == tuple(sorted(versions.items()))


def test_files_that_the_spec_names_count(tmp_path: Path) -> None:
    write(tmp_path, {"data.py": "def f(): ...\n", "sounds/a.wav": "1", "sounds/deep/b.wav": "2", "sounds/c.txt": "3"})

    assert paths(resolve(tmp_path, "data.py:f", ["sounds/**/*.wav"])) == [
        "data.py",
        "sounds/a.wav",
        "sounds/deep/b.wav",
    ]


def test_a_changed_import_is_other_code_and_a_moved_tree_is_not(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, {"data.py": "import a\ndef f(): ...\n", "a.py": "x = 1\n"})
    one, two = (resolve(tmp_path / name, "data.py:f") for name in ("one", "two"))
    assert one.files == two.files

    (tmp_path / "two" / "a.py").write_text("x = 2\n")
    assert resolve(tmp_path / "two", "data.py:f").files != one.files


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("data.py", "data.source: `data.py` names no function.\n  fix: Write `file.py:function`."),
        ("data.py:a b", "data.source: `data.py:a b` names no function.\n  fix: Write `file.py:function`."),
        (
            "dta.py:samples",
            (
                "data.source: there is no file `dta.py`; did you mean `data.py`?\n"
                "  fix: Create it, or correct the path; it starts in the spec's folder."
            ),
        ),
        (
            "data.py:sample",
            (
                "data.source: `data.py` defines no `sample`; did you mean `samples`?\n"
                "  fix: Functions in it: samples, other."
            ),
        ),
        (
            "broken.py:f",
            (
                "broken.py:1:7: does not parse: SyntaxError: invalid syntax\n   1 | def f(:\n     |       ^\n"
                "  fix: Mend the line."
            ),
        ),
    ],
)
def test_a_reference_to_nothing_says_what_is_there(tmp_path: Path, reference: str, text: str) -> None:
    write(tmp_path, {"data.py": "def samples(): ...\ndef other(): ...\n", "broken.py": "def f(:\n"})

    with pytest.raises(SpecError) as caught:
        resolve(tmp_path, reference, where="data.source")

    assert str(caught.value) == text


def test_a_pattern_without_a_file_is_told_with_the_rest(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        resolve(tmp_path, "data.py:f", ["*.wav", "*.flac"])

    assert len(caught.value.problems) == 3
    assert caught.value.problems[1].render() == (
        "data.inputs: `*.wav` matches no file.\n"
        "  fix: Correct the pattern; it starts in the spec's folder, `**` crosses folders, and it names files."
    )


def test_an_edit_of_equal_size_within_a_second_is_seen_despite_its_bytecode(tmp_path: Path) -> None:
    """Python's own check, size and whole seconds, runs the old code here."""
    source = (
        write(tmp_path, {"data.py": "import helper\ndef f(): return helper.N\n", "helper.py": "N = 1\n"}) / "helper.py"
    )
    for name in ("data.py", "helper.py"):
        py_compile.compile(str(tmp_path / name))
    stamp = source.stat().st_mtime
    source.write_text("N = 2\n")
    os.utime(source, (stamp, stamp))

    stale = subprocess.run(
        [sys.executable, "-c", "import data; print(data.f())"],
        cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=True,
        env={k: v for k, v in os.environ.items() if k not in ("PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE")},
    )  # fmt: skip
    assert stale.stdout == "1\n", "the trap this test is about is gone"
    assert load(resolve(tmp_path, "data.py:f"))() == 2


def test_no_bytecode_is_left_behind(tmp_path: Path) -> None:
    write(tmp_path, {"data.py": "import helper\ndef f(): return helper.N\n", "helper.py": "N = 1\n"})
    load(resolve(tmp_path, "data.py:f"))()

    assert not list(tmp_path.rglob("*.pyc"))


def test_a_second_load_in_one_process_sees_the_edit(tmp_path: Path) -> None:
    write(tmp_path, {"data.py": "import again\ndef f(): return again.N\n", "again.py": "N = 1\n"})
    assert load(resolve(tmp_path, "data.py:f"))() == 1

    (tmp_path / "again.py").write_text("N = 2\n")
    assert load(resolve(tmp_path, "data.py:f"))() == 2


def test_two_functions_live_side_by_side_and_import_late(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "one.py": "def f():\n    import late\n    return late.N\n",
            "two.py": "def f(): return 2\n",
            "late.py": "N = 1\n",
        },
    )
    one, two = load(resolve(tmp_path, "one.py:f")), load(resolve(tmp_path, "two.py:f"))

    assert (one(), two()) == (1, 2)


@pytest.mark.parametrize("name", ["json.py", "select.py", "pytest.py"])
def test_a_file_named_like_a_known_module_replaces_none(tmp_path: Path, name: str) -> None:
    write(tmp_path, {name: "def f(): return 'mine'\n"})
    before = sys.modules.get(name[:-3])

    assert load(resolve(tmp_path, f"{name}:f"))() == "mine"
    assert before is None or sys.modules[name[:-3]] is before


def test_a_folder_of_images_does_not_hide_a_package(tmp_path: Path) -> None:
    write(tmp_path, {"data.py": "import numpy\ndef f(): return numpy.float32(1)\n", "numpy/a.png": "x"})

    assert load(resolve(tmp_path, "data.py:f"))() == 1
    assert resolve(tmp_path, "data.py:f").distributions[0][0] == "numpy"


def raised(tmp_path: Path, text: str, helper: str = "") -> str:
    write(tmp_path, {"data.py": text, "blame.py": helper})
    with pytest.raises(UserCodeError) as caught:
        result = load(resolve(tmp_path, "data.py:f"))()
        if hasattr(result, "__next__"):
            list(result)
    return str(caught.value)


def test_an_exception_names_the_users_line_even_below_a_library(tmp_path: Path) -> None:
    text = raised(tmp_path, "import json\ndef f():\n    return json.loads('{')\n")

    assert text.startswith("data.py:3:12: `f`: JSONDecodeError: Expecting property name")
    assert "   3 |     return json.loads('{')\n     |            ^^^^^^^^^^^^^^^\n" in text


def test_an_exception_in_a_file_it_imports_names_that_file(tmp_path: Path) -> None:
    text = raised(
        tmp_path, "import blame\ndef f():\n    yield 1\n    blame.g()\n", "def g():\n    raise KeyError('k')\n"
    )

    assert text.startswith("blame.py:2:5: `f`: KeyError: 'k'\n")


def test_a_missing_package_and_a_missing_file_have_fixes_of_their_own(tmp_path: Path) -> None:
    text = raised(tmp_path, "import cv3\ndef f(): ...\n")
    assert text.startswith("data.py:1:1: importing `data.py`: ModuleNotFoundError: No module named 'cv3'")
    assert text.endswith(
        "  fix: Install what provides `cv3`, or correct the import; imports start in the spec's folder."
    )

    assert raised(tmp_path, "def f(): open('x.txt')\n").endswith(
        "  fix: Correct the path; relative paths start in the spec's folder."
    )


def test_leaving_the_process_is_an_error_of_the_user(tmp_path: Path) -> None:
    assert raised(tmp_path, "import sys\ndef f(): sys.exit(3)\n").startswith("data.py:2:10: `f`: SystemExit: 3")


def test_a_syntax_error_in_an_import_names_its_line(tmp_path: Path) -> None:
    text = raised(tmp_path, "import blame\ndef f(): ...\n", "x = (\n")

    assert text.startswith("blame.py:1:5: importing `data.py`: SyntaxError: '(' was never closed\n   1 | x = (")


def test_what_is_no_function_is_told(tmp_path: Path) -> None:
    assert raised(tmp_path, "f = 3\n") == "data.py: `f` is no function, but int.\n  fix: Define `def f(…):` in it."


def test_it_runs_in_the_specs_folder_and_comes_back(tmp_path: Path) -> None:
    write(tmp_path, {"data.py": "import os\ndef f():\n    yield os.getcwd()\n"})
    before = Path.cwd()

    generator = load(resolve(tmp_path, "data.py:f"))()

    assert next(generator) == str(tmp_path) and Path.cwd() == before


def test_a_file_named_like_a_module_of_pythons_knows_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "select.py").write_text("HERE = __file__\ndef samples():\n    return HERE\n")
    assert load(resolve(tmp_path, "select.py:samples", ()))() == str(tmp_path / "select.py")
