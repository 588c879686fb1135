"""What `check` says beside problems: samples that a bound takes, and files that may change unnoticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.cli.main import main
from edgebuild.spec import load
from edgebuild.spec.advice import advice

UNSEEN = {
    "import h5py": "h5py",
    "import tensorflow as tf": "tensorflow",
    "import cv2": "cv2",
    "from pyarrow import parquet": "pyarrow",
    "from torch.utils import data": "torch",
    "import onnxruntime": "onnxruntime",
    "import subprocess": "subprocess",
    "import multiprocessing\nCONTEXT = multiprocessing.get_context('spawn')": "multiprocessing (spawn)",
    "def late():\n    import h5py, cv2": "cv2, h5py",
}


def said(folder: Path) -> list[str]:
    return [words for words in advice(load(folder / "deployment.edge.yaml")) if "no hook sees" in words]


@pytest.mark.parametrize("line", UNSEEN)
def test_a_loader_that_may_read_unseen_is_asked_to_name_its_files(line: str, folder: Path) -> None:
    (folder / "helper.py").write_text(f"{line}\n")
    (folder / "data.py").write_text("import helper\ndef samples():\n    yield {}\n")
    assert said(folder) == [
        (
            f"data.py:samples: uses {UNSEEN[line]}, which may read files no hook sees; name them in `data.inputs`, "
            "or a change of them goes unnoticed."
        )
    ]


def test_one_whose_files_are_named_is_not(folder: Path) -> None:
    (folder / "data.py").write_text("import h5py\ndef samples():\n    yield {}\n")
    (folder / "samples.h5").write_text("x")
    spec = folder / "deployment.edge.yaml"
    spec.write_text(spec.read_text().replace("data.py:samples\n", "data.py:samples\n  inputs: ['*.h5']\n"))
    assert said(folder) == []


@pytest.mark.parametrize("line", ["import numpy, PIL, json", "import multiprocessing", "h5py = None"])
def test_one_that_is_seen_is_not(line: str, folder: Path) -> None:
    (folder / "data.py").write_text(f"{line}\ndef samples():\n    yield {{}}\n")
    assert said(folder) == []


def test_a_metric_is_asked_too_and_check_ends_well(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "metrics.py").write_text("import cv2\ndef own(predictions, labels):\n    return 1.0\n")
    spec = folder / "deployment.edge.yaml"
    spec.write_text(spec.read_text().replace("{metric: top1}", "{metric: top1}\n  own: {function: metrics.py:own}"))
    assert main(["check", str(folder)]) == 0
    assert "metrics.py:own: uses cv2, which may read files no hook sees" in capsys.readouterr().out
