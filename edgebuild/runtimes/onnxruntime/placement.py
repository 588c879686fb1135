"""Hold a model to its providers: refuse where this build lacks one, or where operators would fall back."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import ClassVar

from edgebuild.core.dossier import Call
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused, words_of
from edgebuild.runtimes.account import tally

BY = "onnxruntime"


class HoldToProviders(Step):
    """Hand on a model that runs on the providers as asked for, unchanged."""

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("onnxruntime", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    # What a provider takes depends on the hardware.
    portable: ClassVar[bool] = False
    hands_on: ClassVar[bool] = True

    model: Artifact
    call: Call
    fallback: bool
    """Whether operators may run on the processor although it was not asked for."""

    def output_name(self) -> str:
        """The model's own."""
        return self.model.filename

    def run(self, work: Workspace) -> None:
        """Raises: Refused: a provider is not in this build, or leaves operators to the processor."""
        model = work.path(self.model)
        hold(model, self.call, self.fallback)
        if model.is_dir():
            shutil.copytree(model, work.output)
        else:
            shutil.copyfile(model, work.output)


def hold(model: Path, call: Call, fallback: bool) -> None:
    """The work itself.

    Raises:
        Refused: see `HoldToProviders.run`.
    """
    from edgebuild.runtimes.onnxruntime import session

    lacking, present = session.lacking(call.options)
    if lacking:
        raise Refused(
            by=BY,
            why=f"the build that is installed here has no {', '.join(lacking)}; it has {', '.join(present)}.",
            fix="Install a build of ONNX Runtime that has it, name the device that has it, or change `providers`.",
            kind="not applicable",
        )
    if fallback:
        return
    with words_of(BY):
        left = session.on_processor(str(model), call.options)
    if left:
        first = call.options["providers"][0]
        name = first if isinstance(first, str) else first[0]
        raise Refused(
            by=BY,
            why=f"{name} leaves {tally(dict(Counter(left)))} to the processor, and `fallback: refuse` forbids it.",
            fix="Change these operators, or write `fallback: count`.",
        )
