"""The core alone, without numpy or a runtime: it checks, plans and says what is missing."""

from __future__ import annotations

import shutil
import subprocess
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MOST_MB = 60


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the core and what it depends on."""
    folder = tmp_path_factory.mktemp("core")
    venv.create(folder / "venv", with_pip=True)
    pip = [str(folder / "venv" / "bin" / "python"), "-m", "pip", "install", "--quiet", "--quiet", "--no-compile"]
    subprocess.run([*pip, "--constraint", str(ROOT / "constraints.txt"), str(ROOT)], check=True)
    shutil.copytree(ROOT / "examples" / "digits", folder / "digits", ignore=shutil.ignore_patterns("build", "*.lock"))
    return folder


def edgebuild(core: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(core / "venv" / "bin" / "edgebuild"), *words]
    return subprocess.run(command, cwd=core / "digits", capture_output=True, text=True, check=False)


def test_the_core_is_small_and_has_no_numpy(core: Path) -> None:
    site = next((core / "venv" / "lib").glob("python*")) / "site-packages"
    assert not (site / "numpy").exists()
    tools = ("pip", "setuptools", "_distutils_hack")
    ours = [part for part in site.iterdir() if part.name.split("-")[0] not in tools]
    files = [file for part in ours for file in (part.rglob("*") if part.is_dir() else [part]) if file.is_file()]
    assert sum(file.stat().st_size for file in files) < MOST_MB * 1e6


def test_it_checks_plans_and_draws(core: Path) -> None:
    assert edgebuild(core, "check").returncode == 0
    planned = edgebuild(core, "plan", "--store", str(core / "store"))
    assert planned.returncode == 0
    assert "will run" in planned.stdout
    assert edgebuild(core, "graph").stdout.startswith("flowchart")


def test_what_is_missing_is_told_with_the_command_that_adds_it(core: Path) -> None:
    doctor = edgebuild(core, "doctor", ".")
    assert doctor.returncode == 4
    assert 'pip install "edgebuild[keras]"' in doctor.stdout
    inspected = edgebuild(core, "init", "digits.keras", "--force")
    assert inspected.returncode == 4
    assert 'pip install "edgebuild[keras]"' in inspected.stderr
    built = edgebuild(core, "build", "--store", str(core / "store"))
    assert built.returncode == 4
    assert "Traceback" not in built.stderr
    assert "`numpy` is not installed" in built.stderr
