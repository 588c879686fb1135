"""What must end non-zero, with place, rule and fix."""

from __future__ import annotations

import numpy as np
import pytest

from tests.cli.conftest import Done, Project


def refused(done: Done, code: int, *words: str) -> None:
    """The exit code, no traceback, and every word."""
    assert done.code == code, done.out + done.err
    assert "Traceback" not in done.err
    missing = [word for word in words if word not in done.err + done.out]
    assert not missing, f"{missing} not in:\n{done.out}\n{done.err}"


def test_a_missing_model(project: Project) -> None:
    (project.folder / "tiny.onnx").unlink()
    refused(project.build(), 2, "deployment.edge.yaml:6:11", "model.source", "tiny.onnx")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("metrics:", "metricks:", ("`metrics`",)),
        ("source: tiny.onnx", "sauce: tiny.onnx", ("`source`",)),
        ("splits:", "split:", ("`splits`",)),
        ("calibrate: 40", "calibrat: 40", ("`calibrate`",)),
        ("{metric: top1}", "{metric: top1, whre: {a: 1}}", ("`where`",)),
        ("{metric: top1}", "{metric: topp1}", ("`top1`",)),
        ("defaults: true", "w8: {quantise: int8}", ("`quantize`",)),
        ("defaults: true", "w8: {quantize: {weights: int8, activation: int8}}", ("`activations`",)),
        ("runtime: onnxruntime", "runtme: onnxruntime", ("`runtime`",)),
        ("runtime: onnxruntime", "runtime: onnxruntme", ("`onnxruntime`",)),
        ("runtime: onnxruntime", "runtime: onnxruntime, thread: 2", ("`threads`",)),
        ("accuracy.drop: 20 pp", "acuracy.drop: 20 pp", ("`accuracy.drop`",)),
        ("{minimize: size}", "{minimise: size}", ("`minimize`",)),
    ],
)
def test_a_misspelt_word_is_told_with_the_one_meant(
    old: str, new: str, words: tuple[str, ...], project: Project
) -> None:
    project.replace(old, new)
    refused(project.build(), 2, "deployment.edge.yaml:", "did you mean", "^", *words)


def test_a_wrong_type(project: Project) -> None:
    project.replace("select: 100", "select: many")
    refused(project.build(), 2, "data.splits.select", "^")


def test_a_missing_data_file(project: Project) -> None:
    (project.folder / "samples.npz").unlink()
    refused(project.build(), 2, "samples.npz")


def test_an_impossible_accuracy_goal(project: Project) -> None:
    project.replace("accuracy.drop: 20 pp", "accuracy: 99.9 %")
    refused(project.build(), 1, "FAIL", "accuracy", "margin")


def test_a_wrong_input_shape(project: Project) -> None:
    with np.load(project.folder / "samples.npz") as archive:
        x, label = archive["x"], archive["label"]
    np.savez(project.folder / "samples.npz", x=x[:, :, :4], label=label)
    refused(project.build(), 2, "check the samples", "3, 8, 8", "3, 4, 8")


def test_a_label_out_of_range(project: Project) -> None:
    with np.load(project.folder / "samples.npz") as archive:
        x, label = archive["x"], archive["label"].copy()
    label[:] += 3
    np.savez(project.folder / "samples.npz", x=x, label=label)
    refused(project.build(), 2, "label")


def test_permuted_labels_stop_before_any_candidate(project: Project) -> None:
    with np.load(project.folder / "samples.npz") as archive:
        x, label = archive["x"], archive["label"]
    np.savez(project.folder / "samples.npz", x=x, label=np.random.default_rng(0).permutation(label))
    done = project.build()
    refused(done, 2, "chance")
    assert "quantize" not in done.out + done.err


def test_the_same_sample_in_two_splits(project: Project) -> None:
    with np.load(project.folder / "samples.npz") as archive:
        x, label = archive["x"], archive["label"]
    np.savez(project.folder / "samples.npz", x=np.repeat(x[:140], 2, 0), label=np.repeat(label[:140], 2))
    refused(project.build(), 2, "same content")


def test_no_candidate_left(project: Project) -> None:
    project.replace("  defaults: true", "  only: {quantize: {weights: float16, activations: dynamic}, required: true}")
    refused(project.build(), 3, "only", "no kernels")


def test_the_users_exception_is_told_at_his_line(project: Project) -> None:
    project.replace("return x", "return x.nothing", "scaling.py")
    refused(project.build(), 2, "scaling.py:2", "AttributeError")


def test_a_missing_model_format(project: Project) -> None:
    (project.folder / "model.pt").write_bytes(b"x")
    project.replace("tiny.onnx", "model.pt")
    refused(project.build(), 2, "model.source", ".pt")


def test_a_digest_that_is_not_the_models(project: Project) -> None:
    project.replace("source: tiny.onnx", f"source: tiny.onnx\n  digest: sha256:{'0' * 64}")
    refused(project.build(), 2, "model.digest")


def test_a_budget_on_a_device_that_is_not_here_is_unproven(project: Project) -> None:
    project.replace("device: here", "device: raspberry-pi-5")
    project.replace("size: 2x}", "size: 2x, latency.p50: 5 ms}")
    refused(project.build(), 1, "unproven", "raspberry-pi-5")
    accepted = project.build("--accept", "unproven")
    refused(accepted, 0, "accepted by the caller's word")
    assert accepted.out.splitlines()[0].startswith("accepted")
    refused(project.build("--accept", "unproven", "--require-device"), 4)
