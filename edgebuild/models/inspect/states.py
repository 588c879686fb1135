"""Inputs that are fed an output of the step before: held against the model, and the interface without them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from edgebuild.core.dossier import Loop, Tensor
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import DataError, Problem, did_you_mean
from edgebuild.models.inspect.facts import ModelFacts


class DropStates(Step):
    """Write `model.json` again without states: what is left is what samples give and metrics see."""

    version: ClassVar[int] = 1
    filename: ClassVar[str] = "model.json"

    model: Artifact
    """`model.json`."""
    loop: Loop

    def run(self, work: Workspace) -> None:
        """Raises: DataError: a state's input or output is not there or the two differ; all that are wrong."""
        facts = ModelFacts.model_validate_json(work.path(self.model).read_bytes())
        problems = wrong(self.loop, facts)
        if problems:
            raise DataError(*problems)
        fed = set(self.loop.states.values())
        inputs = tuple(tensor for tensor in facts.inputs if tensor.name not in self.loop.states)
        outputs = tuple(tensor for tensor in facts.outputs if tensor.name not in fed)
        text = facts.model_copy(update={"inputs": inputs, "outputs": outputs}).model_dump_json(indent=1)
        work.output.write_text(text + "\n", encoding="utf-8")


def wrong(loop: Loop, facts: ModelFacts) -> list[Problem]:
    """Why a model cannot be run so, one problem for each input."""
    problems = []
    inputs, outputs = by_name(facts.inputs), by_name(facts.outputs)
    for name in (*loop.steps, *loop.states):
        if name not in inputs:
            problems.append(lacking(f"model.inputs.{name}", "input", name, list(inputs)))
    for name, output in loop.states.items():
        where = f"model.inputs.{name}.state"
        if output not in outputs:
            problems.append(lacking(where, "output", output, list(outputs)))
        elif name in inputs and not alike(inputs[name], outputs[output]):
            what = f"`{output}` is {shown(outputs[output])}, and `{name}` takes {shown(inputs[name])}."
            fix = "Name the output that has the state's next value; open axes get a size by `dims` and `shapes`."
            problems.append(Problem(where, what, fix))
    if not problems and set(outputs) <= set(loop.states.values()):
        what = "every output of the model is a state, so that nothing is left to judge."
        problems.append(Problem("model.inputs", what, "Export the model with an output that is its answer."))
    return problems


def by_name(tensors: Sequence[Tensor]) -> dict[str, Tensor]:
    """The tensors, to be found."""
    return {tensor.name: tensor for tensor in tensors}


def lacking(where: str, side: str, name: str, known: list[str]) -> Problem:
    """An input or output that the model has not."""
    what = f"the model has no {side} `{name}`{did_you_mean(name, known) or '.'}"
    return Problem(where, what, f"Its {side}s are {', '.join(f'`{item}`' for item in known)}.")


def alike(taken: Tensor, given: Tensor) -> bool:
    """Whether an output can be fed to an input: one type, and the same size of every axis where both say one."""
    sizes = zip(taken.shape, given.shape, strict=False)
    same = all(isinstance(a, str) or isinstance(b, str) or a == b for a, b in sizes)
    return taken.dtype == given.dtype and len(taken.shape) == len(given.shape) and same


def shown(tensor: Tensor) -> str:
    """`float32 [2, 1, 128]`."""
    return f"{tensor.dtype} [{', '.join(map(str, tensor.shape))}]"
