"""What a file of torch's is, told from the list of its archive; nothing of it is read, let alone unpickled."""

from __future__ import annotations

import zipfile
from pathlib import Path

SUFFIXES = (".pt2", ".pt", ".pth", ".ts")
FORMATS = ("pt2", "torchscript", "torch-weights")


def torch_format(path: Path) -> str:
    """`pt2` (an exported program), `torchscript`, or `torch-weights` (what `torch.save` wrote).

    Raises:
        ValueError: it is none; the words follow the file's name.
    """
    if not zipfile.is_zipfile(path):
        raise ValueError("is no archive of torch's, but perhaps a plain pickle, which runs code when it is read")
    with zipfile.ZipFile(path) as archive:
        inside = {name.partition("/")[2] for name in archive.namelist()} | set(archive.namelist())
    if "archive_format" in inside or "serialized_exported_program.json" in inside:
        return "pt2"
    if "constants.pkl" in inside or any(name.startswith("code/") for name in inside):
        return "torchscript"
    if "data.pkl" in inside:
        return "torch-weights"
    raise ValueError("holds neither an exported program, nor TorchScript, nor weights")
