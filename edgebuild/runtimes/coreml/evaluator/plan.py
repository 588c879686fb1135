"""A function of a MIL program as steps; everything that does not depend on an input is computed here, once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from edgebuild.runtimes.coreml.evaluator import weights
from edgebuild.runtimes.coreml.evaluator.control import branch, label, loop, reader, writer
from edgebuild.runtimes.coreml.evaluator.halves import lost
from edgebuild.runtimes.coreml.evaluator.steps import Kind, Step, Values, free, lean
from edgebuild.runtimes.coreml.evaluator.table import EXACT, OPERATORS, PLANNED, PREPARED, REFUSED
from edgebuild.runtimes.coreml.library import types

Single = list[tuple[str, int]]
Many = list[tuple[str, list[int]]]


class Plan:
    """Steps of a program and the constants they start from."""

    def __init__(self, function: Any, threads: int, states: dict[str, np.ndarray]) -> None:
        """Plan a function.

        Args:
            function: of MIL.
            threads: of convolution kernels.
            states: by name, changed while running.

        Raises:
            ValueError: the program has operators that the evaluator lacks; all of them are named.
        """
        self.threads, self.states = threads, states
        self.base: Values = []
        self.known: dict[int, Any] = {}
        self.places: dict[int, int] = {}
        self.names: dict[int, str] = {}
        """MIL's name of the variable at each place."""
        complain(Counter(op.op_type for op in every(function)))
        self.inputs = {name: (self.place(var), self.kind(var)) for name, var in function.inputs.items()}
        steps = self.block(function)
        self.outputs = [(var.name, self.place(var)) for var in function.outputs]
        wanted = {place for _, place in self.outputs}
        self.steps = lean(steps, wanted)
        free(self.steps, wanted)
        # The steps hold the constants they need; a convolution holds its own copy of the weight.
        self.known, self.places = {}, {}

    def run(self, inputs: dict[str, Any]) -> Values:
        """Values at every place that was not freed, from inputs by MIL's names."""
        values = self.entered(inputs)
        for step in self.steps:
            step.run(values)
        return values

    def timed(self, inputs: dict[str, Any]) -> list[float]:
        """Microseconds of each step in one run."""
        values, spent = self.entered(inputs), []
        for step in self.steps:
            began = time.perf_counter_ns()
            step.run(values)
            spent.append((time.perf_counter_ns() - began) / 1000)
        return spent

    def entered(self, inputs: dict[str, Any]) -> Values:
        """Values before the first step."""
        values = self.base.copy()
        for name, value in inputs.items():
            place, kind = self.inputs[name]
            # Rounding overwrites, and the array is the caller's.
            values[place] = kind.settled(np.array(value) if kind.rounds else value)
        return values

    def block(self, block: Any) -> list[Step]:
        """Steps of a block."""
        found = (self.step(op) for op in block.operations if not stored(op))
        return [step for step in found if step is not None]

    def step(self, op: Any) -> Step | None:
        """The step of an operator, None where its results are known already."""
        kinds = [self.kind(var, op.op_type) for var in op.outputs]
        if op.op_type in PLANNED:
            return self.planned(op, kinds)
        constants, single, many = self.arguments(op)
        if not single and not many:
            found = self.function(op.op_type, constants)()
            self.remember(op, [found] if len(op.outputs) == 1 else found, kinds)
            return None
        if all(var.val is not None for var in op.outputs):
            # A shape that does not depend on the input.
            self.remember(op, [weights.plain(var.val) for var in op.outputs], kinds)
            return None
        outputs = [self.place(var) for var in op.outputs]
        call, loses = self.function(op.op_type, constants), any(map(lost, constants.values()))
        return Step(op.name, op.op_type, call, single, many, outputs, kinds, loses=loses)

    def function(self, op: str, constants: dict[str, Any]) -> Callable[..., Any]:
        """An operator with its constants."""
        if op in PREPARED:
            return PREPARED[op](self.threads, constants)
        plain = OPERATORS[op]
        return (lambda **given: plain(**constants, **given)) if constants else plain

    def arguments(self, op: Any) -> tuple[dict[str, Any], Single, Many]:
        """Inputs of an operator: constants by name, and places by name."""
        constants: dict[str, Any] = {}
        single: Single = []
        many: Many = []
        for name, given in op.inputs.items():
            if given is None:
                continue
            several = isinstance(given, (list, tuple))
            values = [self.value(var) for var in given] if several else [self.value(given)]
            if all(value is not None for value in values):
                constants[name] = values if several else values[0]
            elif several:
                many.append((name, [self.place(var) for var in given]))
            else:
                single.append((name, self.place(given)))
        return constants, single, many

    def planned(self, op: Any, kinds: list[Kind]) -> Step:
        """The step of an operator of `control.py`."""
        outputs = [self.place(var) for var in op.outputs]
        if op.op_type in ("cond", "while_loop"):
            return self.blocks(op, outputs, kinds)
        if op.op_type == "classify":
            taken = [("probabilities", self.place(op.inputs["probabilities"]))]
            return Step(op.name, op.op_type, label(list(op.inputs["classes"].val)), taken, [], outputs, kinds)
        if op.op_type == "read_state":
            call = reader(self.states, op.inputs["input"].name)
            return Step(op.name, op.op_type, call, [], [], outputs, kinds)
        call = writer(self.states, op.inputs["state"].name)
        taken = [("value", self.place(op.inputs["value"]))]
        return Step(op.name, op.op_type, call, taken, [], outputs, kinds, lasting=True)

    def blocks(self, op: Any, outputs: list[int], kinds: list[Kind]) -> Step:
        """The step of an operator with blocks inside, whose values lie among the others."""
        variables = [[self.place(var) for var in block.inputs] for block in op.blocks]
        blocks = [(self.block(block), [self.place(var) for var in block.outputs]) for block in op.blocks]
        inner = [step for steps, _ in blocks for step in steps]
        within = {place for _, ends in blocks for place in ends}.union(*(step.reads() for step in inner))
        single, many = [], []
        if op.op_type == "cond":
            call, single = branch(blocks), [("pred", self.place(op.inputs["pred"]))]
        else:
            call = loop(blocks, variables)
            many = [("loop_vars", [self.place(var) for var in op.inputs["loop_vars"]])]
        lasting = any(step.lasting for step in inner)
        return Step(op.name, op.op_type, call, single, many, outputs, kinds, sees=True, within=within, lasting=lasting)

    def value(self, var: Any) -> Any:
        """A constant, None for what is known only at run time."""
        if id(var) not in self.known:
            self.known[id(var)] = weights.constant(var) if var.op is not None and stored(var.op) else None
        return self.known[id(var)]

    def remember(self, op: Any, found: Iterable[Any], kinds: list[Kind]) -> None:
        """Keep results that are the same in every run."""
        for var, kind, value in zip(op.outputs, kinds, found, strict=True):
            self.known[id(var)] = kind.settled(value)

    def place(self, var: Any) -> int:
        """Number of a variable's place; a constant lies there from the start."""
        if id(var) not in self.places:
            self.places[id(var)] = len(self.base)
            self.names[len(self.base)] = var.name
            self.base.append(self.value(var))
        return self.places[id(var)]

    def kind(self, var: Any, op: str = "") -> Kind:
        """What a variable holds, rounded to float16 unless its operator is exact."""
        if not (types.is_tensor(var.sym_type) or types.is_scalar(var.sym_type)) or var.dtype == types.str:
            return Kind(None, False)
        half = var.dtype == types.fp16
        return Kind(np.dtype(np.float32 if half else types.nptype_from_builtin(var.dtype)), half and op not in EXACT)


def stored(op: Any) -> bool:
    """Whether an operator is a constant, compressed or not."""
    return bool(op.op_type == "const" or op.op_type.startswith("constexpr_"))


def every(block: Any) -> Iterator[Any]:
    """Operators of a block and of the blocks inside."""
    for op in block.operations:
        yield op
        for inner in op.blocks:
            yield from every(inner)


def complain(found: Counter[str]) -> None:
    """Name every operator that cannot be evaluated.

    Raises:
        ValueError: there is one.
    """
    known = OPERATORS.keys() | PREPARED.keys() | PLANNED | {"const"}
    missing = [op for op in sorted(found) if op not in known and not op.startswith("constexpr_")]
    if missing:
        words = [f"{op} ({found[op]}): {REFUSED.get(op, 'not in its table')}" for op in missing]
        raise ValueError(f"the evaluator lacks operators of this program: {'; '.join(words)}")
