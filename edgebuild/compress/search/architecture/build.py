"""One network of a space, with fresh weights, and what it costs on paper."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any, ClassVar

from edgebuild.compress.search.architecture.space import Choices
from edgebuild.compress.train.students import Start, save_canonical
from edgebuild.core.dossier import Tensor
from edgebuild.core.step import Workspace
from edgebuild.core.wires import Artifact, UserCode
from edgebuild.errors import Problem, Refused, UserCodeError, words_of

START, COST = "start.keras", "cost.json"
"""Members of what a build writes."""


class BuildNetwork(Start):
    """Write a folder: the network as `start.keras`, and `cost.json` with its `macs` (null where open) and `weights`."""

    version: ClassVar[int] = 1
    filename: ClassVar[str] = "network"

    facts: Artifact
    """`model.json` of the spec's model, whose interface the network must have."""
    space: str
    """Name of a built-in one; that of the user's function where `code` is given."""
    code: UserCode | None = None
    choices: Choices

    def run(self, work: Workspace) -> None:
        """Raises: Refused: no such network can be. UserCodeError: the user's function raised, or made no model."""
        build_network(work.path(self.facts), self.space, self.code, self.choices, self.seed, work.output)


def build_network(facts: Path, space: str, code: UserCode | None, choices: Choices, seed: int, output: Path) -> None:
    """The work itself, over paths and values."""
    import keras

    from edgebuild.models.inspect.facts import ModelFacts
    from edgebuild.models.inspect.keras_facts import macs

    # Layers without names are numbered within a process.
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    known = ModelFacts.model_validate_json(facts.read_bytes())
    made = of_user(code, choices, seed) if code is not None else built_in(space, choices, known.inputs, known.outputs)
    leaves = [item for item in made._flatten_layers(include_self=False) if not hasattr(item, "layers")]
    output.mkdir(parents=True)
    save_canonical(made, output / START)
    cost = {"macs": macs(leaves), "weights": int(made.count_params())}
    (output / COST).write_text(json.dumps(cost) + "\n", encoding="utf-8")


def built_in(space: str, choices: Choices, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> Any:
    """A network of ours for this interface.

    Raises:
        Refused: it has several inputs or outputs, or none that a classifier has.
    """
    from edgebuild.compress.search.architecture.builtin import OWN, network

    if len(inputs) != 1 or len(outputs) != 1:
        why = f"built-in spaces have one input and one output, the model {len(inputs)} and {len(outputs)}."
        raise Refused(by="search", why=why, fix=OWN, kind="not applicable")
    with words_of("keras"):
        return network(space, choices, inputs[0], outputs[0])


def of_user(code: UserCode, choices: Choices, seed: int) -> Any:
    """What the user's function makes of the choices."""
    import keras

    from edgebuild.data.usercode import load

    build = load(code)
    wants = "seed" in inspect.signature(build).parameters
    made = build(dict(choices), seed=seed) if wants else build(dict(choices))
    if not isinstance(made, keras.Model) or not getattr(made, "inputs", None):
        what = f"returned {type(made).__name__}, no Keras model with inputs and outputs."
        raise UserCodeError(Problem(f"{code.file}:{code.function}", what, "Return `keras.Model(inputs, outputs)`."))
    return made
