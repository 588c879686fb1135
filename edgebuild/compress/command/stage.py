"""`command:` of a candidate: a program of the user's that turns a model into another of the same interface."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from edgebuild.compress.base import Compressor, Draft, Stage
from edgebuild.compress.command.step import AskTool, RunCommand
from edgebuild.core.graph import Lowering
from edgebuild.core.records import OutsideKey
from edgebuild.core.wires import FileDigest

MODEL = "{in}"


class Command(Stage):
    """Run a program on the model; no shell, in a folder and with a HOME of its own."""

    command: tuple[str, ...] = Field(min_length=1)
    """The program and its words; `{in}` is the model, `{out}` an empty folder."""
    output: str = Field(min_length=1)
    """Glob below `{out}` that matches the one file it makes."""
    tools: tuple[str, ...] = ()
    """Programs whose `--version` counts in the key; the command's own where left out."""
    folder: Annotated[str, OutsideKey(), Field(exclude=True)] = ""
    """Of the spec."""
    files: tuple[FileDigest, ...] = ()
    """Words that are files of the user's, from that folder."""

    @field_validator("command")
    @classmethod
    def _given(cls, command: tuple[str, ...]) -> tuple[str, ...]:
        if not any(MODEL in word for word in command):
            raise ValueError(f"must have `{MODEL}` among its words: that is the model")
        return command

    @field_validator("output")
    @classmethod
    def _inside(cls, output: str) -> str:
        if output.startswith("/") or ".." in output.split("/"):
            raise ValueError(f"must be a glob below `{{out}}`, got `{output}`")
        return output

    def describe(self) -> str:
        """`vela …`."""
        return f"`{' '.join(self.command)}`"

    def lower(self, to: Lowering, draft: Draft, target: Compressor) -> Draft:  # noqa: ARG002 - it knows no runtime
        """Ask each tool for its version, in every build, and run the command where something is another."""
        own = {item.path for item in self.files}
        tools = [tool for tool in self.tools or self.command[:1] if tool not in own]
        step = RunCommand(
            model=draft.model,
            command=self.command,
            output=self.output,
            versions=tuple(to.add(AskTool(tool=tool), f"ask {tool} for its version") for tool in tools),
            folder=self.folder,
            files=self.files,
        )
        return draft.then(to.add(step, f"run {self.command[0]}"), self.describe())
