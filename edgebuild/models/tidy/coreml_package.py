"""The same bytes for equal Core ML packages, in whatever order their maps were written."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

MANIFEST = "Manifest.json"
DATA = "Data"
ITEMS = "itemInfoEntries"
ROOT = "rootModelIdentifier"
DATE = "com.github.apple.coremltools.conversion_date"
"""Metadata that differs from day to day."""


def canonical_mlpackage(folder: Path) -> None:
    """Rewrite what of an `.mlpackage` chance decides, in place; its weights are left untouched.

    The protobuf of the model keeps its maps in an order that differs from process to process, and the manifest calls
    its items by random numbers: maps are sorted, and an item is called by a number that follows from its path. Applied
    by the step that writes such a folder, before its output is digested.
    """
    manifest = json.loads((folder / MANIFEST).read_bytes())
    canonical_model(folder / DATA / manifest[ITEMS][manifest[ROOT]]["path"])
    text = json.dumps(renamed(manifest), indent=4, sort_keys=True)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def canonical_model(file: Path) -> None:
    """A model's protobuf with its maps sorted and without the day it was converted."""
    from coremltools.proto import Model_pb2

    model = Model_pb2.Model()
    model.ParseFromString(file.read_bytes())
    model.description.metadata.userDefined.pop(DATE, None)
    file.write_bytes(model.SerializeToString(deterministic=True))


def renamed(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest with each item, and the pointer to the model among them, by a number made from its path."""
    new = {old: str(uuid.uuid5(uuid.NAMESPACE_URL, item["path"])) for old, item in manifest[ITEMS].items()}
    assert len(set(new.values())) == len(new), "the manifest has two items with one path"
    items = {new[old]: item for old, item in manifest[ITEMS].items()}
    return {**manifest, ITEMS: items, ROOT: new[manifest[ROOT]]}
