"""A tool in a folder of its own: the pinned bytes, or a reason."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgebuild.engine.process.environment import passed
from edgebuild.errors import Refused
from edgebuild.models.admit import AdmitSource
from edgebuild.models.tool import PinnedTool, lock_text, pinned, pinned_tool, reason
from tests.cli.conftest import Project, fresh
from tests.conftest import Bench

__all__ = ["fresh"]

SMALL = "sng4onnx==2.0.1 --hash=sha256:"
RIGHT = "3bcbdaf79c8c4f107a340802f9562620ac5b3c83b3b8e8d08a553276d754168f"


SECRET = "open-sesame"


def small(digest: str = RIGHT) -> PinnedTool:
    """A lock of one small package."""
    return PinnedTool(name="sng4onnx", lock=f"{SMALL}{digest}\n")


def test_the_lock_pins_a_digest_for_every_distribution() -> None:
    text = lock_text("onnx2tf")
    assert next(iter(pinned(text))) == "onnx2tf"
    entries = [entry for entry in text.replace("\\\n", " ").splitlines() if not entry.startswith("#")]
    assert len(entries) == len(pinned(text))
    assert all("--hash=sha256:" in entry for entry in entries)


@pytest.mark.slow
def test_two_makings_have_equal_bytes_and_leave_the_environment_alone(bench: Bench, tmp_path: Path) -> None:
    one, two = bench.run(small()), Bench(tmp_path / "again").run(small())
    files = [
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()} for root in (one, two)
    ]
    assert files[0] == files[1]
    assert any(path.name == "METADATA" for path in files[0])
    code = "import importlib.util; print(importlib.util.find_spec('sng4onnx'))"
    assert subprocess.check_output([sys.executable, "-P", "-c", code], text=True).strip() == "None"


def test_an_index_without_the_packages_is_a_reason_for_this_build_only(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "HOME": str(tmp_path)}
    nowhere["XDG_CONFIG_HOME"] = nowhere["XDG_CONFIG_DIRS"] = str(tmp_path)
    for name, value in nowhere.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Refused, match="sng4onnx") as caught:
        bench.run(small())
    assert caught.value.kind == "not applicable"
    assert "PIP_FIND_LINKS" in caught.value.fix
    assert bench.only_now == caught.value.why


def test_other_bytes_than_the_pinned_ones_are_refused(bench: Bench) -> None:
    with pytest.raises(Refused, match="DO NOT MATCH THE HASHES") as caught:
        bench.run(small("0" * 64))
    assert caught.value.kind == "not applicable"
    assert "ask who runs it" in caught.value.fix


def test_where_packages_come_from_is_not_what_they_are_and_stands_in_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"https://me:{SECRET}@one.example/simple")
    one = pinned_tool("onnx2tf")
    assert SECRET not in one.model_dump_json()
    assert passed(PinnedTool)["PIP_INDEX_URL"].startswith(f"https://me:{SECRET}@")
    assert passed(AdmitSource) == {}
    monkeypatch.setenv("PIP_INDEX_URL", "https://two.example/simple")
    assert pinned_tool("onnx2tf").id == one.id


def test_pips_words_are_told_without_passwords() -> None:
    said = f"ERROR: Could not find a version\nERROR: HTTP error 401 for https://me:{SECRET}@one.example/index/x/"
    assert reason(said) == "Could not find a version HTTP error 401 for https://one.example/index/x/"


def test_a_password_for_the_index_is_written_nowhere(fresh: Project) -> None:
    index = f"https://me:{SECRET}@127.0.0.1:9/simple"
    fresh.environment |= {
        "PIP_INDEX_URL": index, "PIP_EXTRA_INDEX_URL": index, "PIP_CONFIG_FILE": os.devnull,
        "PIP_RETRIES": "0", "PIP_FIND_LINKS": "",
    }  # fmt: skip
    fresh.replace("runtime: onnxruntime", "runtime: litert")
    done = fresh.build()
    said = done.out + done.err
    assert "pip, for onnx2tf" in said, said
    ejected = fresh.edgebuild("eject", "pc/source")
    assert SECRET not in said + ejected.out + ejected.err
    files = [path for root in (fresh.folder, fresh.store) for path in root.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" or b"SQLite" in path.read_bytes()[:16] for path in files)
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
