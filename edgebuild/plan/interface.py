"""What surrounds the model in the product, as steps and packages have it: without a path of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgebuild.deliver.package_view import LABELS
from edgebuild.spec.records import Interface


def class_names(interface: Interface) -> tuple[str, ...]:
    """Names of the classes, of the first output that names a file of them."""
    for entry in interface.outputs.values():
        if entry.labels:
            lines = Path(entry.labels).read_text(encoding="utf-8").splitlines()
            return tuple(line.strip() for line in lines if line.strip())
    return ()


def as_packaged(interface: Interface) -> dict[str, Any]:
    """Plain data with the package's own file of class names in place of the user's.

    A package has one such file; what another output's classes are called does not travel.
    """
    found: dict[str, Any] = interface.model_dump(mode="json", exclude_none=True)
    named = [entry for entry in found["outputs"].values() if "labels" in entry]
    for entry in named[1:]:
        del entry["labels"]
    for entry in named[:1]:
        entry["labels"] = LABELS
    return found
