"""Check a package: its bytes against the checksums, the manifest against the files, golden outputs in the runtime."""

from __future__ import annotations

import json
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from edgebuild.core.dossier import Call
from edgebuild.data.arrays import load_arrays, save_arrays
from edgebuild.deliver.manifest import FORMAT, MANIFEST, SUMS
from edgebuild.deliver.package import sha256
from edgebuild.errors import Problem, Refused, StepError

LARGEST = 8 * 2**30
"""Bytes that an archive may unpack to; a bomb has more."""

AGAIN = "Take the package from the build again."


def verify(package: Path) -> list[Problem]:
    """Everything that is wrong with a package folder or `.tar.gz`; nothing where it is good."""
    if package.is_dir():
        return verify_folder(package)
    if not package.exists():
        return [Problem(str(package), "no such package.", "Name a folder of `build/…` or its `.tar.gz`.")]
    with tempfile.TemporaryDirectory(prefix="edgebuild-verify-") as folder:
        problems = unpack(package, Path(folder))
        return problems or verify_folder(Path(folder))


def unpack(archive: Path, folder: Path) -> list[Problem]:
    """Unpack an archive; problems where it is none or reaches out of its folder."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            size = 0
            for entry in tar:
                size += entry.size
                if size > LARGEST:
                    return [Problem(str(archive), f"unpacks to more than {LARGEST:,} bytes.", AGAIN)]
                tar.extract(entry, folder, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        return [Problem(str(archive), f"cannot be unpacked: {error}.", AGAIN)]
    return []


def verify_folder(folder: Path) -> list[Problem]:
    """Everything that is wrong with a package folder."""
    problems = check_sums(folder)
    described, wrong = read_manifest(folder)
    problems += wrong
    if described is not None:
        problems += check_manifest(folder, described)
    # What is damaged is not run.
    return problems or check_golden(folder, described or {})


def check_sums(folder: Path) -> list[Problem]:
    """Files that are missing, changed or too many."""
    file = folder / SUMS
    if not file.is_file():
        return [Problem(SUMS, "is missing.", AGAIN)]
    listed = {}
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        digest, _, name = line.partition("  ")
        listed[name] = digest
    problems = []
    for name, digest in listed.items():
        path = folder / name
        if not path.is_file():
            problems.append(Problem(name, "is missing.", AGAIN))
        elif not path.resolve().is_relative_to(folder.resolve()):
            problems.append(Problem(name, "lies outside the package.", AGAIN))
        elif (found := sha256(path)) != digest:
            problems.append(Problem(name, f"was changed: its SHA-256 is {found}, {SUMS} has {digest}.", AGAIN))
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    problems += [
        Problem(name, f"is not listed in {SUMS}.", "Remove it; files of yours go under `package.files` of the spec.")
        for name in sorted(there - set(listed) - {SUMS})
    ]
    return problems


def read_manifest(folder: Path) -> tuple[dict[str, Any] | None, list[Problem]]:
    """The manifest, or what is wrong with it."""
    try:
        described = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return None, [Problem(MANIFEST, f"cannot be read: {error}.", AGAIN)]
    if not isinstance(described, dict) or described.get("manifest") != FORMAT:
        number = described.get("manifest") if isinstance(described, dict) else None
        fix = "Verify it with the edgebuild that made it, or build it again."
        return None, [Problem(MANIFEST, f"has the format {number}; this edgebuild reads {FORMAT}.", fix)]
    return described, []


def check_manifest(folder: Path, described: dict[str, Any]) -> list[Problem]:
    """Whether the manifest speaks of the files that are there."""
    problems = []
    for name, digest in described.get("files", {}).items():
        path = folder / name
        if path.is_file() and sha256(path) != digest:
            problems.append(Problem(f"{MANIFEST}: files.{name}", "is not the digest of the file.", AGAIN))
        elif not path.is_file():
            problems.append(Problem(f"{MANIFEST}: files.{name}", "names a file that is not there.", AGAIN))
    model = folder / str(described.get("model", ""))
    if not described.get("model") or not model.exists():
        problems.append(Problem(f"{MANIFEST}: model", "names no file of the package.", AGAIN))
    return problems


def check_golden(folder: Path, described: dict[str, Any]) -> list[Problem]:
    """Run the golden inputs in the runtime, in a process of its own, and compare."""
    from edgebuild.devices.links.base import Job, JobModel
    from edgebuild.devices.links.local import LocalLink

    golden = described["golden"]
    with tempfile.TemporaryDirectory(prefix="edgebuild-golden-") as scratch:
        save_arrays(Path(scratch, "inputs.npz"), unbatched(folder / golden["inputs"], described["inputs"]))
        call = Call.model_validate(described["call"])
        model = JobModel(path=str(folder / described["model"]), call=call)
        job = Job(what="predict", models=(model,), inputs=str(Path(scratch, "inputs.npz")), parameters={"golden": 0})
        try:
            LocalLink().execute(job, Path(scratch, "out"), timeout_s=600.0)
        except Refused as refused:
            return [Problem(call.runtime, f"does not take the model: {refused.why}", refused.fix or INSTALL)]
        except StepError as error:
            return list(error.problems)
        found = load_arrays(Path(scratch, "out", "outputs.npz"))
    wanted = unbatched(folder / golden["outputs"], described["outputs"])
    return compare(wanted, found, float(golden["tolerance"]), call.runtime)


INSTALL = "Install the runtime: `edgebuild doctor` prints the command."


def unbatched(file: Path, tensors: list[dict[str, Any]]) -> dict[str, Any]:
    """Arrays of a golden file as samples: without the batch axis that was put on."""
    axes = {tensor["name"]: len(tensor["shape"]) for tensor in tensors}
    return {
        name: array[:, 0] if axes.get(name) == array.ndim - 1 and array.shape[1] == 1 else array
        for name, array in load_arrays(file).items()
    }


def compare(wanted: dict[str, Any], found: dict[str, Any], tolerance: float, runtime: str) -> list[Problem]:
    """A problem for each output that is missing or further off than the tolerance."""
    import numpy as np

    problems = []
    fix = "Compare the runtime's version with the manifest's; a kernel of this machine may be at fault."
    for name, golden in wanted.items():
        if name not in found:
            problems.append(Problem(f"golden: {name}", f"{runtime} gives no such output.", fix))
            continue
        off = float(np.abs(found[name].astype(np.float64) - golden.astype(np.float64)).max(initial=0.0))
        limit = tolerance * float(np.abs(golden.astype(np.float64)).max(initial=0.0))
        if not off <= limit:
            what = f"{runtime} is off by {off:.3g}, more than {limit:.3g}."
            problems.append(Problem(f"golden: {name}", what, fix))
    return problems
