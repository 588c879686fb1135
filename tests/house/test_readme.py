"""What the front door says is so."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from edgebuild import spec
from edgebuild.cli.main import COMMANDS
from edgebuild.models.routes_table import routes_table

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_room_is_on_the_map() -> None:
    found = {
        path.stem
        for path in (ROOT / "edgebuild").iterdir()
        if not path.name.startswith(("_", ".")) and (path.is_dir() or path.suffix == ".py")
    }
    house = README.split("## The house")[1]
    assert found == {
        room for row in re.findall(r"^\| \d \| (.*?) \|", house, re.MULTILINE) for room in re.findall(r"`(\w+)`", row)
    }


def test_the_table_of_routes_is_that_of_the_code() -> None:
    block = README.split("<!-- routes -->\n")[1].split("<!-- /routes -->")[0]
    assert block == routes_table(), "write again what `edgebuild.models.routes_table.routes_table()` returns"


def test_every_command_is_told() -> None:
    table = README.split("## Commands")[1].split("##")[0]
    assert {name for name in COMMANDS if f"`edgebuild {name}" not in table and f"`{name}" not in table} == set()


def test_the_spec_by_example_is_a_spec(tmp_path: Path) -> None:
    folder = tmp_path / "digits"
    shutil.copytree(ROOT / "examples" / "digits", folder, ignore=shutil.ignore_patterns("build"))
    block = README.split("```yaml\n")[1].split("```")[0]
    (folder / "deployment.edge.yaml").write_text(block)
    assert set(spec.load(folder / "deployment.edge.yaml").targets) == {"ort", "litert"}


def test_every_file_the_readme_links_is_there() -> None:
    for file in (ROOT / "README.md", *(ROOT / "examples").glob("*/README.md")):
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", file.read_text(encoding="utf-8")):
            assert (file.parent / link).exists(), f"{file.relative_to(ROOT)} links {link}"


def test_no_committed_text_names_a_place_of_one_machine() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    wrong = []
    for name in filter(None, listed.split("\0")):
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        if re.search(r"/(?:work|root|home/\w+)/\w", text) and not name.startswith("tests/house/"):
            wrong.append(name)
    assert not wrong
