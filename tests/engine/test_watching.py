"""What the user's code looks at, lists and opens is noticed, whichever way it asks; what says nothing is not kept."""

# How the user's code asks is what this is about.
# ruff: noqa: PTH103, PTH110, PTH113, PTH116, PTH123, PTH202, PTH207, PTH208, SIM115

from __future__ import annotations

import glob
import mmap
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.engine.process.environment import environment
from edgebuild.engine.seen import seen_now
from edgebuild.engine.store import Store
from edgebuild.errors import StepError
from tests.engine.watching import Watcher


@pytest.fixture
def watcher(tmp_path: Path) -> Iterator[Watcher]:
    with Store(tmp_path / "store") as store:
        yield Watcher(tmp_path / "project", store)


def write(folder: Path, name: str, text: str = "") -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def below(folder: str) -> int:
    return os.open(folder, os.O_RDONLY)


LOOKS: dict[str, Callable[[], Any]] = {
    "os.path.exists": lambda: os.path.exists("d/flag"),
    "os.path.isfile": lambda: os.path.isfile("d/flag"),
    "os.path.lexists": lambda: os.path.lexists("d/flag"),
    "os.access": lambda: os.access("d/flag", os.R_OK),
    "os.stat of bytes": lambda: os.path.exists(b"d/flag"),
    "os.stat below a folder": lambda: "flag" in os.listdir("d") or os.stat("d", dir_fd=below(".")),
    "Path.exists": lambda: Path("d/flag").exists(),
    "Path.is_file": lambda: Path("d/flag").is_file(),
    "Path.is_dir": lambda: Path("d/flag").is_dir(),
    "a literal glob": lambda: glob.glob("d/flag"),
    "a literal glob of a path": lambda: list(Path("d").glob("flag")),
}


@pytest.mark.parametrize("how", LOOKS)
def test_what_was_looked_for_and_appears_counts(how: str, watcher: Watcher) -> None:
    write(watcher.folder, "d/other")
    seen = watcher.seen(LOOKS[how])
    assert watcher.holds(seen)
    write(watcher.folder, "d/flag", "x")
    assert not watcher.holds(seen)
    (watcher.folder / "d" / "flag").unlink()
    assert watcher.holds(seen)


SIZES: dict[str, Callable[[], Any]] = {
    "os.stat": lambda: os.stat("v.bin").st_size,
    "os.lstat": lambda: os.lstat("v.bin").st_size,
    "os.path.getsize": lambda: os.path.getsize("v.bin"),
    "Path.stat": lambda: Path("v.bin").stat().st_size,
    "os.stat below a folder": lambda: os.stat("v.bin", dir_fd=below(".")).st_size,
}


@pytest.mark.parametrize("how", SIZES)
def test_a_size_that_was_asked_for_counts_and_a_date_does_not(how: str, watcher: Watcher) -> None:
    write(watcher.folder, "v.bin", "x")
    seen = watcher.seen(SIZES[how])
    os.utime(watcher.folder / "v.bin", (1, 1))
    assert watcher.holds(seen)
    write(watcher.folder, "v.bin", "xx")
    assert not watcher.holds(seen)


def test_where_a_link_leads_counts_where_it_was_asked(watcher: Watcher) -> None:
    write(watcher.folder, "v1/a.txt", "a")
    write(watcher.folder, "v2/a.txt", "a")
    (watcher.folder / "now").symlink_to("v1")
    seen = watcher.seen(lambda: (Path("now").resolve().name, Path("now/a.txt").read_text()))
    (watcher.folder / "now").unlink()
    (watcher.folder / "now").symlink_to("v2")
    assert not watcher.holds(seen)


def test_a_file_that_is_opened_counts_by_its_content_alone(watcher: Watcher) -> None:
    write(watcher.folder, "d/a.txt", "a")

    def code() -> None:
        assert Path("d").is_dir() and Path("d/a.txt").is_file() and Path("d/a.txt").stat().st_size
        for name in os.listdir("d"):
            Path("d", name).resolve().read_text()

    assert set(watcher.kinds(code)) == {"file:d/a.txt", "names:d"}


def test_folders_on_the_way_to_the_project_are_the_machines(watcher: Watcher) -> None:
    def code() -> None:
        assert Path.cwd().resolve().is_dir() and Path.cwd().parent.is_dir() and Path("/").is_dir()

    assert watcher.seen(code) == []


def test_what_the_import_system_looks_for_is_not_kept(watcher: Watcher) -> None:
    write(watcher.folder, "pack/leaf.py", "N = 1\n")

    def code() -> None:
        import sys

        sys.path.insert(0, str(watcher.folder))
        sys.dont_write_bytecode = True
        import pack.leaf

        assert pack.leaf.N == 1

    assert [place for place, _ in watcher.seen(code) if place.partition(":")[0] not in ("file", "modules")] == []


def test_a_function_of_os_is_still_what_it_was(watcher: Watcher) -> None:
    def code() -> None:
        import inspect
        import pickle
        import posix

        class Keeps:
            stat = os.stat

        assert Keeps().stat(".") == os.stat(path=".") == posix.stat(".")
        assert str(inspect.signature(os.stat)) == str(inspect.signature(posix.stat))
        assert pickle.loads(pickle.dumps(os.access)) is os.access
        assert {os.stat, os.open} <= os.supports_dir_fd and os.stat in os.supports_follow_symlinks
        with pytest.raises(FileNotFoundError, match="nothing"):
            os.stat("nothing")
        with pytest.raises(ValueError, match="null"):
            os.stat("a\0b")

    watcher.sightings(code)


# -- opened to be changed --------------------------------------------------------------------------------------------


def memmap() -> float:
    return float(np.memmap("v.dat", dtype=np.uint8)[0])


UPDATES: dict[str, Callable[[], Any]] = {
    "open r+": lambda: open("v.dat", "r+").read(),
    "open r+b": lambda: open("v.dat", "r+b").read(),
    "os.open": lambda: os.read(os.open("v.dat", os.O_RDWR), 9),
    "np.memmap": memmap,
}


@pytest.mark.parametrize("how", UPDATES)
def test_a_file_that_is_opened_to_be_changed_is_an_input(how: str, watcher: Watcher) -> None:
    write(watcher.folder, "v.dat", "1")
    seen = watcher.seen(UPDATES[how])
    assert watcher.holds(seen)
    write(watcher.folder, "v.dat", "2")
    assert not watcher.holds(seen)


def test_a_file_that_was_changed_through_a_map_of_memory_is_told(watcher: Watcher) -> None:
    write(watcher.folder, "v.dat", "1")

    def code() -> None:
        with open("v.dat", "r+b") as file, mmap.mmap(file.fileno(), 0) as content:
            content[0:1] = b"2"

    (sighting,) = watcher.sightings(code)
    found = os.stat(watcher.folder / "v.dat")
    # As on file systems that note no time for it.
    sighting["stat"] = [found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns]
    with pytest.raises(StepError, match=r"v\.dat changed while it was read"):
        seen_now([sighting], [watcher.folder], watcher.store, "load")


def test_a_file_that_must_be_new_and_is_not_is_an_input(watcher: Watcher) -> None:
    write(watcher.folder, "v.txt", "1")

    def code() -> None:
        try:
            open("v.txt", "x").close()
        except FileExistsError:
            Path("v.txt").read_text()

    seen = watcher.seen(code)
    write(watcher.folder, "v.txt", "2")
    assert not watcher.holds(seen)


def test_a_folder_that_was_there_before_it_was_to_be_made_is_an_input(watcher: Watcher) -> None:
    write(watcher.folder, "d/a.txt")
    seen = watcher.seen(lambda: (os.makedirs("d", exist_ok=True), os.listdir("d")))
    write(watcher.folder, "d/b.txt")
    assert not watcher.holds(seen)


# -- listings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["build/x", "measurements/x", "pad.lock", ".hidden", "x.swp", "~x"])
def test_every_name_in_a_data_folder_counts(name: str, watcher: Watcher) -> None:
    write(watcher.folder, "d/cat/a.txt")
    seen = watcher.seen(lambda: os.listdir("d"))
    write(watcher.folder, f"d/{name}")
    assert not watcher.holds(seen)


@pytest.mark.parametrize("name", ["build/x", "measurements/x", "edge.lock", ".edge.yaml.swp", ".DS_Store"])
def test_what_edgebuild_and_editors_write_beside_a_spec_does_not(name: str, watcher: Watcher) -> None:
    write(watcher.folder, "edge.yaml")
    seen = watcher.seen(lambda: os.listdir("."))
    write(watcher.folder, name)
    assert watcher.holds(seen)
    write(watcher.folder, ".hidden")
    assert not watcher.holds(seen)


def test_a_file_that_becomes_a_folder_counts(watcher: Watcher) -> None:
    write(watcher.folder, "d/a")
    seen = watcher.seen(lambda: [entry.is_dir() for entry in os.scandir("d")])
    (watcher.folder / "d" / "a").unlink()
    write(watcher.folder, "d/a/b")
    assert not watcher.holds(seen)


WALKS: dict[str, Callable[[], Any]] = {
    "os.walk": lambda: list(os.walk("d")),
    "os.fwalk": lambda: list(os.fwalk("d")),
    "rglob": lambda: list(Path("d").rglob("*")),
    "os.listdir of a descriptor": lambda: os.listdir(below("d/a")),
    "os.scandir of a descriptor": lambda: list(os.scandir(below("d/a"))),
}


@pytest.mark.parametrize("how", WALKS)
def test_a_new_name_below_counts(how: str, watcher: Watcher) -> None:
    write(watcher.folder, "d/a/x.txt")
    seen = watcher.seen(WALKS[how])
    assert watcher.holds(seen)
    write(watcher.folder, "d/a/y.txt")
    assert not watcher.holds(seen)


def test_a_file_that_is_opened_below_a_descriptor_counts_where_it_lies(watcher: Watcher) -> None:
    write(watcher.folder, "d/v.txt", "1")
    seen = watcher.kinds(lambda: os.read(os.open("v.txt", os.O_RDONLY, dir_fd=below("d")), 9))
    assert "file:d/v.txt" in seen and "file:v.txt" not in seen


def test_a_file_that_arrives_in_a_listed_folder_meanwhile_is_told(watcher: Watcher) -> None:
    write(watcher.folder, "d/x.txt")

    def code() -> None:
        os.listdir("d")
        # Another program, which no hook hears.
        os.system("touch d/y.txt")

    with pytest.raises(StepError, match="d changed while it was read"):
        watcher.seen(code)


def test_a_file_that_the_code_itself_puts_there_is_a_change_for_the_next_time(watcher: Watcher) -> None:
    write(watcher.folder, "d/x.txt")

    def code() -> None:
        if "y.txt" not in os.listdir("d"):
            Path("d/y.txt").write_text("y")

    assert not watcher.holds(watcher.seen(code))
    assert watcher.holds(watcher.seen(code))


def test_a_cache_that_the_code_itself_makes_is_looked_at_the_next_time(watcher: Watcher) -> None:
    def code() -> None:
        if not Path("cache/a").exists():
            os.makedirs("cache")
            Path("cache/a").write_text("1")
        Path("cache/a").read_text()

    watcher.seen(code)
    seen = watcher.seen(code)
    assert watcher.holds(seen)
    write(watcher.folder, "cache/a", "2")
    assert not watcher.holds(seen)


def test_a_cache_that_is_tried_before_it_is_made_is_looked_at_the_next_time(watcher: Watcher) -> None:
    def code() -> None:
        try:
            Path("cache").read_text()
        except FileNotFoundError:
            Path("cache").write_text("1")

    assert not watcher.holds(watcher.seen(code))
    assert watcher.holds(watcher.seen(code))


# -- other processes, other places -----------------------------------------------------------------------------------


def read(name: str) -> str:
    return Path(name).read_text()


def test_a_file_that_a_forked_worker_reads_counts(watcher: Watcher) -> None:
    write(watcher.folder, "v.txt", "1")

    def code() -> None:
        with multiprocessing.get_context("fork").Pool(2) as pool:
            assert pool.map(read, ["v.txt"] * 4) == ["1"] * 4

    seen = watcher.seen(code)
    assert watcher.holds(seen)
    write(watcher.folder, "v.txt", "2")
    assert not watcher.holds(seen)


@pytest.mark.parametrize("place", ["/var/lib", "/run", "/usr/local/share", "/usr/share", "/opt", "/srv", "/var/cache"])
def test_data_of_the_machine_counts(place: str, watcher: Watcher) -> None:
    folder = Path(place, "edgebuild-test")
    try:
        folder.mkdir()
    except OSError:
        pytest.skip(f"{place} cannot be written")
    try:
        write(folder, "v.txt", "1")
        seen = watcher.seen(lambda: read(f"{folder}/v.txt"))
        write(folder, "v.txt", "2")
        assert not watcher.holds(seen)
    finally:
        shutil.rmtree(folder)


def test_what_libraries_open_by_themselves_is_in_no_key(watcher: Watcher) -> None:
    """A plain loader's: where it runs must not matter."""
    from PIL import Image

    Image.new("RGB", (4, 4)).save(watcher.folder / "im.png")

    def code() -> None:
        # As a step's private folder is.
        os.environ.update(environment(str(watcher.store.root), []))
        import ctypes.util
        import importlib.metadata
        import mimetypes
        import platform
        import tempfile
        import zoneinfo

        import sklearn.datasets

        np.asarray(Image.open("im.png").resize((2, 2)))
        sklearn.datasets.load_iris()
        mimetypes.init()
        zoneinfo.ZoneInfo("Europe/Berlin")
        platform.platform()
        ctypes.util.find_library("c")
        importlib.metadata.version("numpy")
        shutil.which("gcc")
        tempfile.mkdtemp()

    assert set(watcher.kinds(code)) == {"file:im.png"}
