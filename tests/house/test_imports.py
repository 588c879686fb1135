"""What starting costs: the core imports no runtime, and floors are kept."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "onnx", "onnxruntime", "onnxsim", "tensorflow", "keras", "ai_edge_litert", "ai_edge_quantizer", "tf2onnx", "numpy",
    "jinja2", "networkx", "doit", "sklearn", "scipy", "matplotlib", "PIL",
)  # fmt: skip
ROOT = Path(__file__).resolve().parents[2]


def loaded(code: str) -> set[str]:
    """Heavy packages that a fresh process has after some code."""
    tail = f"\nimport sys\nprint('LOADED', *[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True, cwd=ROOT, check=False)
    assert "LOADED" in done.stdout, done.stderr
    return set(done.stdout.rsplit("LOADED", 1)[1].split())


def test_the_command_line_loads_nothing_heavy() -> None:
    assert not loaded("import edgebuild.cli.main")


@pytest.mark.parametrize("command", [["--help"], ["build", "--help"], ["schema"], ["completion", "bash"]])
def test_commands_without_a_plan_load_nothing_heavy(command: list[str]) -> None:
    code = f"from edgebuild.cli.main import main\ntry:\n    main({command!r})\nexcept SystemExit: pass"
    assert not loaded(code)


def test_check_loads_nothing_heavy() -> None:
    assert not loaded("from edgebuild.cli.main import main\nmain(['check', 'examples/digits'])") - {"networkx"}


def test_plan_loads_no_runtime(tmp_path: Path) -> None:
    code = f"from edgebuild.cli.main import main\nmain(['plan', 'examples/digits', '--store', {str(tmp_path)!r}])"
    assert not loaded(code) - {"networkx", "doit"}


PLANTED = {
    "a room imports from a floor above": ("edgebuild/metrics/planted.py", "import edgebuild.engine.store\n"),
    "the engine sees more than core": ("edgebuild/engine/planted.py", "import edgebuild.metrics\n"),
    "a room other than the engine has doit": ("edgebuild/plan/planted.py", "import doit\n"),
    "a runtime sees another": ("edgebuild/runtimes/litert/planted.py", "import edgebuild.runtimes.onnxruntime\n"),
    "what travels sees the house": ("edgebuild/runner/planted.py", "import edgebuild.errors\n"),
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package apart, so that something can be planted in it."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "edgebuild", folder / "edgebuild", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(folder)}
    )


def test_the_floors_are_kept(checkout: Path) -> None:
    done = lint(checkout)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_violation_fails(what: str, checkout: Path) -> None:
    place, text = PLANTED[what]
    (checkout / place).write_text(text)
    try:
        assert lint(checkout).returncode == 1, f"not noticed: {what}"
    finally:
        (checkout / place).unlink()
