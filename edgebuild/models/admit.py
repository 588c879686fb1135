"""The gate before any candidate is made: the samples fit, the source predicts, the interface is the model's own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import ClassVar

from edgebuild.core.dossier import Tensor
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused
from edgebuild.models.inspect.facts import ModelFacts


class AdmitSource(Step):
    """Hand the model on, unchanged, once the proofs are there; the reader's key holds the model's bytes alone."""

    version: ClassVar[int] = 1
    inline: ClassVar[bool] = True

    model: Artifact
    proofs: tuple[Artifact, ...] = ()
    """Outputs of checks; that they exist is all that counts."""
    same: tuple[Artifact, ...] = ()
    """`model.json` of the spec's model, then of the one that must have the same interface."""

    def output_name(self) -> str:
        """The name of what is admitted."""
        return self.model.filename

    def run(self, work: Workspace) -> None:
        """Raises: Refused: a model of the user's own has other inputs or outputs than the spec's."""
        if self.same:
            spec, own = (ModelFacts.model_validate_json(work.path(item).read_bytes()) for item in self.same)
            refuse_other(spec, own)
        copy(work.path(self.model), work.output)


def copy(source: Path, target: Path) -> None:
    """A file or folder."""
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)


def refuse_other(spec: ModelFacts, own: ModelFacts) -> None:
    """Raises: Refused: every input and output that differs."""
    wrong = [*differences("input", spec.inputs, own.inputs), *differences("output", spec.outputs, own.outputs)]
    if wrong:
        raise Refused(
            by="the interface check",
            why=f"a candidate needs the interface of `model.source`, but {'; '.join(wrong)}.",
            fix="Export it with the same names, types and shapes.",
        )


def differences(side: str, spec: tuple[Tensor, ...], own: tuple[Tensor, ...]) -> list[str]:
    """Each input or output that is missing, added or different, as a phrase."""
    theirs = {tensor.name: tensor for tensor in own}
    found = [f"it has an {side} `{name}` more" for name in theirs if name not in {tensor.name for tensor in spec}]
    for tensor in spec:
        other = theirs.get(tensor.name)
        if other is None:
            found.append(f"it has no {side} `{tensor.name}`")
        elif other.dtype != tensor.dtype or not fits(tensor.shape, other.shape):
            found.append(f"its {side} `{tensor.name}` is {shown(other)} instead of {shown(tensor)}")
    return found


def fits(wanted: tuple[int | str, ...], has: tuple[int | str, ...]) -> bool:
    """Whether two shapes agree where both say a size."""
    if len(wanted) != len(has):
        return False
    return all(isinstance(a, str) or isinstance(b, str) or a == b for a, b in zip(wanted, has, strict=True))


def shown(tensor: Tensor) -> str:
    """`float32 [1, 28, 28, 1]`."""
    return f"{tensor.dtype} [{', '.join(str(size) for size in tensor.shape)}]"
