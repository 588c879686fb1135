"""What a right spec becomes: paths found, bases merged, matrices written out, budgets resolved."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild import spec
from edgebuild.errors import SpecError
from edgebuild.spec import Spec
from tests.spec.conftest import SPEC


def changed(folder: Path, *pairs: tuple[str, str], file: str = "deployment.edge.yaml") -> Path:
    text = SPEC
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    (folder / file).write_text(text)
    return folder / file


def load(folder: Path, *pairs: tuple[str, str]) -> Spec:
    return spec.load(changed(folder, *pairs))


def test_paths_start_in_the_folder_of_the_spec(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    found = load(folder)
    assert found.model.path == str(folder / "model.onnx")
    assert found.data.path == str(folder / "data.py")
    assert found.model.format == "onnx-file"


def test_maps_merge_lists_replace_and_null_removes(folder: Path) -> None:
    changed(folder, file="base.yaml")
    (folder / "deployment.edge.yaml").write_text(
        "extends: base.yaml\nname: other\n"
        "metrics: {f1: {metric: f1}}\n"
        "budgets: {all: {size: null}}\n"
        "objective: [{minimize: size}]\n"
    )
    found = spec.load(folder / "deployment.edge.yaml")
    assert found.name == "other"
    assert list(found.metrics) == ["accuracy", "f1"]
    assert [budget.quantity for budget in found.budgets["here"]] == ["accuracy.drop"]
    assert len(found.objective["here"]) == 1


def test_a_path_belongs_to_the_file_it_is_written_in(folder: Path) -> None:
    (folder / "deep").mkdir()
    changed(folder, file="base.yaml")
    (folder / "deep" / "deployment.edge.yaml").write_text("extends: ../base.yaml\nname: deep\n")
    found = spec.load(folder / "deep" / "deployment.edge.yaml")
    assert Path(found.model.path).resolve() == (folder / "model.onnx").resolve()


def test_a_mistake_in_a_base_is_told_where_it_stands(folder: Path) -> None:
    changed(folder, ("top1", "topp1"), file="base.yaml")
    (folder / "deployment.edge.yaml").write_text("extends: base.yaml\nname: deep\n")
    with pytest.raises(SpecError) as caught:
        spec.load(folder / "deployment.edge.yaml")
    span = caught.value.problems[0].span
    assert span is not None
    assert (Path(span.file).name, span.line) == ("base.yaml", 10)


def test_a_matrix_is_one_target_for_each_value(folder: Path) -> None:
    found = load(
        folder,
        ("edgebuild: 1", "edgebuild: 1\nmatrix: {board: [raspberry-pi-4, raspberry-pi-5], threads: [1, 2]}"),
        ("  here: {device: here, runtime: onnxruntime}",
         '  "${board}-${threads}": {device: "${board}", runtime: onnxruntime, threads: "${threads}"}'),
    )  # fmt: skip
    assert list(found.targets) == [f"raspberry-pi-{n}-{t}" for n in (4, 5) for t in (1, 2)]
    assert found.targets["raspberry-pi-5-2"].device == "raspberry-pi-5"
    assert found.targets["raspberry-pi-5-2"].threads == 2


def test_the_environment_fills_texts_with_a_default(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELEASE", "3.1.4-rc")
    found = load(folder, ("release: 1.0.0", "release: ${env:RELEASE}"), ("name: demo", "name: ${env:NAME_:-other}"))
    assert (found.release, found.name) == ("3.1.4-rc", "other")


def test_the_more_specific_budget_wins_and_null_takes_it_away(folder: Path) -> None:
    found = load(
        folder,
        ("  here: {device: here, runtime: onnxruntime}",
         ("  pi4: {device: raspberry-pi-4, runtime: onnxruntime}\n"
         "  pi5: {device: raspberry-pi-5, runtime: onnxruntime}")),
        ("  all: {accuracy.drop: 1 pp, size: 0.6x}",
         "  all: {accuracy.drop: 1 pp, size: 0.6x}\n  pi*: {size: 0.5x}\n  pi5: {size: null, latency.p95: 8 ms}"),
    )  # fmt: skip
    assert {budget.quantity: budget.limit for budget in found.budgets["pi4"]} == {"accuracy.drop": 1.0, "size": 0.5}
    assert {budget.quantity for budget in found.budgets["pi5"]} == {"accuracy.drop", "latency.p95"}


def test_max_and_upper_are_two_budgets(folder: Path) -> None:
    found = load(folder, ("accuracy.drop: 1 pp", "accuracy.drop: {max: 0.5 pp, upper: 1.5 pp}"))
    forms = {budget.form: budget.limit for budget in found.budgets["here"] if budget.quantity == "accuracy.drop"}
    assert forms == {"max": 0.5, "upper": 1.5}


def test_notes_of_the_users_own_are_not_read(folder: Path) -> None:
    load(folder, ("edgebuild: 1", "edgebuild: 1\nx-notes: {anything: [no, 010, 1:30]}"))


def test_anchors_repeat_what_they_name(folder: Path) -> None:
    found = load(
        folder,
        ("targets:", "x-common: &common {device: here, runtime: onnxruntime}\ntargets:"),
        ("  here: {device: here, runtime: onnxruntime}", "  here: *common\n  two: {<<: *common, threads: 2}"),
    )
    assert found.targets["two"].threads == 2


def test_a_model_of_an_installed_package_is_found(folder: Path) -> None:
    found = load(folder, ("model.onnx", "package://basic-pitch/basic_pitch/saved_models/icassp_2022/nmp.onnx"))
    assert Path(found.model.path).is_file()


def test_the_default_objective_is_latency_then_size(folder: Path) -> None:
    found = load(folder, ("objective: [{minimize: latency.p50, tie: 3 %}, {minimize: size}]\n", ""))
    assert [term.quantity for term in found.objective["here"]] == ["latency.p50", "size"]
