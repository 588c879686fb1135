"""The store as a user looks after it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgebuild.cli.store import DIGEST, locked
from edgebuild.engine.store import Store
from edgebuild.engine.store.locks import cleaning
from tests.cli.conftest import Project


def test_it_shows_what_it_holds(project: Project) -> None:
    project.build()
    told = json.loads(project.edgebuild("store", "--format", "json").out)
    assert told["bytes"] > 1000
    assert told["results"]["built"] > 20
    assert str(project.folder) in told["workspaces"]
    assert "results" in project.edgebuild("store").out


def test_it_waits_for_cleaning_and_says_so(project: Project) -> None:
    with cleaning(project.store):
        shown = subprocess.Popen(
            [sys.executable, "-P", "-m", "edgebuild", "store", "--store", str(project.store)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert shown.stderr is not None
        assert "waiting for the cleaning" in shown.stderr.readline()
        assert shown.poll() is None
    out, errors = shown.communicate(timeout=30)
    assert ("results" in out, errors, shown.returncode) == (True, "", 0)


def test_making_room_spares_what_is_built_and_locked(project: Project) -> None:
    project.build()
    done = project.edgebuild("store", "gc", "--max-age", "0s")
    assert done.code == 0
    assert project.build().ran == 0
    sums = (project.package / "SHA256SUMS").read_text()
    tight = project.edgebuild("store", "gc", "--max-size", "1kB")
    assert "more than asked for stays" in tight.out
    assert project.build().ran == 0
    for path in sorted(project.package.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    assert project.build().code == 0
    assert (project.package / "SHA256SUMS").read_text() == sums


def test_damage_is_found_named_and_healed(project: Project) -> None:
    blob = max((project.store / "blobs").glob("*/*"), key=lambda path: path.stat().st_size)
    blob.chmod(0o644)
    blob.write_bytes(blob.read_bytes()[:-1] + b"x")
    found = project.edgebuild("store", "verify")
    assert (found.code, f"sha256:{blob.name}" in found.out) == (5, True)
    assert project.edgebuild("store", "verify").code == 0
    assert project.build().code == 0


def test_locks_pin_wherever_their_specs_lie(tmp_path: Path) -> None:
    digests = [f"sha256:{letter * 64}" for letter in "ab"]
    for folder, digest in zip(("checkout/deep", "other"), digests, strict=True):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "x.edge.yaml").touch()
        (tmp_path / folder / "x.edge.lock").write_text(f"artifact: {digest}\n")
    with Store(tmp_path / "store") as store:
        store.register(str(tmp_path / "checkout"))
        assert locked(store) == {digests[0]}
        store.register(str(tmp_path / "checkout"), [str(tmp_path / "other"), str(tmp_path / "gone")])
        assert locked(store) == set(digests)


def test_a_spec_built_from_another_folder_keeps_what_its_lock_names(project: Project, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    done = Project(tmp_path / "elsewhere", project.store).build(str(project.folder))
    assert done.code == 0, done.err
    named = set(DIGEST.findall((project.folder / "deployment.edge.lock").read_text()))
    with Store(project.store) as store:
        store.rows.run("DELETE FROM workspaces WHERE path != ?", str(tmp_path / "elsewhere"))
        assert named and named <= locked(store)


def test_damaged_results_are_told(project: Project) -> None:
    with Store(project.store) as store:
        store.rows.run("UPDATE actions SET size = size + 1 WHERE key = (SELECT key FROM actions LIMIT 1)")
    found = project.edgebuild("store", "verify")
    assert (found.code, "1 results were damaged" in found.out) == (5, True)
    assert project.edgebuild("store", "verify").code == 0


@pytest.mark.parametrize("words", [("--max-size", "big"), ("--max-age", "soon"), ("--max-size", "5 XB")])
def test_limits_are_read_strictly(words: tuple[str, ...], project: Project) -> None:
    done = project.edgebuild("store", "gc", *words)
    assert done.code == 2
    assert words[1] in done.err


def test_a_sealed_store_serves_another(project: Project) -> None:
    project.build()
    assert project.edgebuild("store", "seal").code == 0
    other = Project(project.folder, project.store.with_name("own"), {"EDGEBUILD_STORE_LAYERS": str(project.store)})
    # Measurements are asked for under the same facts of the same machine.
    done = other.build()
    assert (done.code, done.ran) == (0, 0)
    other.environment["EDGEBUILD_STORE_LAYERS"] = "/nowhere"
    assert "holds no store" in other.build("--no-fast-path").err
