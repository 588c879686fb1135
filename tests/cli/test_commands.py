"""Every other command on the small project."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from edgebuild.engine.store.files import RACY_S
from tests.cli.conftest import Project


def test_check_is_quick_and_says_what_bounds_need(built: Project) -> None:
    done = built.edgebuild("check", store=False)
    assert done.code == 0
    assert "tiny: good" in done.out


def test_check_answers_in_json(built: Project) -> None:
    answer = json.loads(built.edgebuild("check", "--format", "json", store=False).out)
    assert answer["specs"][0]["targets"] == {"pc": ["source", "float16", "int8", "int8-dynamic"]}


def test_plan_shows_states_and_what_each_candidate_becomes(built: Project) -> None:
    done = built.edgebuild("plan", "--steps")
    assert "static INT8 QDQ: U8 activations, S8 weights per channel" in done.out
    assert "will run" not in done.out


READ = """\
import sys
from argparse import Namespace
from pathlib import Path
from edgebuild import reads
from edgebuild.cli.main import main
from edgebuild.cli.planning import Planner
from edgebuild.engine.store import Store, files

read = []
for module, name in ((reads, "_digest"), (files, "file_digest")):
    def count(path, whole=getattr(module, name)):
        read.append(path.name)
        return whole(path)
    setattr(module, name, count)
sys.stdout = sys.stderr
"""
READERS = {
    "plan": "main(['plan', '--store', {store!r}])",
    "build": "Planner(Namespace(paths=[], target=[], candidate=[]), Store(Path({store!r}))).plan()",
}


@pytest.mark.parametrize("command", READERS)
def test_a_large_file_is_digested_once_until_it_changes(command: str, project: Project) -> None:
    def read() -> list[str]:
        # Another spec, which is planned anew.
        project.spec.write_text(project.spec.read_text() + "# again\n")
        code = READERS[command].format(store=str(project.store))
        return project.python(f"{READ}{code}\nprint(*read, file=sys.__stdout__)").split()

    time.sleep(RACY_S + 0.1)
    read()
    assert not {"tiny.onnx", "samples.npz"} & set(read())
    (project.folder / "tiny.onnx").touch()
    assert "tiny.onnx" in read()


def test_plan_runs_no_user_code(project: Project, tmp_path: Path) -> None:
    project.replace("def scaled(x):", f"open({str(tmp_path / 'ran')!r}, 'w').close()\ndef scaled(x):", "scaling.py")
    assert "will run" in project.edgebuild("plan", "--steps").out
    assert not (tmp_path / "ran").exists()


def test_plan_of_a_changed_budget_runs_the_decision_alone(project: Project) -> None:
    project.replace("size: 2x", "size: 1.9x")
    answer = json.loads(project.edgebuild("plan", "--format", "json").out)
    due = {step["kind"] for step in answer["steps"] if step["state"] in ("will run", "may run")}
    assert due <= {"DecideTarget", "AssemblePackage", "ArchivePackage", "RenderReport"}


def test_why_explains_a_choice_a_candidate_and_a_rerun(project: Project) -> None:
    assert "ships" in project.edgebuild("why", "pc").out
    assert "static INT8" in project.edgebuild("why", "pc/int8").out
    assert "up to date" in project.edgebuild("why").out
    project.replace("calibrate: 40", "calibrate: 30")
    assert "calibrate" in project.edgebuild("why").out


def test_why_of_an_unknown_name_says_what_is_known(built: Project) -> None:
    done = built.edgebuild("why", "int9")
    assert done.code == 2
    assert "did you mean `int8`" in done.err


def test_report_prints_the_report(built: Project) -> None:
    done = built.edgebuild("report", store=False)
    assert done.code == 0
    assert "tiny" in done.out.splitlines()[0]


@pytest.mark.parametrize(("form", "start"), [("mermaid", "flowchart"), ("dot", "digraph"), ("svg", "<svg")])
def test_graph_draws(form: str, start: str, built: Project) -> None:
    done = built.edgebuild("graph", "--format", form, store=False)
    assert done.code == 0
    assert done.out.lstrip().startswith(start)
    if form == "svg":
        ET.fromstring(done.out)


def test_diff_renders_the_review_comment(project: Project) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], cwd=project.folder, check=True)

    git("init", "-q")
    git("add", "deployment.edge.lock", "deployment.edge.yaml")
    git("commit", "-qm", "first")
    assert "othing changed" in project.edgebuild("diff", store=False).out
    project.replace("runtime: onnxruntime}", "runtime: onnxruntime, choose: source}")
    project.build()
    done = project.edgebuild("diff", store=False)
    assert done.code == 0
    assert "pc" in done.out and "source" in done.out


def test_verify_finds_a_package_good_and_a_changed_one_not(project: Project) -> None:
    good = project.edgebuild("verify", "build/tiny/pc", "build/tiny/pc.tar.gz", store=False)
    assert good.code == 0, good.err
    model = project.package / "model.onnx"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.chmod(0o644)
    model.write_bytes(bytes(content))
    bad = project.edgebuild("verify", "build/tiny/pc", store=False)
    assert bad.code == 1
    assert "model.onnx" in bad.err


def test_doctor_says_what_is_usable(built: Project) -> None:
    answer = json.loads(built.edgebuild("doctor", ".", "--format", "json", store=False).out)
    assert "onnxruntime" in answer["needed"]
    assert {row["extra"] for row in answer["extras"]} >= {"onnxruntime", "litert", "keras", "report"}
    assert all(row["packages"] for row in answer["extras"])


def test_schema_is_json(built: Project) -> None:
    assert "properties" in json.loads(built.edgebuild("schema", store=False).out)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_commands_and_options(shell: str, built: Project) -> None:
    text = built.edgebuild("completion", shell, store=False).out
    assert "verify" in text and "locked" in text


def test_bash_accepts_the_completion(built: Project) -> None:
    text = built.edgebuild("completion", "bash", store=False).out
    words = 'COMP_WORDS=(edgebuild bu); COMP_CWORD=1; _edgebuild; echo "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", f"{text}\n{words}"], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["build"]


def test_init_writes_a_spec_that_builds_at_once(built: Project, tmp_path: Path) -> None:
    project = Project(tmp_path / "new", tmp_path / "store")
    project.folder.mkdir()
    shutil.copy(built.folder / "tiny.onnx", project.folder)
    done = project.edgebuild("init", "tiny.onnx", store=False)
    assert done.code == 0, done.err
    assert "516 parameters" in done.out
    again = project.edgebuild("init", "tiny.onnx", store=False)
    assert again.code == 2
    assert "--force" in again.err
    made = project.build()
    assert made.code == 0, made.out + made.err


def test_eject_makes_the_same_bytes_without_edgebuild(built: Project, tmp_path: Path) -> None:
    for candidate in ("int8", "float16"):
        folder = tmp_path / candidate
        done = built.edgebuild("eject", f"pc/{candidate}", "--inputs", str(folder))
        assert done.code == 0, done.err
        assert "import edgebuild" not in done.out and "from edgebuild" not in done.out
        (folder / "eject.py").write_text(done.out)
        made = subprocess.run(
            [sys.executable, "-I", "eject.py"], cwd=folder, capture_output=True, text=True, check=True
        ).stdout.split()[-1]
        digest = next(
            item["digest"]
            for item in json.loads((built.package.parent / "dossiers" / "pc.json").read_text())["candidates"]
            if item["name"] == candidate
        )
        import hashlib

        assert "sha256:" + hashlib.sha256((folder / made).read_bytes()).hexdigest() == digest


def test_help_names_every_command_and_exit_code(built: Project) -> None:
    done = built.edgebuild("--help", store=False)
    assert all(word in done.out for word in ("init", "check", "plan", "build", "why", "eject", "Exit codes"))


def test_a_misspelt_command_is_told(built: Project) -> None:
    done = built.edgebuild("biuld", store=False)
    assert done.code == 2
    assert "build" in done.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["build", "--junit", "/no/such/folder/a.xml"], "cannot write a file"),
        (["build", "--format", "json", "--summary", "-"], "fills stdout alone"),
        (["build", "--store", ""], "must name a folder"),
        (["graph", "--output", "/no/such/folder/a.svg"], "cannot write a file"),
        (["init", "tiny.onnx", "--force", "--name", "a b/c"], "Try `a-b-c`"),
        (["init", "tiny.onnx", "--force", "--data", "nosuch.py:f"], "there is no `nosuch.py:f`"),
        (["diff", "no-such-revision"], "no-such-revision"),
        (["verify", "/no/such/package"], "no such package"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(words: list[str], told: str, built: Project) -> None:
    done = built.edgebuild(*words, store=False)
    assert done.code == 2
    assert told in done.err + done.out


def test_a_full_disk_behind_stdout_is_no_bug_of_ours(built: Project) -> None:
    command = [sys.executable, "-m", "edgebuild.cli.main", "schema"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 5
    assert "Traceback" not in done.stderr


def test_a_damaged_lock_is_told_with_what_to_do(project: Project) -> None:
    (project.folder / "deployment.edge.lock").write_text("garbage: [")
    done = project.build()
    assert done.code == 2
    assert "restore it" in done.err


def test_a_template_that_hides_nothing_is_told(project: Project) -> None:
    (project.folder / "mine").mkdir()
    (project.folder / "mine" / "report.md.j2").write_text("Ours.\n")
    project.replace("\ndata:", "\npackage: {templates: mine}\n\ndata:")
    done = project.edgebuild("check", store=False)
    assert done.code == 2
    assert "did you mean `report/report.md.j2`" in done.err


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m.tflite", "m.onnx"])
def test_a_damaged_model_is_refused_by_its_reader(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(500))
    project = Project(tmp_path, tmp_path / "store")
    done = project.edgebuild("init", name, store=False)
    assert done.code == 2, done.err
    assert name in done.err
