"""A block of a MIL program as steps over numbered places."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgebuild.runtimes.coreml.evaluator import weights
from edgebuild.runtimes.coreml.evaluator.halves import rounded
from edgebuild.runtimes.coreml.evaluator.table import EXACT, OPERATORS, PLANNED, PREPARED, REFUSED
from edgebuild.runtimes.coreml.library import types

Values = list[Any]
LOOPS = 1_000_000
"""Rounds after which a loop is taken to be endless."""


@dataclass(slots=True)
class Kind:
    """What a variable holds."""

    dtype: np.dtype[Any] | None
    """None for what is no tensor."""
    rounds: bool
    """To float16, after its operator."""

    def settled(self, value: Any) -> Any:
        """A value of this kind."""
        if self.dtype is None:
            return value
        array = np.asarray(value)
        if array.dtype != self.dtype:
            array = array.astype(self.dtype)
        return rounded(array) if self.rounds else array


@dataclass(slots=True)
class Step:
    """One operator, its constants bound."""

    name: str
    op: str
    call: Callable[..., Any]
    single: list[tuple[str, int]]
    many: list[tuple[str, list[int]]]
    outputs: list[int]
    kinds: list[Kind]
    within: set[int] = field(default_factory=set)
    """Places that its blocks read."""
    freed: list[int] = field(default_factory=list)
    lasting: bool = False
    """Whether it does more than to give values."""

    def run(self, values: Values) -> None:
        """Read the places, compute, write the places."""
        given = {name: values[place] for name, place in self.single}
        for name, places in self.many:
            given[name] = [values[place] for place in places]
        found = self.call(values, **given) if self.op in PLANNED else self.call(**given)
        if len(self.outputs) == 1:
            values[self.outputs[0]] = self.kinds[0].settled(found)
        else:
            for place, kind, value in zip(self.outputs, self.kinds, found, strict=True):
                values[place] = kind.settled(value)
        for place in self.freed:
            values[place] = None

    def reads(self) -> set[int]:
        """Every place it needs."""
        return {place for _, place in self.single} | {p for _, places in self.many for p in places} | self.within


class Plan:
    """Steps of a program and the constants they start from.

    Raises:
        ValueError: the program has operators that the evaluator lacks; all of them are named.
    """

    def __init__(self, function: Any, threads: int, states: dict[str, np.ndarray]) -> None:
        """Args: function: of MIL. threads: of convolution kernels. states: by name, changed while running."""
        self.threads, self.states = threads, states
        self.base: Values = []
        self.known: dict[int, Any] = {}
        self.places: dict[int, int] = {}
        complain(Counter(op.op_type for op in every(function)))
        self.inputs = {name: (self.place(var), self.kind(var)) for name, var in function.inputs.items()}
        self.outputs = [(var.name, self.place(var)) for var in function.outputs]
        wanted = {place for _, place in self.outputs}
        self.steps = lean(self.block(function), wanted)
        self.outputs = [(var.name, self.place(var)) for var in function.outputs]
        free(self.steps, {place for _, place in self.outputs})

    def run(self, inputs: dict[str, Any]) -> Values:
        """Values at every place that was not freed, from inputs by MIL's names."""
        values = self.base.copy()
        for name, value in inputs.items():
            place, kind = self.inputs[name]
            values[place] = kind.settled(value)
        for step in self.steps:
            step.run(values)
        return values

    def timed(self, inputs: dict[str, Any]) -> list[float]:
        """Microseconds of each step in one run."""
        values, spent = self.base.copy(), []
        for name, value in inputs.items():
            place, kind = self.inputs[name]
            values[place] = kind.settled(value)
        for step in self.steps:
            began = time.perf_counter_ns()
            step.run(values)
            spent.append((time.perf_counter_ns() - began) / 1000)
        return spent

    def block(self, block: Any) -> list[Step]:
        """Steps of a block; what depends on constants alone is computed now."""
        steps = []
        for op in block.operations:
            if op.op_type == "const" or op.op_type.startswith("constexpr_"):
                continue
            step = self.step(op)
            if step is not None:
                steps.append(step)
        return steps

    def step(self, op: Any) -> Step | None:
        """The step of an operator, None where its results are known already."""
        kinds = [self.kind(var, op.op_type) for var in op.outputs]
        constants, single, many = self.arguments(op)
        if op.op_type in PLANNED:
            return self.planned(op, kinds, single, many)
        if not single and not many:
            call = PREPARED[op.op_type](self.threads, constants) if op.op_type in PREPARED else None
            found = call() if call else OPERATORS[op.op_type](**constants)
            self.remember(op, [found] if len(op.outputs) == 1 else found, kinds)
            return None
        if all(var.val is not None for var in op.outputs):
            # A shape that does not depend on the input.
            self.remember(op, [weights.plain(var.val) for var in op.outputs], kinds)
            return None
        if op.op_type in PREPARED:
            call = PREPARED[op.op_type](self.threads, constants)
        else:
            call = bound(OPERATORS[op.op_type], constants)
        return Step(op.name, op.op_type, call, single, many, [self.place(var) for var in op.outputs], kinds)

    def arguments(self, op: Any) -> tuple[dict[str, Any], list[tuple[str, int]], list[tuple[str, list[int]]]]:
        """Inputs of an operator: constants by name, and places by name."""
        constants: dict[str, Any] = {}
        single: list[tuple[str, int]] = []
        many: list[tuple[str, list[int]]] = []
        for name, given in op.inputs.items():
            if given is None or name.startswith("_"):
                continue
            if isinstance(given, (list, tuple)):
                values = [self.value(var) for var in given]
                if all(value is not None for value in values):
                    constants[name] = values
                else:
                    many.append((name, [self.place(var) for var in given]))
                continue
            value = self.value(given)
            if value is None:
                single.append((name, self.place(given)))
            else:
                constants[name] = value
        return constants, single, many

    def planned(
        self, op: Any, kinds: list[Kind], single: list[tuple[str, int]], many: list[tuple[str, list[int]]]
    ) -> Step:
        """Operators that hold blocks, keep something, or end a classifier."""
        outputs = [self.place(var) for var in op.outputs]
        if op.op_type == "classify":
            place = self.place(op.inputs["probabilities"])
            return Step(op.name, op.op_type, label(op), [("probabilities", place)], [], outputs, kinds)
        if op.op_type in ("read_state", "coreml_update_state"):
            call, taken = self.state(op)
            return Step(op.name, op.op_type, call, taken, [], outputs, kinds, lasting=op.op_type != "read_state")
        blocks = [(self.block(block), [self.place(var) for var in block.outputs]) for block in op.blocks]
        step = Step(op.name, op.op_type, bool, [], [], outputs, kinds)
        if op.op_type == "cond":
            step.call, step.single = branch(blocks), [("pred", self.place(op.inputs["pred"]))]
        else:
            variables = [[self.place(var) for var in block.inputs] for block in op.blocks]
            step.call = loop(blocks, variables)
            step.many = [("loop_vars", [self.place(var) for var in op.inputs["loop_vars"]])]
        step.within = {p for steps, ends in blocks for p in ends} | {
            place for steps, _ in blocks for inner in steps for place in inner.reads()
        }
        step.lasting = any(inner.lasting for steps, _ in blocks for inner in steps)
        return step

    def state(self, op: Any) -> tuple[Callable[..., Any], list[tuple[str, int]]]:
        """Reading or writing one state."""
        reads = op.op_type == "read_state"
        name, states = op.inputs["input" if reads else "state"].name, self.states
        if reads:
            return (lambda values: states[name]), []

        def write(values: Values, value: Any) -> Any:  # noqa: ARG001 - as every planned operator is called
            states[name] = value
            return value

        return write, [("value", self.place(op.inputs["value"]))]

    def value(self, var: Any) -> Any:
        """A constant, None for what is known only at run time."""
        if id(var) not in self.known:
            source = None if var.op is None else var.op.op_type
            fixed = source is not None and (source == "const" or source.startswith("constexpr_"))
            self.known[id(var)] = weights.constant(var) if fixed else None
        return self.known[id(var)]

    def remember(self, op: Any, found: Iterable[Any], kinds: list[Kind]) -> None:
        """Keep results that are the same in every run."""
        for var, kind, value in zip(op.outputs, kinds, found, strict=True):
            self.known[id(var)] = kind.settled(value)
            if id(var) in self.places:
                self.base[self.places[id(var)]] = self.known[id(var)]

    def place(self, var: Any) -> int:
        """Number of a variable's place; a constant lies there from the start."""
        if id(var) not in self.places:
            self.places[id(var)] = len(self.base)
            self.base.append(self.value(var))
        return self.places[id(var)]

    def kind(self, var: Any, op: str = "") -> Kind:
        """What a variable holds, rounded to float16 unless its operator is exact."""
        if types.is_list(var.sym_type) or types.is_dict(var.sym_type) or types.is_state(var.sym_type):
            return Kind(None, False)
        if var.dtype == types.str:
            return Kind(None, False)
        half = var.dtype == types.fp16
        name = np.float32 if half else types.nptype_from_builtin(var.dtype)
        return Kind(np.dtype(name), half and op not in EXACT)


def bound(function: Callable[..., Any], constants: dict[str, Any]) -> Callable[..., Any]:
    """The function with some of its arguments."""
    if not constants:
        return function
    return lambda **given: function(**constants, **given)


def label(op: Any) -> Callable[..., Any]:
    """The best class and the probabilities in the order of the classes."""
    classes = list(op.inputs["classes"].val)

    def classify(values: Values, probabilities: np.ndarray) -> tuple[Any, np.ndarray]:  # noqa: ARG001 - as above
        flat = probabilities.reshape(-1)
        return classes[int(flat.argmax())], flat

    return classify


def branch(blocks: list[tuple[list[Step], list[int]]]) -> Callable[..., Any]:
    """One of two blocks."""

    def cond(values: Values, pred: Any) -> Any:
        steps, ends = blocks[0] if bool(np.asarray(pred).item()) else blocks[1]
        for step in steps:
            step.run(values)
        found = [values[place] for place in ends]
        return found[0] if len(found) == 1 else found

    return cond


def loop(blocks: list[tuple[list[Step], list[int]]], variables: list[list[int]]) -> Callable[..., Any]:
    """The second block as long as the first says so."""
    (test, (holds,)), (body, ends) = blocks

    def while_loop(values: Values, loop_vars: list[Any]) -> Any:
        for _ in range(LOOPS):
            for place, value in zip(variables[0], loop_vars, strict=True):
                values[place] = value
            for step in test:
                step.run(values)
            if not bool(np.asarray(values[holds]).item()):
                return loop_vars[0] if len(loop_vars) == 1 else loop_vars
            for place, value in zip(variables[1], loop_vars, strict=True):
                values[place] = value
            for step in body:
                step.run(values)
            loop_vars = [values[place] for place in ends]
        raise ValueError(f"a loop did not end in {LOOPS} rounds")

    return while_loop


def every(block: Any) -> Iterable[Any]:
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


def lean(steps: list[Step], wanted: set[int]) -> list[Step]:
    """Without steps whose values nobody reads."""
    needed, kept = set(wanted), []
    for step in reversed(steps):
        if step.lasting or needed.intersection(step.outputs):
            kept.append(step)
            needed |= step.reads()
    return kept[::-1]


def free(steps: list[Step], wanted: set[int]) -> None:
    """Have each step forget what nobody reads after it."""
    seen = set(wanted)
    for step in reversed(steps):
        used = step.reads() | set(step.outputs)
        step.freed = sorted(used - seen)
        seen |= used
