"""A whole small project, and the command as a user calls it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

SPEC = """\
edgebuild: 1
name: tiny
release: 0.1.0

model:
  source: tiny.onnx

data:
  source: data.py:samples
  inputs: [samples.npz]
  splits: {calibrate: 40, select: 100, report: 100}

metrics:
  accuracy: {metric: top1}
  agreement: {metric: agreement}

candidates:
  defaults: true

targets:
  pc: {device: here, runtime: onnxruntime}

budgets:
  all: {accuracy.drop: 20 pp, size: 2x}

objective: [{minimize: size}]
"""

DATA = """\
from pathlib import Path

import numpy as np

from scaling import scaled


def samples():
    with np.load(Path(__file__).with_name("samples.npz")) as archive:
        for number, (x, label) in enumerate(zip(archive["x"], archive["label"])):
            yield {"inputs": {"x": scaled(x)}, "label": int(label), "id": f"s{number}"}
"""

SCALING = """\
def scaled(x):
    return x * 1.00
"""


def write_model(file: Path, seed: int = 0) -> None:
    """x (1, 3, 8, 8) → Conv, Relu, mean, Gemm → y (1, 4)."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(seed)
    shapes = {"w": (16, 3, 3, 3), "b": (16,), "v": (16, 4), "c": (4,)}
    values = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    values["c"] = balanced(random, values)
    constants = [numpy_helper.from_array(value, name) for name, value in values.items()]
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w", "b"], ["conv"], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["conv"], ["relu"]),
            helper.make_node("GlobalAveragePool", ["relu"], ["mean"]),
            helper.make_node("Flatten", ["mean"], ["flat"]),
            helper.make_node("Gemm", ["flat", "v", "c"], ["y"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])],
        constants,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), file)


def balanced(random: np.random.Generator, values: dict[str, np.ndarray]) -> np.ndarray:
    """A last bias with which the four classes are about as frequent, on images as `images` makes them."""
    x = np.pad(images(random, 200), ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))
    convolved = np.einsum("nchwij,ocij->nohw", windows, values["w"]) + values["b"][:, None, None]
    mean: np.ndarray = -(np.maximum(convolved, 0).mean((2, 3)) @ values["v"]).mean(0)
    return mean.astype(np.float32)


def images(random: np.random.Generator, count: int) -> np.ndarray:
    """Noise, each image and channel brighter or darker as a whole; float32 (count, 3, 8, 8)."""
    return (random.normal(size=(count, 3, 8, 8)) + random.normal(size=(count, 3, 1, 1))).astype(np.float32)


def write_samples(folder: Path, seed: int = 1, count: int = 280) -> None:
    """Images, labelled by the model itself; every tenth label is another, so that accuracy is not 100 %."""
    import onnxruntime as ort

    random = np.random.default_rng(seed)
    x = images(random, count)
    label = ort.InferenceSession(str(folder / "tiny.onnx")).run(None, {"x": x})[0].argmax(axis=1)
    label[::10] = (label[::10] + 1) % 4
    np.savez(folder / "samples.npz", x=x, label=label)


@dataclass
class Done:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def ran(self) -> int:
        """Steps that a build ran."""
        return int(self.out.rsplit(" steps ran", 1)[0].rsplit("\n", 1)[-1])


@dataclass
class Project:
    """A folder with a spec, a private store, and edgebuild."""

    folder: Path
    store: Path
    environment: dict[str, str] = field(default_factory=dict)
    interpreter: str = sys.executable

    def edgebuild(self, *words: str, store: bool = True) -> Done:
        """Run the command in the folder as its own process."""
        command = [self.interpreter, "-P", "-m", "edgebuild", *words]
        if store:
            command += ["--store", str(self.store)]
        done = subprocess.run(
            command,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env={**os.environ, **self.environment},
        )
        assert done.returncode != 70, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def python(self, code: str) -> str:
        """What a piece of Python prints in the folder."""
        environment = {**os.environ, **self.environment}
        command = [self.interpreter, "-P", "-c", code]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, timeout=60, check=True, env=environment
        )
        return done.stdout

    def build(self, *words: str) -> Done:
        """`edgebuild build`."""
        return self.edgebuild("build", *words)

    @property
    def spec(self) -> Path:
        return self.folder / "deployment.edge.yaml"

    def replace(self, old: str, new: str, file: str = "deployment.edge.yaml") -> None:
        """Change a text that must be there."""
        path = self.folder / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    @property
    def package(self) -> Path:
        return self.folder / "build" / "tiny" / "pc"


def write_project(folder: Path) -> None:
    folder.mkdir(parents=True)
    write_model(folder / "tiny.onnx")
    write_samples(folder)
    (folder / "data.py").write_text(DATA)
    (folder / "scaling.py").write_text(SCALING)
    (folder / "deployment.edge.yaml").write_text(SPEC)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Built once; tests that change something take `project`, a copy of folder and store."""
    root = tmp_path_factory.mktemp("tiny")
    project = Project(root / "tiny", root / "store")
    write_project(project.folder)
    done = project.build()
    assert done.code == 0, done.out + done.err
    # A timing run beside somebody else's work does not count, and is taken again at once on request only.
    for _ in range(3):
        if project.build().ran == 0:
            break
        project.build("--remeasure")
    return project


@pytest.fixture(scope="session")
def built_for_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Built once for a device that is not here, so that nothing is timed or weighed."""
    root = tmp_path_factory.mktemp("elsewhere")
    project = Project(root / "tiny", root / "store")
    write_project(project.folder)
    project.replace("device: here", "device: raspberry-pi-5")
    done = project.build()
    assert done.code == 0, done.out + done.err
    return project


def copied(project: Project, folder: Path) -> Project:
    """The project and its store, to be changed."""
    shutil.copytree(project.folder, folder / "tiny")
    shutil.copytree(project.store, folder / "store", symlinks=True)
    return Project(folder / "tiny", folder / "store")


@pytest.fixture
def project(built: Project, tmp_path: Path) -> Project:
    """The built project, to be changed."""
    return copied(built, tmp_path)


@pytest.fixture
def elsewhere(built_for_elsewhere: Project, tmp_path: Path) -> Project:
    """The project built for a device that is not here, to be changed.

    For tests of anything but measurements: timing takes longer than all other steps, and waits for its turn on the
    machine.
    """
    return copied(built_for_elsewhere, tmp_path)


@pytest.fixture
def fresh(tmp_path: Path) -> Project:
    """The project, never built."""
    write_project(tmp_path / "tiny")
    return Project(tmp_path / "tiny", tmp_path / "store")
