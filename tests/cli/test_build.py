"""`edgebuild build` on a whole small project, as its own process."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.cli.conftest import Project


def test_a_build_leaves_package_report_and_lock(built: Project) -> None:
    names = {path.name for path in built.package.iterdir()}
    assert {"model.onnx", "manifest.json", "SHA256SUMS"} <= names
    assert (built.package.parent / "pc.tar.gz").is_file()
    assert (built.package.parent / "report" / "report.md").is_file()
    assert (built.folder / "deployment.edge.lock").is_file()


def test_a_second_build_runs_nothing_and_changes_no_file(project: Project) -> None:
    project.build()
    before = {path: path.read_bytes() for path in project.folder.rglob("*") if path.is_file()}
    done = project.build()
    assert (done.code, done.ran) == (0, 0)
    assert {path: path.read_bytes() for path in project.folder.rglob("*") if path.is_file()} == before


def test_renaming_a_target_reruns_decisions_and_documents_alone(project: Project) -> None:
    project.replace("  pc: {", "  desk: {")
    done = project.build()
    assert done.code == 0
    # Decide (again beside the incumbent), package, archive, report.
    assert done.ran <= 6, done.out + done.err
    assert (project.package.parent / "desk" / "manifest.json").is_file()


def test_moving_a_budget_reruns_decisions_and_documents_alone(project: Project) -> None:
    project.replace("size: 2x", "size: 1.9x")
    assert 0 < project.build().ran <= 4


def test_taking_a_change_back_runs_nothing(project: Project) -> None:
    project.build()
    project.replace("calibrate: 40", "calibrate: 30")
    assert project.build().ran > 4
    project.replace("calibrate: 30", "calibrate: 40")
    assert project.build().ran == 0


def test_a_second_target_shares_what_is_shared(project: Project) -> None:
    project.replace(
        "  pc: {device: here, runtime: onnxruntime}",
        "  pc: {device: here, runtime: onnxruntime}\n  twin: {device: here, runtime: onnxruntime}",
    )
    assert project.build().ran <= 5


def test_one_candidate_alone_is_built_apart_and_decides_nothing(project: Project) -> None:
    lock = project.spec.with_suffix(".lock").read_bytes()
    package = {path: path.read_bytes() for path in project.package.rglob("*") if path.is_file()}
    done = project.build("--candidate", "int8")
    assert done.code == 0
    apart = project.package.parent / "only" / "int8"
    dossier = json.loads((apart / "dossiers" / "pc.json").read_text())
    assert [item["name"] for item in dossier["candidates"]] == ["source", "int8"]
    assert (apart / "pc" / "manifest.json").is_file()
    assert "The lock and the packages stay; see build/tiny/only/int8." in done.out
    assert project.spec.with_suffix(".lock").read_bytes() == lock
    assert {path: path.read_bytes() for path in project.package.rglob("*") if path.is_file()} == package


def test_an_unknown_target_or_candidate_is_told_with_those_there_are(project: Project) -> None:
    done = project.build("--target", "pcc", "--candidate", "flat16")
    assert done.code == 2
    assert "did you mean `pc`" in done.err
    assert "did you mean `float16`" in done.err


def test_json_holds_the_verdicts_and_nothing_else_is_printed(project: Project) -> None:
    done = project.build("--format", "json")
    answer = json.loads(done.out)
    assert answer["exit_code"] == 0
    assert answer["targets"][0]["target"] == "pc"
    assert answer["targets"][0]["passed"] is True


def test_summary_and_junit_are_written(project: Project, tmp_path: Path) -> None:
    project.build("--summary", str(tmp_path / "summary.md"), "--junit", str(tmp_path / "junit.xml"))
    assert "pc" in (tmp_path / "summary.md").read_text()
    suites = ET.parse(tmp_path / "junit.xml").getroot()
    assert suites.findall(".//testcase")


def test_a_budget_missed_exits_one_and_leaves_the_nearest_miss_apart(project: Project) -> None:
    project.replace("size: 2x", "size: 0.01x")
    done = project.build()
    assert done.code == 1
    assert "FAIL" in done.out
    assert not project.package.exists()
    assert (project.package.parent / "pc.nearest-miss" / "manifest.json").is_file()


def test_locked_refuses_another_choice(project: Project) -> None:
    assert project.build("--locked").code == 0
    project.replace("runtime: onnxruntime}", "runtime: onnxruntime, choose: source}")
    lock = (project.folder / "deployment.edge.lock").read_bytes()
    done = project.build("--locked")
    assert done.code == 1
    assert "deployment.edge.lock" in done.err
    assert (project.folder / "deployment.edge.lock").read_bytes() == lock


def test_a_killed_build_goes_on_where_it_was(fresh: Project) -> None:
    command = [sys.executable, "-m", "edgebuild.cli.main", "build", "--store", str(fresh.store)]
    process = subprocess.Popen(command, cwd=fresh.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(3.0)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = fresh.build()
    assert done.code == 0
    hits = int(done.out.split("steps ran, ", 1)[1].split(" ", 1)[0])
    assert hits > 0


def test_ctrl_c_ends_at_once_with_what_is_done_kept(fresh: Project) -> None:
    # Whoever runs these tests in the background has left it ignored.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code += "import sys; from edgebuild.cli.main import main; raise SystemExit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "build", "--store", str(fresh.store)]
    process = subprocess.Popen(command, cwd=fresh.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(2.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode in (130, -signal.SIGINT)
    assert "Traceback" not in err


def test_a_store_that_cannot_be_written_is_told(fresh: Project, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    fresh.store = tmp_path / "file" / "store"
    done = fresh.build()
    assert done.code == 5
    assert "Traceback" not in done.err
    assert "--store" in done.err


def test_two_specs_are_one_graph(project: Project) -> None:
    text = project.spec.read_text().replace("name: tiny", "name: again")
    (project.folder / "again.edge.yaml").write_text(text)
    done = project.build()
    assert done.code == 0
    assert done.ran <= 6
    assert (project.folder / "build" / "again" / "pc" / "manifest.json").is_file()


def test_two_specs_of_one_name_in_a_folder_are_told_apart_before_any_work(project: Project) -> None:
    (project.folder / "again.edge.yaml").write_text(project.spec.read_text())
    done = project.build()
    assert done.code == 2
    assert "both would write build/tiny" in done.err


def test_a_build_folder_that_cannot_be_written_is_told(project: Project) -> None:
    shutil.rmtree(project.folder / "build")
    (project.folder / "build").write_text("no folder")
    done = project.build()
    assert done.code == 5
    assert "cannot be written" in done.err


def test_two_builds_at_once_both_end_well(fresh: Project) -> None:
    command = [sys.executable, "-m", "edgebuild.cli.main", "build", "--store", str(fresh.store)]
    both = [
        subprocess.Popen(command, cwd=fresh.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in both:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, out + err
    assert fresh.edgebuild("verify", str(fresh.package), store=False).code == 0
