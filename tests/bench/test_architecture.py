"""A search over architectures beside a hand-made network and a sweep of its widths: same samples, same time to train.

`EDGEBUILD_SEARCH_MIN` minutes for the search, and as many for each of the trainings together; 3 where it is not set.
Prints and never fails: `pytest tests/bench/test_architecture.py -s -m bench`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgebuild.core.dossier import CandidateFile, Dossier

pytestmark = pytest.mark.bench

ROOT = Path(__file__).resolve().parents[2]
MINUTES = float(os.environ.get("EDGEBUILD_SEARCH_MIN", "3"))
WIDTHS = (0.5, 0.25)
SPEC = """
edgebuild: 1
name: architectures
model: {{source: digits.keras}}
data:
  source: data.py:samples
  inputs: [digits.npz]
  splits: {{train: 2600, calibrate: {{from: train, count: 100}}, select: 1000, report: 1400}}
metrics:
  accuracy: {{metric: top1}}
train: {{epochs: 12, time: {minutes} min}}
candidates:
  defaults: false
  hand: {{train: {{from: scratch}}}}
{sweep}
  found: {{steps: [{{search: {{space: ds-cnn, trials: 40, epochs: 6, time: {minutes} min}}}}, train]}}
targets:
  here: {{device: here, runtime: litert}}
budgets:
  all: {{accuracy.drop: 50 pp}}
"""
LOADER = """
import numpy as np


def samples():
    with np.load("digits.npz") as archive:
        images, labels = archive["images"], archive["labels"]
    for row, (image, label) in enumerate(zip(images, labels)):
        yield {"inputs": {"image": image[..., None].astype("float32") / 255}, "label": int(label), "id": f"{row:04d}"}
"""


def test_front_beside_a_hand_made_network_and_a_sweep_of_widths(tmp_path: Path) -> None:
    for name in ("digits.npz", "digits.keras"):
        shutil.copy(ROOT / "examples" / "digits" / name, tmp_path / name)
    (tmp_path / "data.py").write_text(LOADER)
    sweep = "\n".join(f"  width-{width}: {{distill: {{width: {width}, teacher: none}}}}" for width in WIDTHS)
    (tmp_path / "deployment.edge.yaml").write_text(SPEC.format(minutes=f"{MINUTES:g}", sweep=sweep))
    command = [sys.executable, "-m", "edgebuild", "build", "--store", str(tmp_path / "store")]
    subprocess.run(command, cwd=tmp_path, check=False)
    for file in sorted(tmp_path.glob("build/**/dossiers/here.json")):
        dossier = Dossier.model_validate_json(file.read_bytes())
        rows = [figures(item) for item in dossier.candidates if item.digest and item.name != "source"]
        own = [row for row in rows if row[0].startswith("found")]
        for name, accuracy, ratio in sorted(rows, key=lambda row: row[2]):
            beaten = [row[0] for row in own if row[0] != name and row[1] >= accuracy and row[2] <= ratio]
            words = f"; beaten in both by {', '.join(beaten)}" if beaten else ""
            print(f"{name:12} accuracy {accuracy:6.2f} %, {ratio:6.3f} x the hand-made network's time{words}")


def figures(item: CandidateFile) -> tuple[str, float, float]:
    """Name, accuracy in % on report, time over that of the source, which is the hand-made network's."""
    values = [one.value for one in item.measurements if one.quantity == "accuracy" and one.split == "report"]
    ratio = item.ratio.get("latency.p50")
    return item.name, float(values[0] or 0) if values else float("nan"), ratio[0] if ratio else float("nan")
