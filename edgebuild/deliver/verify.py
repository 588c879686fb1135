"""Check a package: its bytes against the checksums, the manifest against the files, golden outputs in the runtime."""

from __future__ import annotations

import re
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from edgebuild.core.dossier import Call
from edgebuild.deliver.golden import INPUTS, as_samples, compare
from edgebuild.deliver.manifest import MANIFEST, SUMS, Manifest, from_json
from edgebuild.deliver.package import sha256
from edgebuild.errors import Problem, Refused, StepError

if TYPE_CHECKING:
    import numpy as np

    Arrays = dict[str, np.ndarray]

LARGEST = 8 * 2**30
"""Bytes that an archive may unpack to; a bomb has more."""
MOST = 100_000
"""Entries that it may have."""

AGAIN = "Take the package from the build again."
SESSION = re.compile(r"edgebuild\.runtimes\.\w+\.session")
"""Modules that a manifest may name to load its model; a package must not have any other imported."""


def verify(package: Path) -> list[Problem]:
    """Everything that is wrong with a package folder or `.tar.gz`; nothing where it is good."""
    if package.is_dir():
        return verify_folder(package)
    if not package.exists():
        return [Problem(str(package), "no such package.", "Name a folder of `build/…` or its `.tar.gz`.")]
    with tempfile.TemporaryDirectory(prefix="edgebuild-verify-") as folder:
        problems = unpack(package, Path(folder))
        return problems or verify_folder(root(Path(folder)))


def unpack(archive: Path, folder: Path) -> list[Problem]:
    """Unpack an archive; problems where it is none, is too large, or reaches out of its folder."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            size = 0
            for count, entry in enumerate(tar):
                size += entry.size
                if size > LARGEST or count >= MOST:
                    what = f"unpacks to more than {LARGEST:,} bytes or {MOST:,} files."
                    return [Problem(str(archive), what, AGAIN)]
                tar.extract(entry, folder, filter="data")
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        return [Problem(str(archive), f"cannot be unpacked: {error}.", AGAIN)]
    return []


def root(folder: Path) -> Path:
    """The folder that an archive unpacked to."""
    inside = list(folder.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder


def verify_folder(folder: Path) -> list[Problem]:
    """Everything that is wrong with a package folder."""
    listed, problems = check_sums(folder)
    if not (folder / MANIFEST).is_file():
        return problems if MANIFEST in listed else [*problems, Problem(MANIFEST, "is missing.", AGAIN)]
    described, wrong = from_json((folder / MANIFEST).read_text(encoding="utf-8", errors="replace"))
    problems += wrong
    if described is not None:
        problems += check_manifest(described, listed)
    if problems or described is None:
        # What is damaged is not run.
        return problems
    return check_golden(folder, described)


def check_sums(folder: Path) -> tuple[dict[str, str], list[Problem]]:
    """The list of checksums, and the files that are missing, changed or too many."""
    file = folder / SUMS
    if not file.is_file():
        return {}, [Problem(SUMS, "is missing.", AGAIN)]
    listed, problems = {}, []
    lines = file.read_text(encoding="utf-8", errors="replace").removesuffix("\n").split("\n")
    for number, text in enumerate(lines, start=1):
        digest, _, name = text.partition("  ")
        if not re.fullmatch("[0-9a-f]{64}", digest) or not name:
            problems.append(Problem(f"{SUMS}:{number}", f"is no line of `sha256sum`: {text[:80]!r}.", AGAIN))
        else:
            listed[name] = digest
    for name, digest in listed.items():
        if not inside(folder, name):
            problems.append(Problem(name, "lies outside the package.", AGAIN))
        elif not (folder / name).is_file():
            problems.append(Problem(name, "is missing.", AGAIN))
        elif (found := sha256(folder / name)) != digest:
            problems.append(Problem(name, f"was changed: its SHA-256 is {found}, {SUMS} has {digest}.", AGAIN))
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    problems += [
        Problem(name, f"is not listed in {SUMS}.", "Remove it; files of yours go under `package.files` of the spec.")
        for name in sorted(there - set(listed) - {SUMS})
    ]
    return listed, problems


def inside(folder: Path, name: str) -> bool:
    """Whether a path of a package stays in it, links included."""
    path = PurePosixPath(name)
    return not path.is_absolute() and (folder / path).resolve().is_relative_to(folder.resolve())


def check_manifest(described: Manifest, listed: dict[str, str]) -> list[Problem]:
    """Whether the manifest speaks of the files that are listed, and of a model that edgebuild can load."""
    problems = []
    for name in sorted(set(described.files) | set(listed) - {MANIFEST}):
        said, sealed = described.files.get(name), listed.get(name)
        if said is None:
            problems.append(Problem(f"{MANIFEST}: files", f"does not name {name}, which {SUMS} lists.", AGAIN))
        elif sealed is None:
            problems.append(Problem(f"{MANIFEST}: files.{name}", f"is not listed in {SUMS}.", AGAIN))
        elif said != f"sha256:{sealed}":
            problems.append(Problem(f"{MANIFEST}: files.{name}", f"is {said}, {SUMS} has {sealed}.", AGAIN))
    named = {
        "model": described.model,
        "golden.inputs": described.golden.inputs,
        "golden.outputs": described.golden.outputs,
    }
    for key, name in named.items():
        if not any(file == name or file.startswith(f"{name}/") for file in listed):
            problems.append(Problem(f"{MANIFEST}: {key}", f"names no file of the package: {name!r}.", AGAIN))
    if not SESSION.fullmatch(described.call.session):
        what = f"`{described.call.session}` is no session of a runtime."
        problems.append(Problem(f"{MANIFEST}: call.session", what, AGAIN))
    return problems


def check_golden(folder: Path, described: Manifest) -> list[Problem]:
    """Run the golden inputs in the runtime, in a process of its own, and compare."""
    from edgebuild.data.arrays import load_arrays, save_arrays
    from edgebuild.devices.links.base import Job, JobModel
    from edgebuild.devices.links.local import LocalLink

    golden = described.golden
    try:
        given, wanted = load_arrays(folder / golden.inputs), load_arrays(folder / golden.outputs)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        return [Problem(INPUTS, f"golden arrays cannot be read: {error}.", AGAIN)]
    with tempfile.TemporaryDirectory(prefix="edgebuild-golden-") as scratch:
        samples, output = Path(scratch, "inputs.npz"), Path(scratch, "out")
        call, posed = asked(described, as_samples(given, described.inputs))
        save_arrays(samples, posed)
        model = JobModel(path=str((folder / described.model).resolve()), call=call)
        job = Job(what="predict", models=(model,), inputs=str(samples), parameters={"golden": 0})
        try:
            result = LocalLink().execute(job, output, timeout_s=600.0)
        except Refused as refused:
            return [declined(refused, described)]
        except StepError as error:
            return list(error.problems)
        found = load_arrays(output / "outputs.npz")
    here = dict(result.get("versions", {}))
    if call.loop is not None:
        fed = set(call.loop.states.values())
        wanted = {name: array for name, array in wanted.items() if name not in fed}
    return compare(wanted, found, golden.tolerance, by_name(call.runtime, here), remedy(described, here))


def asked(described: Manifest, steps: Arrays) -> tuple[Call, Arrays]:
    """How golden samples are put to the runtime, and they themselves.

    Golden steps are single runs, each with the states that it is fed; where the runtime keeps states itself they are
    one sequence.
    """
    loop = described.call.loop
    if loop is None or not described.golden.kept:
        return described.call.model_copy(update={"loop": None}), steps
    given = {name: array for name, array in steps.items() if name not in loop.states}
    return described.call, {name: array[None] if name in loop.steps else array[:1] for name, array in given.items()}


def declined(refused: Refused, described: Manifest) -> Problem:
    """The runtime is not here, or does not take the model."""
    runtime = described.runtime
    if refused.why.startswith(("ModuleNotFoundError", "ImportError")):
        fix = f'pip install "edgebuild[{runtime}]"'
        return Problem(runtime, f"is not installed here, so golden outputs were not checked: {refused.why}.", fix)
    return Problem(
        described.model, f"{refused.by} does not take it: {refused.why}.", refused.fix or remedy(described, {})
    )


def by_name(runtime: str, versions: dict[str, str]) -> str:
    """`onnxruntime 1.32.0`: what a session names beside numpy is the runtime's own."""
    return next((f"{name} {version}" for name, version in versions.items() if name != "numpy"), runtime)


def remedy(described: Manifest, here: dict[str, str]) -> str:
    """What to do about other outputs: the version of the build first."""
    other = [
        f"{name}=={version}"
        for name, version in described.versions.items()
        if name in here and here[name] != version and name != "numpy"
    ]
    if other:
        return f"The package was made with another version: pip install {' '.join(other)}, and verify again."
    return "Same versions, other answers: build for this device's instruction set, or compare its kernels."
