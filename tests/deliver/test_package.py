"""Packages: everything needed to run the model, nothing of edgebuild, the same bytes every time."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from edgebuild.core.dossier import Tensor
from edgebuild.core.evidence import Measurement
from edgebuild.decide.budgets import Budget
from edgebuild.deliver.manifest import from_json
from edgebuild.deliver.package import ArchivePackage
from edgebuild.errors import Refused, SpecError
from tests.conftest import Bench, wire
from tests.deliver.packages import LABELS, Factory, contents, manifest, tflite_model, weights

SIZE = Budget(typed="all.size", quantity="size", form="max", limit=1.0, unit="B", text="1 B")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of the ONNX model."""
    return Factory(tmp_path_factory.mktemp("package")).package()


def example(package: Path) -> str:
    """What `predict.py` prints, run in a folder of its own by an interpreter that edgebuild is hidden from."""
    hidden = package.parent / "hidden"
    (hidden / "edgebuild").mkdir(parents=True, exist_ok=True)
    (hidden / "edgebuild" / "__init__.py").write_text("raise ImportError('a package needs no edgebuild')\n")
    env = dict(os.environ) | {"PYTHONPATH": str(hidden)}
    command = [sys.executable, str(package / "predict.py")]
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=hidden, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def top(inputs: np.ndarray) -> tuple[str, float]:
    scores = weights() @ inputs
    return LABELS[int(scores.argmax())], float(scores.max())


def first(factory: Factory) -> np.ndarray:
    with np.load(factory.samples / "inputs.npz") as samples:
        array: np.ndarray = samples["x"][0]
    return array


def test_a_package_holds_what_it_takes_to_run_the_model(made: Path) -> None:
    assert set(contents(made)) == {
        "model.onnx", "session_options.json", "predict.py", "requirements.txt", "README.md", "labels.txt",
        "golden/inputs.npz", "golden/outputs.npz", "manifest.json", "SHA256SUMS",
    }  # fmt: skip


def test_equal_inputs_make_equal_bytes(tmp_path: Path) -> None:
    factory = Factory(tmp_path / "f")
    one, other = factory.package("1"), factory.package("2")
    assert contents(one) == contents(other)


def test_sha256sum_itself_accepts_the_checksums(made: Path) -> None:
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=made, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(": OK\n") == len(contents(made)) - 1


def test_the_example_predicts_with_onnx_runtime_alone(tmp_path: Path) -> None:
    factory = Factory(tmp_path / "f")
    label, score = top(first(factory))
    assert example(factory.package()) == f"{label} ({score:.3f})\n"


@pytest.mark.parametrize("signed", [True, False], ids=["signature", "no signature"])
def test_the_example_predicts_with_litert_alone(tmp_path: Path, signed: bool) -> None:
    factory = Factory(tmp_path / "f", "litert", tflite_model(tmp_path / "m.tflite", signed=signed))
    label, score = top(first(factory))
    assert example(factory.package()) == f"{label} ({score:.3f})\n"


def test_the_example_gives_a_quantized_model_real_numbers(tmp_path: Path) -> None:
    factory = Factory(tmp_path / "f", "litert", tflite_model(tmp_path / "m.tflite", quantized=True))
    package = factory.package()
    label, score = top(first(factory))
    said, number = example(package).split()
    # Eight products of weights up to 1.25 with inputs that are off by up to 1/64, and one output step of 1/4.
    assert said == label and abs(float(number.strip("()")) - score) < 8 * 1.25 / 64 + 0.25
    with np.load(package / "golden" / "outputs.npz") as golden:
        assert float(number.strip("()")) == pytest.approx(golden["y"][0].max(), abs=1e-3)


def test_the_example_prints_outputs_where_no_output_has_the_labels(tmp_path: Path) -> None:
    factory = Factory(tmp_path / "f")
    assert example(factory.package(made=factory.dossier(labels=()))).startswith("y float32 (1, 4) [")
    assert example(factory.package("2", factory.dossier(labels=("a", "b")))).startswith("y float32 (1, 4) [")


def test_golden_arrays_are_what_one_call_takes_and_gives(made: Path) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(made / "model.onnx", providers=["CPUExecutionProvider"])
    with np.load(made / "golden" / "inputs.npz") as inputs, np.load(made / "golden" / "outputs.npz") as outputs:
        assert inputs["x"].shape == (3, 1, 8) and outputs["y"].shape == (3, 1, 4)
        for row in range(3):
            # The same runtime on the same machine, with other options: nothing is left to differ in one product.
            np.testing.assert_allclose(session.run(["y"], {"x": inputs["x"][row]})[0], outputs["y"][row], rtol=1e-6)


def test_the_manifest_tells_everything_about_the_model(made: Path) -> None:
    described, problems = from_json((made / "manifest.json").read_text())
    assert described is not None and not problems
    assert (described.candidate, described.model, described.passed) == ("source", "model.onnx", True)
    assert described.inputs == (Tensor(name="x", shape=(1, 8), dtype="float32"),)
    assert described.files["model.onnx"] == described.model_digest
    assert set(described.files) == set(contents(made)) - {"manifest.json", "SHA256SUMS"}
    assert {item.quantity for item in described.measurements} >= {"accuracy", "latency.p50", "size", "memory.model"}
    assert described.config["graph_optimization_level"] == "ORT_ENABLE_ALL"


def test_the_manifest_is_json_for_any_reader_even_with_infinite_numbers(tmp_path: Path) -> None:
    factory = Factory(tmp_path / "f")
    infinite = Measurement(quantity="parity.sqnr", value=float("inf"), unit="dB", evidence="measured", split="report")
    package = factory.package(made=factory.dossier(files=(factory.candidate(measurements=(infinite,)),)))
    text = (package / "manifest.json").read_text()
    assert '"value": "Infinity"' in text
    described, problems = from_json(text)
    assert not problems and described is not None and described.measurements[0].value == float("inf")


def test_a_nearest_miss_says_so(tmp_path: Path) -> None:
    factory = Factory(tmp_path / "f")
    missed = factory.dossier(budgets=(SIZE,))
    assert missed.choice is None and missed.nearest == "source"
    package = factory.package(made=missed)
    assert manifest(package)["passed"] is False
    assert "**FAIL.** Nothing ships." in (package / "README.md").read_text()


def test_the_readme_has_verdicts_numbers_and_tensors(made: Path) -> None:
    text = (made / "README.md").read_text()
    assert "# animals 1.2.0 for here" in text
    assert "| in | `x` | float32 | (1, 8) |" in text
    assert "| `latency.p50` | 0.400 ms | 0.392 – 0.412 |" in text
    assert "| `session_options.json` | the options it was measured with |" in text


def test_no_candidate_is_no_package(tmp_path: Path) -> None:
    factory = Factory(tmp_path / "f")
    with pytest.raises(Refused, match="no candidate"):
        factory.package(made=factory.dossier().model_copy(update={"choice": None, "nearest": None}))


def test_a_model_that_was_refused_is_no_package_in_its_makers_words(tmp_path: Path) -> None:
    factory = Factory(tmp_path / "f")
    factory.inputs["source"] = factory.inputs["refused"]
    with pytest.raises(Refused, match=r"tool 1\.0: it would not"):
        factory.package()


def test_the_users_template_replaces_the_shipped_one_and_adds_documents(tmp_path: Path) -> None:
    factory = Factory(tmp_path / "f")
    factory.templates = tmp_path / "mine"
    (factory.templates / "onnxruntime").mkdir(parents=True)
    (factory.templates / "onnxruntime" / "README.md.j2").write_text("{{ name }} by us\n")
    (factory.templates / "onnxruntime" / "notice.txt.j2").write_text("{{ dossier.source }}\n")
    package = factory.package()
    assert (package / "README.md").read_text() == "animals by us\n"
    assert (package / "notice.txt").read_text() == "digits.keras\n"
    assert "notice.txt" in manifest(package)["files"]


def test_a_wrong_template_is_told_with_its_line(tmp_path: Path) -> None:
    factory = Factory(tmp_path / "f")
    factory.templates = tmp_path / "mine"
    (factory.templates / "onnxruntime").mkdir(parents=True)
    (factory.templates / "onnxruntime" / "README.md.j2").write_text("ok\n{{ nme }}\n")
    with pytest.raises(SpecError, match=r"templates/onnxruntime/README\.md\.j2:2: UndefinedError"):
        factory.package()


def test_a_template_cannot_stand_in_for_the_manifest(tmp_path: Path) -> None:
    factory = Factory(tmp_path / "f")
    factory.templates = tmp_path / "mine"
    (factory.templates / "onnxruntime").mkdir(parents=True)
    (factory.templates / "onnxruntime" / "manifest.json.j2").write_text("{}")
    with pytest.raises(SpecError, match=r"templates/onnxruntime/manifest\.json\.j2"):
        factory.package()


def test_the_users_files_and_folders_ship_though_the_store_is_read_only(tmp_path: Path) -> None:
    factory = Factory(tmp_path / "f")
    tokens = tmp_path / "tokens"
    (tokens / "deep").mkdir(parents=True)
    (tokens / "deep" / "a.txt").write_text("a")
    (tmp_path / "note.txt").write_text("n")
    for path in (tokens / "deep" / "a.txt", tmp_path / "note.txt"):
        path.chmod(0o444)
    factory.files = {"tokens": tokens, "note.txt": tmp_path / "note.txt"}
    package = factory.package()
    assert {"tokens/deep/a.txt", "note.txt"} <= set(manifest(package)["files"])
    assert os.access(package / "note.txt", os.W_OK) and (package / "note.txt").stat().st_mode & 0o200


def test_a_file_of_the_users_that_would_replace_one_of_ours_is_a_mistake(tmp_path: Path) -> None:
    factory = Factory(tmp_path / "f")
    (tmp_path / "any").write_text("x")
    factory.files = {"model.onnx": tmp_path / "any", "SHA256SUMS": tmp_path / "any", "fine.txt": tmp_path / "any"}
    with pytest.raises(SpecError) as raised:
        factory.package()
    assert [problem.what for problem in raised.value.problems] == [
        "every package has a `model.onnx` of its own.", "every package has a `SHA256SUMS` of its own.",
    ]  # fmt: skip


def test_a_name_that_no_checksum_line_can_hold_is_a_mistake(tmp_path: Path) -> None:
    factory = Factory(tmp_path / "f")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "a\nb").write_text("x")
    factory.files = {"odd": tmp_path / "odd"}
    with pytest.raises(SpecError, match=r"package\.files: 'odd/a\\nb': has a backslash or a control character"):
        factory.package()


def test_names_that_would_break_the_documents_do_not(tmp_path: Path) -> None:
    factory = Factory(tmp_path / "f")
    package = factory.package(made=factory.dossier(name='a """ \\ | name', release="1\n2"))
    label, _ = top(first(factory))
    assert example(package).startswith(label)


def test_the_archive_is_reproducible_and_unpacks_to_one_folder(made: Path, tmp_path: Path) -> None:
    step = ArchivePackage(package=wire("package"))
    one = Bench(tmp_path / "1", package=made).run(step)
    copy = tmp_path / "copy"
    for name, content in sorted(contents(made).items(), reverse=True):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes(content)
        (copy / name).chmod(0o400)
    other = Bench(tmp_path / "2", package=copy).run(step)
    assert one.read_bytes() == other.read_bytes()
    with tarfile.open(one) as tar:
        entries = tar.getmembers()
    assert [item.name for item in entries] == sorted(f"animals-1.2.0-here/{name}" for name in contents(made))
    assert {(item.mtime, item.uid, item.gid, item.uname, item.mode) for item in entries} == {(0, 0, 0, "", 0o644)}
