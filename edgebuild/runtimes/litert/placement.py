"""Hold a model to its delegates: refuse where one does not load here, or where operators would fall back."""

from __future__ import annotations

import shutil
from collections import Counter
from typing import ClassVar

from edgebuild.core.dossier import Call
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused, words_of
from edgebuild.runtimes.account import tally

BY = "litert"


class HoldToDelegates(Step):
    """Hand on a model that runs on the delegates as asked for, unchanged."""

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("ai-edge-litert", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "model.tflite"
    # What XNNPACK takes depends on the processor.
    portable: ClassVar[bool] = False
    hands_on: ClassVar[bool] = True

    model: Artifact
    call: Call
    first: str
    """The preferred one, as people know it."""
    fallback: bool
    """Whether operators may run on the built-in kernels although others are preferred."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: a delegate does not load here, or leaves operators to the built-in kernels."""
        hold(str(work.path(self.model)), self.call, self.first, self.fallback)
        shutil.copyfile(work.path(self.model), work.output)


def hold(model: str, call: Call, first: str, fallback: bool) -> None:
    """The work itself.

    Raises:
        Refused: see `HoldToDelegates.run`.
    """
    from edgebuild.runtimes.litert import session

    why = session.unloadable(call.options)
    if why:
        fix = "Install the library, name the device that has it, or change `providers`."
        raise Refused(by=BY, why=why, fix=fix, kind="not applicable")
    if fallback:
        return
    with words_of(BY):
        left = session.left_over(model, call.options)
    if left:
        raise Refused(
            by=BY,
            why=f"{first} leaves {tally(dict(Counter(left)))} to the built-in kernels, and `fallback: refuse` forbids "
            "it.",
            fix="Change these operators, or write `fallback: count`.",
        )
