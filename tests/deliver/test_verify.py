"""Verification: every damage named, and golden outputs said again by the real runtime."""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest

from edgebuild.data.arrays import load_arrays, save_arrays
from edgebuild.deliver.golden import FLOAT, REDUCED, compare, relative_tolerance, tolerance
from edgebuild.deliver.package import ArchivePackage
from edgebuild.deliver.verify import verify
from edgebuild.errors import Problem
from tests.conftest import Bench, wire
from tests.decide.dossiers import candidates
from tests.deliver.packages import Factory, manifest, reseal, tflite_model


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of the ONNX model; tests damage copies."""
    return Factory(tmp_path_factory.mktemp("good")).package()


@pytest.fixture
def package(good: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(good, tmp_path / "package"))


@pytest.fixture(scope="module")
def archive(good: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Bench(tmp_path_factory.mktemp("archive"), package=good).run(ArchivePackage(package=wire("package")))


def only(problems: list[Problem]) -> Problem:
    assert len(problems) == 1, [problem.render() for problem in problems]
    assert problems[0].fix
    return problems[0]


def test_a_package_as_built_is_good(good: Path) -> None:
    assert verify(good) == []


def test_its_archive_is_good(archive: Path) -> None:
    assert verify(archive) == []


@pytest.mark.parametrize("quantized", [False, True])
def test_a_litert_package_is_good(tmp_path: Path, quantized: bool) -> None:
    assert verify(Factory(tmp_path / "f", "litert", tflite_model(tmp_path / "m.tflite", quantized)).package()) == []


def test_a_changed_byte_is_named_once(package: Path) -> None:
    content = bytearray((package / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (package / "model.onnx").write_bytes(content)
    problem = only(verify(package))
    assert problem.where == "model.onnx" and "was changed" in problem.what


def test_missing_extra_and_changed_files_are_all_named(package: Path) -> None:
    (package / "labels.txt").unlink()
    (package / "golden" / "more.npz").write_bytes(b"x")
    (package / "README.md").write_text("other")
    assert [(problem.where, problem.what.split(":")[0]) for problem in verify(package)] == [
        ("README.md", "was changed"),
        ("labels.txt", "is missing."),
        ("golden/more.npz", "is not listed in SHA256SUMS."),
    ]


def test_wrong_golden_outputs_are_named_though_every_checksum_holds(package: Path) -> None:
    file = package / "golden" / "outputs.npz"
    arrays = load_arrays(file)
    arrays["y"][1, 0, 2] += 0.5
    save_arrays(file, arrays)
    reseal(package)
    problem = only(verify(package))
    assert problem.where == "golden/outputs.npz: y"
    assert "onnxruntime" in problem.what and "off by up to 0.5 in 1 of 12 values" in problem.what


def test_another_model_under_the_same_name_is_seen_by_its_answers(package: Path, tmp_path: Path) -> None:
    import onnx
    from onnx import numpy_helper

    model = onnx.load(package / "model.onnx")
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.ones((8, 4), np.float32), "w"))
    onnx.save(model, package / "model.onnx")
    reseal(package)
    assert only(verify(package)).where == "golden/outputs.npz: y"


def test_a_version_that_differs_is_the_first_suspect(package: Path) -> None:
    file = package / "golden" / "outputs.npz"
    save_arrays(file, {name: array + 1 for name, array in load_arrays(file).items()})
    reseal(package, versions={"onnxruntime": "1.0.0", "numpy": "1.0.0"})
    assert "pip install onnxruntime==1.0.0," in only(verify(package)).fix


def test_a_model_that_the_runtime_declines_is_told_in_its_words(package: Path) -> None:
    (package / "model.onnx").write_bytes(b"no model at all")
    reseal(package)
    problem = only(verify(package))
    assert problem.where == "model.onnx" and "onnxruntime" in problem.what and "does not take it" in problem.what


def test_a_runtime_that_is_not_installed_is_told_with_the_command(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "onnxruntime.py").write_text("raise ModuleNotFoundError(\"No module named 'onnxruntime'\")\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    problem = only(verify(good))
    assert "not installed" in problem.what and problem.fix == 'pip install "edgebuild[onnxruntime]"'


def test_a_manifest_of_another_format_is_not_guessed_at(package: Path) -> None:
    reseal(package, manifest=2)
    assert "has the format 2; this edgebuild reads 1" in only(verify(package)).what


def test_everything_wrong_with_a_manifest_is_told_at_once(package: Path) -> None:
    reseal(package, model=7, labels="no list")
    assert {problem.where for problem in verify(package)} == {"manifest.json: model", "manifest.json: labels"}


@pytest.mark.parametrize("name", ["manifest.json", "SHA256SUMS"])
def test_without_its_papers_a_package_is_not_run(package: Path, name: str) -> None:
    (package / name).unlink()
    assert ("is missing." in [problem.what for problem in verify(package) if problem.where == name]) is True


def test_a_manifest_that_disagrees_with_the_checksums_is_named(package: Path) -> None:
    files = manifest(package)["files"] | {"model.onnx": "sha256:" + "0" * 64}
    text = (
        (package / "manifest.json").read_text().replace(manifest(package)["files"]["model.onnx"], "sha256:" + "0" * 64)
    )
    (package / "manifest.json").write_text(text)
    sums = [line for line in (package / "SHA256SUMS").read_text().splitlines() if "manifest" not in line]
    import hashlib

    sums.append(f"{hashlib.sha256(text.encode()).hexdigest()}  manifest.json")
    (package / "SHA256SUMS").write_text("\n".join(sums) + "\n")
    assert files["model.onnx"].endswith("0") and only(verify(package)).where == "manifest.json: files.model.onnx"


def test_a_manifest_cannot_have_any_module_imported(package: Path) -> None:
    reseal(package, call=manifest(package)["call"] | {"session": "antigravity"})
    assert only(verify(package)).where == "manifest.json: call.session"


def test_a_manifest_cannot_reach_out_of_the_package(package: Path, tmp_path: Path) -> None:
    reseal(package, model="../outside.onnx")
    assert only(verify(package)).where == "manifest.json: model"


def test_checksums_cannot_reach_out_of_the_package(package: Path) -> None:
    with (package / "SHA256SUMS").open("a") as file:
        file.write("0" * 64 + "  ../../etc/passwd\n" + "0" * 64 + "  /etc/passwd\n" + "no checksum\n")
    wheres = {problem.where: problem.what for problem in verify(package)}
    assert wheres["../../etc/passwd"] == wheres["/etc/passwd"] == "lies outside the package."
    assert any(where.startswith("SHA256SUMS:") for where in wheres)


def test_an_archive_that_is_damaged_is_told(archive: Path, tmp_path: Path) -> None:
    content = bytearray(archive.read_bytes())
    for place, damaged in enumerate((content[: len(content) // 2], b"no archive", content[:20] + b"x" + content[21:])):
        file = tmp_path / f"{place}.tar.gz"
        file.write_bytes(damaged)
        assert "cannot be unpacked" in only(verify(file)).what


@pytest.mark.parametrize("name", ["../outside", "/outside"])
def test_an_archive_cannot_write_outside_its_folder(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "evil.tar.gz", "w:gz") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = 1
        tar.addfile(entry, io.BytesIO(b"x"))
    assert verify(tmp_path / "evil.tar.gz")
    assert not Path("/outside").exists() and not (tmp_path / "outside").exists()


def test_an_archive_with_a_link_out_of_it_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "evil.tar.gz", "w:gz") as tar:
        entry = tarfile.TarInfo("model.onnx")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(entry)
    assert "cannot be unpacked" in only(verify(tmp_path / "evil.tar.gz")).what


def test_a_bomb_is_stopped_before_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgebuild.deliver.verify.LARGEST", 1000)
    with tarfile.open(tmp_path / "bomb.tar.gz", "w:gz") as tar:
        entry = tarfile.TarInfo("zeros")
        entry.size = 5000
        tar.addfile(entry, io.BytesIO(bytes(5000)))
    assert "unpacks to more than 1,000 bytes" in only(verify(tmp_path / "bomb.tar.gz")).what


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    assert only(verify(tmp_path / "nothing")).what == "no such package."


def test_the_tolerance_is_tight_for_floats_and_has_room_for_fewer_bits(tmp_path: Path) -> None:
    factory = Factory(tmp_path / "f")
    made = factory.dossier()
    assert relative_tolerance(made, factory.candidate()) == FLOAT
    quantized = next(item for item in candidates() if item.name == "int8")
    assert relative_tolerance(made, quantized) == REDUCED
    assert relative_tolerance(made, factory.candidate(account=quantized.account)) == REDUCED


def test_the_tolerance_knows_labels_from_values() -> None:
    assert tolerance(np.array([3, 900]), REDUCED) == 0.0
    assert tolerance(np.array([True]), REDUCED) == 0.0
    assert tolerance(np.array([-100], np.int8), REDUCED) == 5.0
    assert tolerance(np.array([2.0, np.nan, -4.0]), FLOAT) == 0.04
    assert tolerance(np.zeros(3), FLOAT) == 1e-6


def test_padding_and_infinities_are_no_difference_but_new_ones_are() -> None:
    golden = {"y": np.array([1.0, np.nan, np.inf])}
    assert compare(golden, {"y": np.array([1.0005, np.nan, np.inf])}, {"y": 0.001}, "r 1", "fix") == []
    for wrong in ([np.nan, np.nan, np.inf], [1.0, 2.0, np.inf], [1.0, np.nan, -np.inf]):
        assert only(compare(golden, {"y": np.array(wrong)}, {"y": 0.001}, "r 1", "fix")).where.endswith(": y")


def test_a_missing_output_and_another_shape_are_told() -> None:
    golden = {"y": np.zeros((3, 1, 4)), "z": np.zeros(3)}
    wheres = compare(golden, {"y": np.zeros((3, 5))}, {}, "r 1", "fix")
    assert ["shape" in wheres[0].what, "no such output" in wheres[1].what] == [True, True]
