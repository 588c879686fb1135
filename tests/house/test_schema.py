"""The committed schema is the one the code makes."""

from __future__ import annotations

from edgebuild.shipped import shipped
from edgebuild.spec.schema import schema_text


def test_the_committed_schema_is_fresh() -> None:
    text = shipped("specs", "edgebuild.schema.json").read_text(encoding="utf-8")
    assert text == schema_text(), "write it again: edgebuild schema --output specs/edgebuild.schema.json"
