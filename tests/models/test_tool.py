"""A tool in a folder of its own: the pinned bytes, or a reason."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgebuild.errors import Refused
from edgebuild.models.tool import PinnedTool, lock_text, pinned, pinned_tool
from tests.conftest import Bench

SMALL = "sng4onnx==2.0.1 --hash=sha256:"
RIGHT = "3bcbdaf79c8c4f107a340802f9562620ac5b3c83b3b8e8d08a553276d754168f"


def small(digest: str = RIGHT, **settings: str) -> PinnedTool:
    """A lock of one small package; the user's own settings for pip, and more."""
    mine = {**json.loads(pinned_tool("onnx2tf").settings), **settings}
    return PinnedTool(name="sng4onnx", lock=f"{SMALL}{digest}\n", settings=json.dumps(mine))


def test_the_lock_pins_a_digest_for_every_distribution() -> None:
    text = lock_text("onnx2tf")
    assert next(iter(pinned(text))) == "onnx2tf"
    entries = [entry for entry in text.replace("\\\n", " ").splitlines() if not entry.startswith("#")]
    assert len(entries) == len(pinned(text))
    assert all("--hash=sha256:" in entry for entry in entries)


def test_two_makings_have_equal_bytes_and_leave_the_environment_alone(bench: Bench, tmp_path: Path) -> None:
    one, two = bench.run(small()), Bench(tmp_path / "again").run(small())
    files = [
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()} for root in (one, two)
    ]
    assert files[0] == files[1]
    assert any(path.name == "METADATA" for path in files[0])
    code = "import importlib.util; print(importlib.util.find_spec('sng4onnx'))"
    assert subprocess.check_output([sys.executable, "-P", "-c", code], text=True).strip() == "None"


def test_an_index_without_the_packages_is_a_reason_for_this_build_only(bench: Bench, tmp_path: Path) -> None:
    nowhere = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "HOME": str(tmp_path)}
    nowhere["XDG_CONFIG_HOME"] = nowhere["XDG_CONFIG_DIRS"] = str(tmp_path)
    with pytest.raises(Refused, match="sng4onnx") as caught:
        bench.run(small(**nowhere))
    assert caught.value.kind == "not applicable"
    assert "PIP_FIND_LINKS" in caught.value.fix
    assert bench.only_now == caught.value.why


def test_other_bytes_than_the_pinned_ones_are_refused(bench: Bench) -> None:
    with pytest.raises(Refused, match="DO NOT MATCH THE HASHES") as caught:
        bench.run(small("0" * 64))
    assert caught.value.kind == "not applicable"
    assert "ask who runs it" in caught.value.fix


def test_where_packages_come_from_is_not_what_they_are() -> None:
    assert small(PIP_INDEX_URL="https://one").id == small(PIP_INDEX_URL="https://two").id
