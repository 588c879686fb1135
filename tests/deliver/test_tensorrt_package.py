"""Packages for TensorRT: what can be tried where no GPU is. `trtexec` itself is in no package index."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgebuild.core.dossier import Tensor
from edgebuild.deliver.commands import shape_arguments, tolerance_arguments
from edgebuild.deliver.verify import verify
from tests.deliver.packages import LABELS, Factory, contents, weights
from tests.deliver.test_package import example

SCRIPTS = ("build_tensorrt10.sh", "build_tensorrt11.sh", "compare.sh")
HERE = Path(sys.executable).parent


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package with every option."""
    folder = tmp_path_factory.mktemp("package")
    return Factory(folder, "tensorrt", workspace="1.5 GiB", builder_optimization_level=4).package()


@pytest.fixture(scope="module")
def dynamic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whose dossier tells of axes with a range, and of one without."""
    factory = Factory(tmp_path_factory.mktemp("dynamic"), "tensorrt", tf32=False)
    factory.shapes = {"short": {"rows": 4}, "any": {"rows": "1..32"}}
    inputs = (
        Tensor(name="x", shape=("rows", 8), dtype="float32"),
        Tensor(name="in:0", shape=(1, "time steps"), dtype="float32"),
        Tensor(name="fixed", shape=(1, 3), dtype="float32"),
    )
    return factory.package(made=factory.dossier(inputs=inputs))


def called(script: Path, *words: str, **environment: str) -> list[str]:
    """The arguments that a script calls its tool with: a real shell runs it, `printf` takes the tool's place."""
    variables = {"PATH": os.environ["PATH"], "TRTEXEC": str(printed(script)), "POLYGRAPHY": str(printed(script))}
    done = subprocess.run(
        ["bash", str(script), *words], capture_output=True, text=True, check=False, env={**variables, **environment}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def printed(script: Path) -> Path:
    """A program that prints its arguments, one a line."""
    file = script.parent.parent / "printed"
    file.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    file.chmod(0o755)
    return file


def test_a_package_holds_scripts_for_both_versions(made: Path) -> None:
    assert {*SCRIPTS, "tensorrt.json", "golden_data.py", "check_golden.py", "predict.py"} < set(contents(made))
    assert verify(made) == []
    config = json.loads((made / "tensorrt.json").read_text())
    assert (config["tensorrt"], config["strongly_typed"], config["builder_optimization_level"]) == ("11", True, 4)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_shell_reads_every_script(script: str, made: Path, dynamic: Path) -> None:
    for package in (made, dynamic):
        done = subprocess.run(["bash", "-n", str(package / script)], capture_output=True, text=True, check=False)
        assert done.returncode == 0 and not done.stderr


def test_the_graph_is_typed_so_no_script_asks_for_a_precision(made: Path) -> None:
    ten, eleven = (called(made / name) for name in SCRIPTS[:2])
    assert ten == [
        "--onnx=model.onnx", "--saveEngine=model.engine", "--stronglyTyped", "--builderOptimizationLevel=4",
        "--memPoolSize=workspace:1536M", "--skipInference",
    ]  # fmt: skip
    assert eleven == [argument for argument in ten if argument != "--stronglyTyped"]


def test_dynamic_axes_get_a_profile_and_the_shell_asks_for_what_nobody_said(dynamic: Path) -> None:
    given = called(dynamic / "build_tensorrt11.sh", "--verbose", time_steps="7")
    assert given[3:] == [
        "--noTF32",
        "--minShapes=x:1x8,'in:0':1x7", "--optShapes=x:4x8,'in:0':1x7", "--maxShapes=x:32x8,'in:0':1x7",
        "--skipInference", "--verbose",
    ]  # fmt: skip
    bare = {"PATH": os.environ["PATH"], "TRTEXEC": "/bin/true"}
    done = subprocess.run(
        ["bash", str(dynamic / "build_tensorrt11.sh")], capture_output=True, text=True, check=False, env=bare
    )
    assert done.returncode != 0 and "time_steps: set it to a size" in done.stderr


def test_names_cannot_break_out_of_a_script() -> None:
    odd = Tensor(name='a"$(touch b)`c`\\', shape=("n",), dtype="float32")
    line = " ".join(["echo", *shape_arguments([odd], {"n": [1, 2, 3]})["polygraphy"]])
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    assert done.stdout.split("--trt-")[1] == f"min-shapes {odd.name}:[1] "
    assert tolerance_arguments({"y$": 0.25}) == ['"y\\$:0.25"']


@pytest.mark.parametrize("which", ["made", "dynamic"])
def test_polygraphy_accepts_the_comparison(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    package: Path = request.getfixturevalue(which)
    command = ["bash", str(package / "compare.sh"), "--gen-script", str(tmp_path / "compare.py")]
    env = {"PATH": f"{HERE}:{os.environ['PATH']}", "time_steps": "7"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    text = (tmp_path / "compare.py").read_text()
    assert "strongly_typed=True" in text and "fp16" not in text and "int8" not in text
    if which == "made":
        assert "builder_optimization_level=4" in text and f"WORKSPACE: {3 * 2**29}" in text and "tf32=True" in text
    else:
        assert "Profile().add('x', min=[1, 8], opt=[4, 8], max=[32, 8])" in text and "tf32=True" not in text


def test_polygraphy_reads_the_golden_samples(made: Path, tmp_path: Path) -> None:
    command = [str(HERE / "polygraphy"), "run", "model.onnx", "--onnxrt", "--data-loader-script", "golden_data.py"]
    saved = tmp_path / "outputs.json"
    done = subprocess.run(
        [*command, "--save-outputs", str(saved)], cwd=made, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    from polygraphy.comparator import RunResults

    (_, iterations), *_ = RunResults.load(str(saved)).items()
    with np.load(made / "golden" / "outputs.npz") as golden:
        for row, found in enumerate(iterations):
            np.testing.assert_allclose(found["y"], golden["y"][row], rtol=1e-5)
        assert len(iterations) == len(golden["y"])


def test_without_an_engine_the_example_predicts_on_the_processor_and_says_so(tmp_path: Path) -> None:
    factory = Factory(tmp_path / "f", "tensorrt")
    package = factory.package()
    with np.load(factory.samples / "inputs.npz") as samples:
        scores = weights() @ samples["x"][0]
    assert example(package) == f"{LABELS[int(scores.argmax())]} ({scores.max():.3f})\n"
    done = subprocess.run([sys.executable, str(package / "predict.py")], capture_output=True, text=True, check=True)
    assert done.stderr.startswith("# ONNX Runtime ") and "no TensorRT" in done.stderr


def test_the_golden_check_notices_another_answer(tmp_path: Path) -> None:
    package = Factory(tmp_path / "f", "tensorrt").package()

    def checked() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(package / "check_golden.py")]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert checked().returncode == 0
    with np.load(package / "golden" / "outputs.npz") as golden:
        other = golden["y"].copy()
    other[1, 0, 2] += 1
    np.savez(package / "golden" / "outputs.npz", y=other)
    done = checked()
    assert done.returncode == 1
    assert "y: off by 1 at most" in done.stdout
    other[1, 0, 2] = np.nan
    np.savez(package / "golden" / "outputs.npz", y=other)
    done = checked()
    assert done.returncode == 1
    assert "y: off by inf at most" in done.stdout


def test_the_readme_says_what_was_not_run(made: Path) -> None:
    text = (made / "README.md").read_text()
    assert "bash build_tensorrt11.sh" in text
    assert "No GPU was there when this package was made: the scripts above were rendered, not run." in text
