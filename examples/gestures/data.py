"""Watch motions, as `train.py` and edgebuild see them: 80 clips, one half to train with, one to judge with."""

from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
SCALE = np.float32([8, 8, 8, 3, 3, 3])
"""Brings the accelerometer's three axes and the gyroscope's into about the same range: one scale serves all in INT8."""
TRAINING = 40
"""The archive's own partition: the first 40 clips are for training."""


def clips(part):
    """Motions (40, 100, 6), ten seconds at ten readings a second, and labels (40,).

    Args:
        part: "train" or "test".

    Returns:
        Positions in the file, motions, labels.
    """
    with np.load(HERE / "motions.npz") as archive:
        motions, labels = archive["clips"], archive["labels"]
    rows = np.arange(TRAINING) if part == "train" else np.arange(TRAINING, len(labels))
    return rows, motions[rows] / SCALE, labels[rows]


def samples():
    """All 80 clips; the tag `part` keeps those the network was fitted to away from where it is judged."""
    for part in ("train", "test"):
        for row, motion, label in zip(*clips(part), strict=True):
            yield {"inputs": {"motion": motion}, "label": int(label), "id": f"clip-{row:02d}", "tags": {"part": part}}
