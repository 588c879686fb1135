"""Programs of the user's as candidates: what they make, how they fail, what they see."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

from edgebuild.compress.command.stage import Command
from edgebuild.compress.command.step import AskTool, RunCommand, run_command
from edgebuild.core.wires import FileDigest
from edgebuild.errors import Refused
from tests.conftest import Bench, wire
from tests.deliver.packages import tflite_model

COPY = "import os, shutil, sys; print(os.environ['HOME']); shutil.copy(sys.argv[1], sys.argv[2] + '/made_vela.tflite')"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tflite_model(tmp_path / "model.tflite", quantized=True)


def step(command: list[str], output: str = "*_vela.tflite", **more: object) -> RunCommand:
    fields = {"model": wire("model", "model.tflite"), "command": command, "output": output, "versions": [], **more}
    return RunCommand.model_validate(fields)


def bench(model: Path, folder: Path) -> Bench:
    return Bench(folder / "bench", model=model.parent)


def test_the_one_file_it_makes_is_the_candidate(model: Path, tmp_path: Path) -> None:
    made = bench(model, tmp_path).run(step([sys.executable, "-c", COPY, "{in}", "{out}"]))
    assert made.name == "model.tflite"
    assert made.read_bytes() == model.read_bytes()


def test_a_script_of_the_users_runs_from_the_folder_of_the_spec(model: Path, tmp_path: Path) -> None:
    (tmp_path / "convert.py").write_text(COPY)
    own = {"folder": str(tmp_path), "files": [FileDigest(path="convert.py", digest="sha256:1")]}
    words = [sys.executable, "convert.py", "{in}", "{out}"]
    assert bench(model, tmp_path).run(step(words, **own)).exists()
    here, there = (step(words, **{**own, "folder": folder}) for folder in ("/a", "/b"))
    assert here.id == there.id
    changed = step(words, folder="/a", files=[FileDigest(path="convert.py", digest="sha256:2")])
    assert changed.id != here.id


def test_it_sees_a_home_of_its_own_and_a_copy_of_the_model(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "1")
    code = "import os, sys; assert 'SECRET' not in os.environ; open(sys.argv[1], 'w').write(os.environ['HOME'])"
    made = bench(model, tmp_path).run(step([sys.executable, "-c", code, "{out}/a_vela.tflite"]))
    assert made.read_text().endswith("/home")
    assert not Path(made.read_text()).exists()


def test_a_failure_is_told_in_its_own_last_words(model: Path, tmp_path: Path) -> None:
    code = "import sys; sys.exit('Unsupported operator: FFT')"
    with pytest.raises(Refused, match="ended with status 1: Unsupported operator: FFT") as caught:
        bench(model, tmp_path).run(step([sys.executable, "-c", code]))
    assert caught.value.kind == "rejected"


@pytest.mark.parametrize(
    ("output", "words"), [("*.bin", "matches no file; it made"), ("*", "matches 2 files; it made a, b")]
)
def test_the_glob_must_match_exactly_one_file(output: str, words: str, model: Path, tmp_path: Path) -> None:
    code = "open('a', 'w'); open('b', 'w')"
    with pytest.raises(Refused, match=words) as caught:
        bench(model, tmp_path).run(step([sys.executable, "-c", code], output))
    assert caught.value.fix


def test_a_tool_that_is_not_there_is_not_applicable(model: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no such program") as caught:
        Bench(tmp_path / "ask").run(AskTool(tool="no-such-tool-anywhere"))
    assert caught.value.kind == "not applicable"
    assert "Install `no-such-tool-anywhere`" in caught.value.fix


def test_the_version_is_what_the_tool_says(tmp_path: Path) -> None:
    said = Bench(tmp_path / "ask").run(AskTool(tool=sys.executable)).read_text()
    assert said == f"Python {sys.version.split()[0]}\n"


def test_the_model_must_be_among_the_words() -> None:
    with pytest.raises(ValueError, match=r"must have `\{in\}`"):
        Command.model_validate({"command": ["vela"], "output": "*"})


@pytest.mark.slow
def test_vela_compiles_an_int8_model_for_an_ethos_u(model: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    pip = [str(tmp_path / "venv" / "bin" / "pip"), "install", "-q", "ethos-u-vela"]
    if subprocess.run(pip, check=False, capture_output=True).returncode:
        pytest.skip("ethos-u-vela cannot be installed here")
    scratch = tmp_path / "scratch"
    (scratch / "out").mkdir(parents=True)
    vela = str(tmp_path / "venv" / "bin" / "vela")
    words = [vela, str(model), "--output-dir", str(scratch / "out")]
    made = run_command(words, scratch, "*_vela.tflite", "vela")
    assert b"ethos-u" in made.read_bytes()
