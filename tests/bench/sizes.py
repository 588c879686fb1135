"""Megabytes that the core and each extra put on a disk: `python tests/bench/sizes.py [extra …]`, some minutes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXTRAS = ("", "onnxruntime", "litert", "keras", "report")


def megabytes(extra: str) -> float:
    """Size of a fresh installation without byte code, in 10⁶ bytes."""
    with tempfile.TemporaryDirectory() as folder:
        what = f"{ROOT}[{extra}]" if extra else str(ROOT)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--quiet", "--no-compile", "--target", folder]
        subprocess.run([*command, "--constraint", str(ROOT / "constraints.txt"), what], check=True)
        return sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file()) / 1e6


if __name__ == "__main__":
    for name in sys.argv[1:] or EXTRAS:
        print(f"{name or 'core':<14} {megabytes(name):8.0f} MB", flush=True)
