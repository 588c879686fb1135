"""One recipe on one target, as wires."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from edgebuild.compress.base import Found
from edgebuild.core.dossier import Call
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused


@dataclass(frozen=True)
class CandidatePlan:
    """One recipe on one target, as wires."""

    name: str
    words: str
    """What it becomes on this runtime."""
    required: bool
    changes: int
    """Stages, and one more for a model of the user's own."""
    recipe: str
    """Digest of what it is made by."""
    made: Artifact
    """As its recipe makes it here; `model` where no lock holds other bytes."""
    model: Artifact
    call: Call
    predictions: dict[str, Artifact]
    memory: Artifact | None
    account: Artifact
    layers: Artifact | None = None
    """Layer by layer, where a budget asks how near it is to the source."""
    config: dict[str, Any] = field(default_factory=dict)
    """The runtime's options in its own words, for the package."""
    beside: Artifact | None = None
    """Folder of files that ship with it."""
    found: Found | None = None
    """The search that it comes from, where there was one."""
    told: tuple[Artifact, ...] = ()
    """Files with `words` of what was done, known once they are made."""
    refusal: Refused | None = None
    """Known before any work."""
