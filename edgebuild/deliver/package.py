"""What a target ships: the model, how to load it, golden samples, the manifest; and its reproducible archive."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from edgebuild.core.dossier import CandidateFile, Dossier
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact, Attempt, Refusal
from edgebuild.deliver.golden import Golden, write_golden, write_raw
from edgebuild.deliver.manifest import MANIFEST, SUMS, describe, to_json
from edgebuild.deliver.package_view import LABELS, package_view
from edgebuild.errors import Problem, Refused, SpecError
from edgebuild.render import Renderer

UNLISTABLE = re.compile(r"[\\\x00-\x1f\x7f]")
"""`sha256sum` escapes these."""


class AssemblePackage(Step):
    """A folder with the chosen candidate, or with the nearest miss where the verdicts are not met.

    Beside the model: every template of the runtime's folder, rendered; `golden/inputs.npz` and `golden/outputs.npz`;
    `labels.txt` where there are labels; the user's files; `manifest.json`; `SHA256SUMS`.
    """

    version: ClassVar[int] = 5
    tools: ClassVar[tuple[str, ...]] = ("numpy", "jinja2")
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "package"

    dossier: Artifact
    models: tuple[Attempt, ...]
    """Aligned with the dossier's candidates."""
    predictions: tuple[Attempt, ...]
    """On `report`, aligned with the dossier's candidates."""
    beside: tuple[Attempt, ...] = ()
    """Folders of files that ship with a candidate, aligned with the dossier's; empty where the runtime has none."""
    samples: Artifact
    """The samples of `report`."""
    config: dict[str, Any] = {}
    """Options in the runtime's own words, for its configuration file."""
    raw: bool = False
    """Whether the golden samples lie there as plain numbers too."""
    configs: tuple[dict[str, Any], ...] = ()
    """The same for each candidate, aligned with the dossier's, where they differ."""
    files: dict[str, Artifact] = {}
    """Files and folders of the user's by their name in the package."""
    templates: Artifact | None = None
    """The user's own templates."""
    shipped: str = ""
    """Digest of the templates that ship with edgebuild: an edited one renders again."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: no candidate could be made. SpecError: a template or file of the user's is wrong."""
        dossier = Dossier.model_validate_json(work.path(self.dossier).read_bytes())
        row = shipped_row(dossier)
        config = self.configs[row] if self.configs else self.config
        candidate = dossier.candidates[row]
        model, predicted = made(work, self.models[row]), made(work, self.predictions[row])
        work.output.mkdir()
        place(model, work.output / candidate.filename)
        if self.beside:
            place_files({path.name: path for path in made(work, self.beside[row]).iterdir()}, work.output)
        golden = write_golden(dossier, candidate, work.path(self.samples), predicted, work.output)
        if self.raw:
            write_raw(golden, work.output)
        if dossier.labels:
            (work.output / LABELS).write_text("\n".join(dossier.labels) + "\n", encoding="utf-8")
        renderer = Renderer(work.path(self.templates) if self.templates else None)
        write_documents(renderer, dossier.runtime, package_view(dossier, candidate, config, golden), work.output)
        place_files({name: work.path(artifact) for name, artifact in self.files.items()}, work.output)
        seal(dossier, candidate, config, golden, work.output)


def shipped_row(dossier: Dossier) -> int:
    """Which candidate is packaged.

    Raises:
        Refused: none was made.
    """
    if dossier.judged is None:
        raise Refused(by="package", why="no candidate of this target could be made.", kind="not applicable")
    return [item.name for item in dossier.candidates].index(dossier.judged)


def made(work: Workspace, attempt: Attempt) -> Path:
    """An input that the package cannot do without.

    Raises:
        Refused: it was not made, in the words of who declined it.
    """
    found = work.attempt(attempt)
    if isinstance(found, Refusal):
        raise Refused(by=found.by, why=found.why, fix=found.fix, kind=found.kind)
    return found


def place(source: Path, target: Path) -> None:
    """Copy a file or folder without its modes: what comes from the store is read-only."""
    if not source.is_dir():
        shutil.copyfile(source, target)
        return
    target.mkdir()
    for item in sorted(source.iterdir()):
        place(item, target / item.name)


def place_files(files: Mapping[str, Path], folder: Path) -> None:
    """Put the user's files beside the package's own.

    Raises:
        SpecError: names that the package has itself; all at once.
    """
    taken = [name for name in files if name in (MANIFEST, SUMS) or (folder / name).exists()]
    if taken:
        fix = "Rename the file; what is rendered from a template is replaced through `package.templates`."
        raise SpecError(*(Problem("package.files", f"every package has a `{name}` of its own.", fix) for name in taken))
    for name, source in files.items():
        place(source, folder / name)


def write_documents(renderer: Renderer, runtime: str, view: Mapping[str, Any], folder: Path) -> None:
    """Every template of the runtime's folder.

    Raises:
        SpecError: a template of the user's is wrong, or has the name of a file that is no document.
    """
    names = renderer.templates(runtime)
    taken = [name for name in names if name in (MANIFEST, SUMS) or (folder / name).exists()]
    if taken:
        what = "would replace a file that the package is checked by."
        raise SpecError(*(Problem(f"templates/{runtime}/{name}.j2", what, "Rename the template.") for name in taken))
    for name in names:
        (folder / name).write_text(renderer.render(f"{runtime}/{name}.j2", view), encoding="utf-8")


def seal(dossier: Dossier, candidate: CandidateFile, config: Mapping[str, Any], golden: Golden, folder: Path) -> None:
    """Write the manifest and the checksums of everything."""
    digests = checksums(folder)
    text = to_json(describe(dossier, candidate, config, golden, digests))
    (folder / MANIFEST).write_text(text, encoding="utf-8")
    digests[MANIFEST] = sha256(folder / MANIFEST)
    lines = [f"{digest}  {name}\n" for name, digest in sorted(digests.items())]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 in hex of every file below a folder by POSIX path, sorted; without the list of them itself.

    Raises:
        SpecError: a name that a line of `sha256sum` cannot hold.
    """
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    odd = [name for name in names if UNLISTABLE.search(name)]
    if odd:
        fix = f"Rename it: no line of {SUMS} can hold that name."
        what = "has a backslash or a control character in its name."
        raise SpecError(*(Problem(f"package.files: {name!r}", what, fix) for name in odd))
    return {name: sha256(folder / name) for name in names if name != SUMS}


def sha256(path: Path) -> str:
    """Hex digest of a file, streamed."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class ArchivePackage(Step):
    """The package as one `.tar.gz` whose bytes depend on the files alone: no dates, no owners, names in order."""

    version: ClassVar[int] = 2
    filename: ClassVar[str] = "package.tar.gz"
    # Builds of zlib compress to different bytes.
    portable: ClassVar[bool] = False

    package: Artifact

    def run(self, work: Workspace) -> None:
        """Write the archive; it unpacks to one folder, named by what it is and for which target."""
        folder = work.path(self.package)
        archive(folder, work.output, root_name((folder / MANIFEST).read_text(encoding="utf-8")))


def root_name(manifest: str) -> str:
    """`digits-1.2.0-here`, from the manifest's text."""
    import json

    content = json.loads(manifest)
    return re.sub(r"[^\w.+-]", "-", "-".join(str(content[key]) for key in ("name", "release", "target")))


def archive(folder: Path, output: Path, root: str) -> None:
    """The work itself, over paths; `root` is the folder that the archive unpacks to."""
    import gzip
    import tarfile

    with (
        output.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed,
        tarfile.open(mode="w", fileobj=packed, format=tarfile.PAX_FORMAT) as tar,
    ):
        for name in sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()):
            entry = tarfile.TarInfo(f"{root}/{name}")
            entry.size, entry.mode = (folder / name).stat().st_size, 0o644
            with (folder / name).open("rb") as content:
                tar.addfile(entry, content)
