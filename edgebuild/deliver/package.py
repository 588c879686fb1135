"""What a target ships: the model, how to load it, golden samples, the manifest; and its reproducible archive."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from edgebuild.core.dossier import CandidateFile, Dossier, Tensor
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact, Attempt, Refusal
from edgebuild.data.arrays import load_arrays, save_arrays
from edgebuild.deliver.manifest import MANIFEST, SUMS, manifest
from edgebuild.errors import Refused
from edgebuild.render import Renderer

if TYPE_CHECKING:
    import numpy as np

GOLDEN = "golden"


class AssemblePackage(Step):
    """A folder with the chosen candidate, or with the nearest miss where the verdicts are not met.

    Beside the model: every template of the runtime's folder, rendered; `golden/inputs.npz` and `golden/outputs.npz`;
    `labels.txt` where there are labels; the user's files; `manifest.json`; `SHA256SUMS`.
    """

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("numpy", "jinja2")
    filename: ClassVar[str] = "package"

    dossier: Artifact
    models: tuple[Attempt, ...]
    """Aligned with the dossier's candidates."""
    predictions: tuple[Attempt, ...]
    """On `report`, aligned with the dossier's candidates."""
    samples: Artifact
    """The samples of `report`."""
    config: dict[str, Any]
    """Options in the runtime's own words, for its configuration file."""
    files: dict[str, Artifact] = {}
    """Files of the user's by their name in the package."""
    templates: Artifact | None = None
    """The user's own templates."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: no candidate of the target could be made. SpecError: a template of the user's is wrong."""
        dossier = Dossier.model_validate_json(work.path(self.dossier).read_bytes())
        row = shipped_row(dossier)
        model, predicted = work.attempt(self.models[row]), work.attempt(self.predictions[row])
        for found in (model, predicted):
            if isinstance(found, Refusal):
                raise Refused(by=found.by, why=found.why, fix=found.fix, kind=found.kind)
        assert isinstance(model, Path) and isinstance(predicted, Path)
        work.output.mkdir()
        place_model(model, work.output / dossier.candidates[row].filename)
        write_golden(dossier, work.path(self.samples), predicted, work.output / GOLDEN)
        for name, artifact in self.files.items():
            shutil.copyfile(work.path(artifact), work.output / name)
        if dossier.labels:
            (work.output / "labels.txt").write_text("\n".join(dossier.labels) + "\n", encoding="utf-8")
        own = work.path(self.templates) if self.templates else None
        write_documents(dossier, dossier.candidates[row], self.config, Renderer(own), work.output)


def shipped_row(dossier: Dossier) -> int:
    """Which candidate is packaged.

    Raises:
        Refused: none was made.
    """
    name = dossier.choice or dossier.nearest
    if name is None:
        raise Refused(by="package", why="no candidate of this target could be made.", kind="not applicable")
    return [item.name for item in dossier.candidates].index(name)


def place_model(source: Path, target: Path) -> None:
    """A file or folder."""
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)


def write_golden(dossier: Dossier, samples: Path, predicted: Path, folder: Path) -> None:
    """The first samples and what this candidate says of them, each as the runtime takes and gives it.

    Every array has the shape (samples, *shape of the tensor): `inputs["image"][0]` is what one call is fed with.
    """
    folder.mkdir()
    outputs = load_arrays(predicted / "golden.npz")
    count = min(len(array) for array in outputs.values())
    inputs = {name: array[:count] for name, array in load_arrays(samples / "inputs.npz").items()}
    save_arrays(folder / "inputs.npz", as_fed(inputs, dossier.inputs))
    save_arrays(folder / "outputs.npz", as_fed(outputs, dossier.outputs))


def as_fed(arrays: dict[str, np.ndarray], tensors: tuple[Tensor, ...]) -> dict[str, np.ndarray]:
    """Samples with the batch axis that the model has and they have not."""
    axes = {tensor.name: len(tensor.shape) for tensor in tensors}
    return {name: array[:, None] if axes.get(name) == array.ndim else array for name, array in sorted(arrays.items())}


def write_documents(
    dossier: Dossier, candidate: CandidateFile, config: dict[str, Any], renderer: Renderer, folder: Path
) -> None:
    """Templates of the runtime, the manifest, and the checksums of everything."""
    view = {"dossier": dossier, "candidate": candidate, "config": config, "golden": GOLDEN}
    for name in renderer.templates(dossier.runtime):
        (folder / name).write_text(renderer.render(f"{dossier.runtime}/{name}.j2", view), encoding="utf-8")
    (folder / MANIFEST).write_text(manifest(dossier, candidate, config, sums(folder)), encoding="utf-8")
    lines = [f"{digest}  {name}\n" for name, digest in sums(folder).items()]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def sums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder by POSIX path, sorted."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files}


def sha256(path: Path) -> str:
    """Hex digest of a file, streamed."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class ArchivePackage(Step):
    """The package as one `.tar.gz` whose bytes depend on the files alone: no dates, no owners, names in order."""

    version: ClassVar[int] = 1
    filename: ClassVar[str] = "package.tar.gz"

    package: Artifact

    def run(self, work: Workspace) -> None:
        """Write the archive."""
        archive(work.path(self.package), work.output)


def archive(folder: Path, output: Path) -> None:
    """The work itself, over paths."""
    import gzip
    import tarfile

    with (
        output.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed,
        tarfile.open(mode="w", fileobj=packed, format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
            entry.size, entry.mode = path.stat().st_size, 0o644
            with path.open("rb") as content:
                tar.addfile(entry, content)
