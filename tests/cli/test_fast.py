"""The fast path against the whole walk: for everything an answer rests on, both say the same after it changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgebuild import stamps
from tests.cli.conftest import Done, Project, copied, write_model

OLD = time.time() - 3600


def age(*projects: Project) -> None:
    """Build each in its own folder, and make all its files old."""
    for project in projects:
        project.build()
        for path in [project.folder, *project.folder.rglob("*")]:
            os.utime(path, (OLD, OLD))
    # Until the change times, which nobody can set, are old too: once for all.
    time.sleep(stamps.RACY_NS / 1e9 + 0.1)


def stamped(project: Project) -> Project:
    """The aged project with a stamp that holds."""
    for _ in range(4):
        assert project.build().code == 0
        if fast(project):
            return project
    raise AssertionError("no stamp was left")


@pytest.fixture(scope="module")
def aged(
    built_for_elsewhere: Project, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Project]:
    """One for each test that takes it."""
    tests = [item for item in request.session.items if isinstance(item, pytest.Function)]
    takers = [item for item in tests if item.module is request.module and "sealed" in item.fixturenames]
    projects = [copied(built_for_elsewhere, tmp_path_factory.mktemp("aged")) for _ in takers]
    age(*projects)
    return iter(projects)


@pytest.fixture
def sealed(aged: Iterator[Project]) -> Project:
    """Built in its own folder, all files old, with a stamp that holds."""
    return stamped(next(aged))


@pytest.fixture
def measured(project: Project) -> Project:
    """As `sealed`, for a device whose numbers were taken here."""
    age(project)
    return stamped(project)


def fast(project: Project, *words: str) -> Done | None:
    """What the fast path answers; None where it passes on to the whole program."""
    argv = ["build", *words, "--store", str(project.store)]
    code = f"import sys; sys.argv[1:] = {argv!r}; from edgebuild.stamps import recall; print(recall(sys.argv[1:]))"
    answer = project.python(code)
    found = eval(answer)
    return Done(found[0], found[1].decode(), found[2].decode()) if found else None


def keep_times(path: Path, change: Callable[[], object]) -> None:
    """Change a file and restore its time stamps, as `cp -p` and `rsync -t` do."""
    before = path.stat()
    change()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_the_stamp_says_what_the_walk_says(sealed: Project, measured: Project) -> None:
    for project in (sealed, measured):
        quick, whole = fast(project), project.build("--no-fast-path")
        assert quick is not None
        assert (quick.code, quick.out) == (whole.code, whole.out)
        assert whole.ran == 0


def edit_spec(project: Project) -> None:
    project.replace("size: 2x", "size: 3x")


def edit_loader_keeping_size_and_times(project: Project) -> None:
    path = project.folder / "scaling.py"
    keep_times(path, lambda: path.write_text(path.read_text().replace("1.00", "1.01")))


def replace_by_rename(project: Project) -> None:
    path = project.folder / "scaling.py"
    other = path.with_suffix(".new")
    other.write_text(path.read_text().replace("1.00", "1.02"))
    before = path.stat()
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


def add_a_spec(project: Project) -> None:
    text = project.spec.read_text().replace("name: tiny", "name: other")
    (project.folder / "other.edge.yaml").write_text(text)


def add_a_module_that_shadows(project: Project) -> None:
    (project.folder / "scaling").mkdir()
    (project.folder / "scaling" / "__init__.py").write_text("def scaled(x):\n    return x * 1.03\n")


def delete_an_output(project: Project) -> None:
    (project.package / "SHA256SUMS").unlink()


def edit_an_output(project: Project) -> None:
    path = project.package / "model.onnx"
    keep_times(path, lambda: path.write_bytes(path.read_bytes()[:-1] + b"x"))


def add_a_stranger_to_an_output(project: Project) -> None:
    (project.package / "stranger.txt").write_text("mine")


def delete_the_lock(project: Project) -> None:
    project.spec.with_suffix(".lock").unlink()


def delete_a_blob(project: Project) -> None:
    next(path for path in sorted((project.store / "blobs").rglob("*")) if path.is_file()).unlink()


def damage_a_blob(project: Project) -> None:
    for path in sorted((project.store / "blobs").rglob("*")):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(b"\0" + path.read_bytes()[1:])


def delete_the_data(project: Project) -> None:
    (project.folder / "samples.npz").unlink()


CHANGES = [
    edit_spec,
    edit_loader_keeping_size_and_times,
    replace_by_rename,
    add_a_spec,
    add_a_module_that_shadows,
    delete_an_output,
    edit_an_output,
    add_a_stranger_to_an_output,
    delete_the_lock,
    delete_a_blob,
    damage_a_blob,
    delete_the_data,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_whatever_changed_is_walked(change: Callable[[Project], None], sealed: Project) -> None:
    change(sealed)
    assert fast(sealed) is None


def test_a_torn_stamp_is_no_stamp(sealed: Project) -> None:
    stamp = max((sealed.store / "stamps").iterdir(), key=lambda path: path.stat().st_mtime)
    content = stamp.read_bytes()
    for damaged in (content[:-1], content[:100], b"", content[:200] + b"\xff" + content[201:]):
        stamp.write_bytes(damaged)
        assert fast(sealed) is None


def test_another_command_folder_or_environment_has_its_own(sealed: Project, tmp_path: Path) -> None:
    assert fast(sealed, "--accept", "unproven") is None
    sealed.environment["PYTHONPATH"] = str(tmp_path)
    assert fast(sealed) is None
    sealed.environment.clear()
    assert fast(sealed) is not None
    shutil.copytree(sealed.folder, tmp_path / "copy")
    assert fast(Project(tmp_path / "copy", sealed.store)) is None


def test_a_touched_file_is_walked_and_runs_nothing(sealed: Project) -> None:
    (sealed.folder / "data.py").touch()
    assert fast(sealed) is None
    assert sealed.build().ran == 0
    # Touched a moment ago: its bytes are compared until its time stamps can be trusted.
    assert fast(sealed) is not None


def test_a_young_file_is_compared_by_its_bytes(sealed: Project) -> None:
    path = sealed.folder / "scaling.py"
    path.touch()
    sealed.build()
    assert fast(sealed) is not None
    text = path.read_text()
    keep_times(path, lambda: path.write_text(text.replace("1.00", "1.04")))
    assert fast(sealed) is None


def test_a_file_from_the_future_is_compared_by_its_bytes_for_ever(sealed: Project) -> None:
    path = sealed.folder / "scaling.py"
    os.utime(path, (time.time() + 86400, time.time() + 86400))
    assert sealed.build().ran == 0
    assert fast(sealed) is not None
    before = path.stat()
    path.write_text(path.read_text().replace("1.00", "1.05"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert fast(sealed) is None


def test_a_failed_budget_is_said_again_with_its_exit_code(sealed: Project) -> None:
    sealed.replace("size: 2x", "size: 0.01x")
    os.utime(sealed.spec, (OLD, OLD))
    first = sealed.build()
    again = fast(sealed)
    assert first.code == 1 and again is not None
    assert (again.code, "fail" in again.out) == (1, True)


def test_side_outputs_are_written_each_time(sealed: Project) -> None:
    words = ("--summary", "summary.md")
    sealed.build(*words)
    assert fast(sealed, *words) is None


def test_an_editor_swap_file_and_an_undeclared_variable_change_nothing(sealed: Project) -> None:
    (sealed.folder / ".deployment.edge.yaml.swp").write_text("x")
    sealed.environment["UNRELATED"] = "1"
    assert fast(sealed) is not None


def test_a_variable_that_the_spec_reads_counts(sealed: Project) -> None:
    sealed.replace("size: 2x", 'size: "${env:LIMIT:-2x}"')
    os.utime(sealed.spec, (OLD, OLD))
    assert sealed.build().code == 0
    assert fast(sealed) is not None
    sealed.environment["LIMIT"] = "0.01x"
    assert fast(sealed) is None
    assert sealed.build().code == 1


def test_it_can_be_switched_off(sealed: Project) -> None:
    sealed.environment["EDGEBUILD_FAST"] = "0"
    assert sealed.build().ran == 0
    assert stamps.MAGIC


def test_readers_never_see_half_a_stamp(tmp_path: Path) -> None:
    parts = dict.fromkeys(stamps.SECTIONS, b"x" * 1000)
    for _ in range(50):
        stamps.write(str(tmp_path / "stamp"), parts)
        assert stamps.Stamp((tmp_path / "stamp").read_bytes()).parts == parts
    assert [path.name for path in tmp_path.iterdir()] == ["stamp"]


def test_two_commands_in_turn_both_keep_their_stamps(sealed: Project) -> None:
    sealed.build("--jobs", "1")
    for _ in range(2):
        assert fast(sealed) is not None
        assert fast(sealed, "--jobs", "1") is not None
        assert sealed.build("--no-fast-path").ran == 0


def test_shells_that_differ_have_stamps_of_their_own(sealed: Project) -> None:
    sealed.environment["XDG_SESSION_ID"] = "17"
    assert fast(sealed) is not None
    sealed.environment["VIRTUAL_ENV"] = "/elsewhere"
    assert fast(sealed) is None
    sealed.build()
    assert fast(sealed) is not None
    del sealed.environment["VIRTUAL_ENV"]
    assert fast(sealed) is not None


def test_numbers_taken_again_in_another_checkout_void_this_one(measured: Project, tmp_path: Path) -> None:
    shutil.copytree(measured.folder, tmp_path / "other")
    Project(tmp_path / "other", measured.store).build("--remeasure")
    assert fast(measured) is None


def test_a_stamp_of_a_clock_ahead_of_now_does_not_count(sealed: Project) -> None:
    assert fast(sealed) is not None
    stamp = next((sealed.store / "stamps").iterdir())
    parts = stamps.Stamp(stamp.read_bytes()).parts
    code, until, made, granted = parts["head"].decode().split("\0")
    for ahead in (0.0, 3600.0):
        head = stamps.joined([code, until, str(float(made) + ahead), granted])
        for path in (sealed.store / "stamps").iterdir():
            stamps.write(str(path), {**stamps.Stamp(path.read_bytes()).parts, "head": head})
        assert (fast(sealed) is None) == bool(ahead)


def test_a_store_that_others_may_write_to_is_told_each_time(sealed: Project) -> None:
    sealed.store.chmod(0o777)
    assert fast(sealed) is None
    for _ in range(2):
        assert "chmod 700" in sealed.build().err
    sealed.store.chmod(0o700)
    sealed.build()
    assert fast(sealed) is not None


def test_a_store_behind_the_store_is_stamped_and_its_loss_is_noticed(sealed: Project, tmp_path: Path) -> None:
    sealed.edgebuild("store", "seal")
    own = Project(sealed.folder, tmp_path / "own", {"EDGEBUILD_STORE_LAYERS": str(sealed.store)})
    assert own.build().code == 0
    assert own.build().ran == 0
    assert fast(own) is not None
    (sealed.store / "rows.sqlite").unlink()
    assert fast(own) is None
    assert own.build().code == 5


def test_after_making_room_there_are_stamps_again(sealed: Project) -> None:
    sealed.edgebuild("store", "gc", "--max-size", "0MB")
    assert fast(sealed) is None
    assert sealed.build().code == 0
    assert fast(sealed) is not None


EDITS_THE_SPEC = """\

def edited():
    import subprocess

    # By another process, as an editor is one.
    subprocess.run(["sed", "-i", "{}", "deployment.edge.yaml"], check=True)
    return samples()
"""


def edited_meanwhile(project: Project, words: str) -> Done:
    """A build during which the spec is edited."""
    (project.folder / "data.py").write_text((project.folder / "data.py").read_text() + EDITS_THE_SPEC.format(words))
    project.replace("data.py:samples", "data.py:edited")
    return project.build()


def test_a_spec_edited_while_it_is_built_changes_the_next_build_alone(sealed: Project) -> None:
    done = edited_meanwhile(sealed, "s/size: 2x/size: 0.01x/")
    assert done.code == 0, done.out + done.err
    assert (sealed.package / "model.onnx").exists()
    assert fast(sealed) is None
    assert sealed.build().code == 1


def test_a_spec_broken_while_it_is_built_is_told_by_the_next_build(sealed: Project) -> None:
    assert edited_meanwhile(sealed, "s/budgets:/budgts:/").code == 0
    assert sealed.build().code == 2


@pytest.mark.parametrize("shell", ["exec {} >&-", "exec {} 2>&-", "exec {} > /dev/full", "exec {} | true"])
def test_streams_that_are_closed_or_full_end_the_same_way_on_both_paths(shell: str, sealed: Project) -> None:
    def ended(*words: str) -> tuple[int, bool]:
        command = f"{sys.executable} -P -m edgebuild build --store {sealed.store} {' '.join(words)}"
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", shell.format(command)],
            cwd=sealed.folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode, "No space left" in done.stderr

    quick = ended()
    assert quick == ended("--no-fast-path")
    assert quick[0] in ((5,) if "full" in shell else (0, 141))


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-16"])
def test_another_encoding_is_printed_by_the_walk(encoding: str, sealed: Project) -> None:
    sealed.environment["PYTHONIOENCODING"] = encoding
    for _ in range(2):
        command = [sys.executable, "-P", "-m", "edgebuild", "build", "--store", str(sealed.store)]
        environment = {**os.environ, **sealed.environment}
        done = subprocess.run(command, cwd=sealed.folder, capture_output=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr
        assert "PASS" in done.stdout.decode(encoding).upper()


def test_a_model_below_the_home_is_another_one_in_another_home(sealed: Project, tmp_path: Path) -> None:
    for name, seed in (("one", 0), ("two", 7)):
        (tmp_path / name).mkdir()
        write_model(tmp_path / name / "tiny.onnx", seed)
    sealed.replace("source: tiny.onnx", "source: ~/tiny.onnx")
    sealed.environment["HOME"] = str(tmp_path / "one")
    assert sealed.build().code == 0
    sealed.environment["HOME"] = str(tmp_path / "two")
    assert sealed.build().ran > 10
