"""`manifest.json`: what is in a package, by name and digest, and every number that stands behind it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError

from edgebuild.core.dossier import Account, Call, CandidateFile, Dossier, Sequence, Tensor
from edgebuild.core.evidence import Measurement, Verdict
from edgebuild.core.records import Record
from edgebuild.deliver.golden import Golden
from edgebuild.errors import Problem

MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
FORMAT = 1
"""Raised when a reader of older manifests could be misled."""


class Manifest(Record):
    """A package, described."""

    manifest: int
    """Version of this format."""
    name: str
    release: str
    target: str
    device: str
    runtime: str
    passed: bool
    """Whether every budget is met; a nearest miss says false."""
    candidate: str
    recipe: str
    model: str
    """The file or folder to load."""
    model_digest: str
    source: str
    source_digest: str
    data_digest: str
    versions: dict[str, str]
    """Distributions that made and ran the model."""
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    sequence: Sequence | None = None
    """Of a model that sees one step at a time: what is fed back, and from where."""
    interface: dict[str, Any]
    labels: tuple[str, ...]
    call: Call
    """How edgebuild loads it."""
    config: dict[str, Any]
    """Options in the runtime's own words."""
    golden: Golden
    measurements: tuple[Measurement, ...]
    ratio: dict[str, tuple[float, float, float]]
    """Latency quantity to median, low and high of its ratio to the source within one run."""
    account: Account | None
    verdicts: tuple[Verdict, ...]
    files: dict[str, str]
    """Digest of every other file by POSIX path."""


def describe(
    dossier: Dossier, candidate: CandidateFile, config: Mapping[str, Any], golden: Golden, files: Mapping[str, str]
) -> Manifest:
    """The manifest of a package.

    Args:
        dossier: of the target.
        candidate: the one in the package.
        config: options in the runtime's own words.
        golden: of the package.
        files: SHA-256 in hex of every other file by path.
    """
    return Manifest(
        manifest=FORMAT,
        **{name: getattr(dossier, name) for name in FROM_DOSSIER},
        candidate=candidate.name,
        recipe=candidate.recipe,
        sequence=as_kept(dossier.sequence, golden.kept),
        model=candidate.filename,
        model_digest=candidate.digest,
        config=dict(config),
        golden=golden,
        measurements=candidate.measurements,
        ratio=candidate.ratio,
        account=candidate.account,
        files={name: f"sha256:{digest}" for name, digest in files.items()},
    )


def as_kept(sequence: Sequence | None, kept: Collection[str]) -> Sequence | None:
    """The sequence as one package has it: with the states marked that its runtime keeps itself."""
    if sequence is None or not kept:
        return sequence
    states = tuple(state.model_copy(update={"kept": state.input.name in kept}) for state in sequence.states)
    return sequence.model_copy(update={"states": states})


FROM_DOSSIER = (
    "name", "release", "target", "device", "runtime", "passed", "source", "source_digest", "data_digest", "versions",
    "inputs", "outputs", "interface", "labels", "call", "verdicts",
)  # fmt: skip


def to_json(manifest: Manifest) -> str:
    """Indented JSON; fields of measurements and verdicts that say nothing are left out."""
    return manifest.model_dump_json(indent=1, exclude_defaults=True) + "\n"


def from_json(text: str) -> tuple[Manifest | None, list[Problem]]:
    """The manifest, or everything that is wrong with it."""
    again = "Take the package from the build again."
    try:
        content = json.loads(text)
    except ValueError as error:
        return None, [Problem(MANIFEST, f"is no JSON: {error}.", again)]
    number = content.get("manifest") if isinstance(content, dict) else None
    if number != FORMAT:
        fix = "Verify it with the edgebuild that made it, or build it again."
        return None, [Problem(MANIFEST, f"has the format {number}; this edgebuild reads {FORMAT}.", fix)]
    try:
        return Manifest.model_validate_json(text), []
    except ValidationError as error:
        wrong = [(".".join(map(str, item["loc"])), item["msg"]) for item in error.errors()]
        return None, [Problem(f"{MANIFEST}: {where}", f"{what}.", again) for where, what in wrong]
