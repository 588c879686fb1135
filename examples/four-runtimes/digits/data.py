"""The digits, as `train.py` and edgebuild see them: each its own half of `digits.npz`."""

from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent


def digits(part):
    """Images (N, 28, 28, 1) in 0..1 and labels (N,) of one half.

    The file is sorted by class, so every second digit gives two halves of 2,500 with 250 of each class.

    Args:
        part: "train" or "held-out".

    Returns:
        Positions in the file, images, labels.
    """
    with np.load(HERE / "digits.npz") as archive:
        images, labels = archive["images"], archive["labels"]
    rows = np.arange(0 if part == "train" else 1, len(labels), 2)
    return rows, images[rows, ..., np.newaxis].astype(np.float32) / 255, labels[rows]


def samples():
    """What edgebuild calibrates with, chooses by and judges by: digits that training never saw."""
    for row, image, label in zip(*digits("held-out"), strict=True):
        yield {"inputs": {"image": image}, "label": int(label), "id": f"digit-{row:04d}"}
