"""ONNX Runtime's own file format, which minimal builds for phones load, and the operators that such a build needs."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import words_of

BY = "onnxruntime.tools.convert_onnx_models_to_ort"
LEVEL = "ORT_CONVERT_ONNX_MODELS_TO_ORT_OPTIMIZATION_LEVEL"
"""How the tool is told how far to rewrite the graph."""
LEVELS = {"all": "all", "extended": "extended", "basic": "basic", "none": "disable"}
CONFIG = "required_operators.config"


class ConvertToOrt(Step):
    """The same model as ONNX Runtime writes it after rewriting the graph; a minimal build rewrites nothing itself.

    Kernels with blocked channels (NCHWc), which ARM has none of, are left out.
    """

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("onnxruntime", "onnx", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "model.ort"
    # Rewriting beyond `extended` depends on the machine.
    portable: ClassVar[bool] = False
    # It writes its tables in the order of their hashes: two calls give other bytes, for the same graph.
    deterministic: ClassVar[bool] = False

    model: Artifact
    optimization: str

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the tool declines the model."""
        convert(work.path(self.model), self.optimization, work.output)


def convert(model: Path, optimization: str, output: Path) -> None:
    """The work itself, over paths and values."""
    from edgebuild.runtimes.onnxruntime.session import whole

    with words_of(BY), tempfile.TemporaryDirectory(prefix="ort-") as folder, quiet():
        from onnxruntime.tools.convert_onnx_models_to_ort import OptimizationStyle, convert_onnx_models_to_ort

        before = os.environ.get(LEVEL)
        os.environ[LEVEL] = LEVELS[optimization]
        try:
            convert_onnx_models_to_ort(Path(whole(str(model))), Path(folder), [OptimizationStyle.Fixed])
        finally:
            os.environ.pop(LEVEL) if before is None else os.environ.update({LEVEL: before})
        shutil.copyfile(next(Path(folder).rglob("*.ort")), output)


class WriteRequiredOperators(Step):
    """`required_operators.config`: what ONNX Runtime's build takes as `--include_ops_by_config`."""

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("onnxruntime", "onnx", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "operators"

    model: Artifact
    """In ONNX Runtime's own format."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the tool declines the model."""
        work.output.mkdir()
        write_required(work.path(self.model), work.output / CONFIG)


def write_required(model: Path, output: Path) -> None:
    """The work itself, over paths; the line with the path of the model is left out."""
    with words_of("onnxruntime.tools.ort_format_model"), quiet():
        from onnxruntime.tools.ort_format_model import create_config_from_models

        create_config_from_models([model], output, enable_type_reduction=False)
    lines = output.read_text(encoding="utf-8").splitlines(keepends=True)
    output.write_text("".join(line for line in lines if not line.startswith("#")), encoding="utf-8")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Leave out what the tools print."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
