"""`manifest.json`: what is in a package, by name and digest, and every number that stands behind it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from edgebuild.core.dossier import CandidateFile, Dossier

MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
FORMAT = 1
"""Raised when a reader of older manifests could be misled."""

EXACT = 1e-3
REDUCED = 5e-2
"""Largest difference between golden and found, as a part of the largest golden value of that output. Float32 kernels
of other instruction sets sum in another order; with fewer bits a value at the edge of a step falls on either side."""


def manifest(dossier: Dossier, candidate: CandidateFile, config: Mapping[str, Any], digests: Mapping[str, str]) -> str:
    """The manifest as indented JSON.

    Args:
        dossier: of the target.
        candidate: the one in the package.
        config: options in the runtime's own words.
        digests: SHA-256 of every other file by path.
    """
    content = {
        "manifest": FORMAT,
        "name": dossier.name,
        "release": dossier.release,
        "target": dossier.target,
        "device": dossier.device,
        "runtime": dossier.runtime,
        "passed": dossier.passed,
        "candidate": candidate.name,
        "recipe": candidate.recipe,
        "model": candidate.filename,
        "model_digest": candidate.digest,
        "source": dossier.source,
        "source_digest": dossier.source_digest,
        "data_digest": dossier.data_digest,
        "versions": dossier.versions,
        "inputs": [tensor.model_dump(mode="json") for tensor in dossier.inputs],
        "outputs": [tensor.model_dump(mode="json") for tensor in dossier.outputs],
        "interface": dossier.interface,
        "labels": list(dossier.labels),
        "call": dossier.call.model_dump(mode="json"),
        "config": config,
        "golden": {"inputs": "golden/inputs.npz", "outputs": "golden/outputs.npz", "tolerance": tolerance(candidate)},
        "measurements": [item.model_dump(mode="json", exclude_defaults=True) for item in candidate.measurements],
        "verdicts": [item.model_dump(mode="json", exclude_defaults=True) for item in dossier.verdicts],
        "files": dict(digests),
    }
    return json.dumps(content, indent=1, ensure_ascii=False, sort_keys=False) + "\n"


def tolerance(candidate: CandidateFile) -> float:
    """Of the golden outputs (see `EXACT` and `REDUCED`)."""
    account = candidate.account
    whole = account is not None and not account.integer_ops + account.conversions and "16" not in candidate.recipe
    return EXACT if whole else REDUCED
