"""What is installed: the same everywhere for one wheel, another for other files, and only where steps look."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import pytest

from edgebuild.core import distributions
from edgebuild.core.distributions import find, module_file, owner, owners
from edgebuild.reads import streamed

WHEEL = ["pack/__init__.py,sha256=a,1", "pack/deep.py,sha256=b,2", "alone.py,sha256=c,3"]


def install(site: Path, lines: list[str], version: str = "1.0", origin: object = None, name: str = "a_pack") -> Path:
    """A distribution as an installer leaves it."""
    for old in site.glob(f"{name}-*.dist-info"):
        for file in old.iterdir():
            file.unlink()
        old.rmdir()
    info = site / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "RECORD").write_text("".join(f"{line}\n" for line in [*lines, f"{info.name}/RECORD,,"]))
    if origin is not None:
        (info / "direct_url.json").write_text(json.dumps(origin))
    for line in lines:
        file = site / line.split(",")[0]
        if not line.startswith(".."):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    return info


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    return site


def identity(name: str = "a-pack") -> str:
    found = find(name)
    assert found is not None
    return found.identity(streamed)


def test_one_wheel_is_the_same_whoever_installed_it_where(site: Path) -> None:
    install(site, WHEEL)
    before = identity()
    installers = ["../../../bin/tool,sha256=of-its-first-line,9", "pack/__pycache__/deep.cpython-311.pyc,,"]
    own = ["a_pack-1.0.dist-info/INSTALLER,sha256=uv,2", "a_pack-1.0.dist-info/REQUESTED,sha256=e,0"]
    install(site, [*installers, *own, *reversed(WHEEL)])
    assert identity() == before


@pytest.mark.parametrize("lines", [[*WHEEL[:2], "alone.py,sha256=other,3"], WHEEL[:2], [*WHEEL, "more.py,sha256=d,1"]])
def test_other_files_under_one_version_are_told_apart(lines: list[str], site: Path) -> None:
    install(site, WHEEL)
    before = identity()
    install(site, lines)
    assert identity() != before
    assert identity().split()[0] == "1.0"


def test_a_file_without_a_digest_in_the_list_counts_by_its_bytes(site: Path) -> None:
    install(site, ["alone.py,,"])
    before = identity()
    (site / "alone.py").write_text("x = 2")
    assert identity() != before


def test_a_distribution_without_a_list_of_files_counts_by_its_version(site: Path) -> None:
    (install(site, []) / "RECORD").unlink()
    assert identity() == "1.0"
    old = site / "old_pack-2.0.egg-info"
    old.write_text("Metadata-Version: 2.1\nName: old-pack\nVersion: 2.0\n")
    assert identity("old_pack") == "2.0"


def test_what_is_installed_is_what_the_standard_library_says() -> None:
    for name in ("numpy", "pillow", "PyYAML", "scikit-learn", "ai_edge_litert"):
        found = find(name)
        assert found is not None and found.version == metadata.version(name)
    assert find("no-such-thing") is None


def test_steps_see_no_path_of_the_users(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(site, WHEEL)
    overlay = tmp_path / "overlay" / "site-packages"
    install(overlay, WHEEL, version="2.0")
    monkeypatch.setenv("PYTHONPATH", str(overlay))
    monkeypatch.syspath_prepend(str(overlay))
    found = find("a-pack")
    assert found is not None and found.version == "1.0"
    monkeypatch.delenv("PYTHONPATH")
    found = find("a-pack")
    assert found is not None and found.version == "2.0"


def test_a_folder_of_the_users_own_packages_is_not_seen(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import site as library

    install(site, WHEEL)
    monkeypatch.setattr(library, "ENABLE_USER_SITE", True)
    monkeypatch.setattr(library, "getusersitepackages", lambda: str(site))
    assert find("a-pack") is None


def test_who_owns_a_module_is_told_by_its_files(site: Path) -> None:
    install(site, WHEEL)
    install(site, ["space/one.py,sha256=a,1"], name="space_one")
    install(site, ["space/two.py,sha256=a,1"], name="space_two")
    assert [one.name for one in owners("pack")] == ["a-pack"]
    assert [one.name for one in owners("alone")] == ["a-pack"]
    assert [one.name for one in owners("space")] == ["space-one", "space-two"]
    assert owners("nobodys") == []
    found = owner(str(site), "space/two.py")
    assert found is not None and found.name == "space-two"
    assert owner(str(site), "space/three.py") is None


def test_a_systems_package_without_a_list_of_files_is_known_by_its_version(site: Path) -> None:
    (site / "pack").mkdir()
    (site / "pack-1.0.egg-info").write_text("Metadata-Version: 2.1\nName: pack\nVersion: 1.0\n")
    found = owner(str(site), "pack/deep.py")
    assert found is not None and (found.name, found.identity(streamed)) == ("pack", "1.0")


def test_an_import_name_that_is_not_the_distributions_is_found() -> None:
    assert [one.name for one in owners("PIL")] == ["pillow"]
    assert "protobuf" in [one.name for one in owners("google")]


def test_a_module_is_found_as_an_import_finds_it(site: Path) -> None:
    install(site, WHEEL)
    assert module_file("pack.deep") == str(site / "pack" / "deep.py")
    assert module_file("pack") == str(site / "pack" / "__init__.py")
    assert module_file("alone") == str(site / "alone.py")
    assert module_file("nothing.at.all") is None


def test_an_installation_is_read_again_when_it_changed(site: Path) -> None:
    install(site, WHEEL)
    assert distributions.find("a-pack") is not None
    install(site, WHEEL, version="1.1")
    found = find("a-pack")
    assert found is not None and found.version == "1.1"
