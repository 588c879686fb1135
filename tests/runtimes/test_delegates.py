"""Delegates of LiteRT: how they are written, what is refused, where operators ran; and integers at the ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from edgebuild.compress.base import Draft
from edgebuild.compress.quantize.tflite_ends import ChangeEnds
from edgebuild.errors import Refused
from edgebuild.runtimes.litert.placement import HoldToDelegates, hold
from edgebuild.runtimes.litert.target import LiteRTTarget
from tests.conftest import Bench, wire
from tests.deliver.packages import tflite_model
from tests.runtimes.test_targets import To


def target(**options: object) -> LiteRTTarget:
    return LiteRTTarget.model_validate({"runtime": "litert", **options})


def test_the_package_names_the_delegates_and_this_machine_runs_the_processor() -> None:
    made = target(device="pixel-8", providers=[{"npu": {"htp_performance_mode": "burst"}}, "cpu"])
    assert made.call() == target().call()
    assert made.config()["delegates"] == [
        {
            "provider": "npu",
            "library": "libQnnTFLiteDelegate.so",
            "options": {"vendor": "qualcomm", "htp_performance_mode": "burst"},
        }
    ]
    assert made.config()["fallback"] == "count"
    assert "delegates" not in target().config()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"providers": ["gpuu"]}, "did you mean `gpu`"),
        ({"providers": ["npu", "cpu"], "fallback": "refuse"}, "contradicts `cpu`"),
        ({"providers": ["xnnpack"], "xnnpack": False}, "`xnnpack: false` contradicts"),
    ],
)
def test_what_contradicts_itself_is_said(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        target(**options)


# A delegate that failed to load raises again when it is deleted, in ai-edge-litert itself.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("provider", "words"),
    [
        ({"edgetpu": {"library": "libnone.so.1"}}, "the `edgetpu` delegate does not load here: .*libnone.so.1"),
        ("coreml", "no way to load the `coreml` delegate"),
    ],
)
def test_a_delegate_that_does_not_load_here_is_refused(provider: object, words: str, tmp_path: Path) -> None:
    model = tflite_model(tmp_path / "m.tflite")
    to, draft = To(), Draft(model=wire("model"), format="tflite")
    target(providers=[provider, "cpu"]).finish(to, draft)
    (step,) = to.steps
    assert isinstance(step, HoldToDelegates)
    with pytest.raises(Refused, match=words) as caught:
        Bench(tmp_path / "bench", model=model).run(step)
    assert caught.value.kind == "not applicable"


def test_what_xnnpack_leaves_is_refused_with_its_operators(tmp_path: Path) -> None:
    plain = tflite_model(tmp_path / "m.tflite")
    strict = target(providers=["xnnpack"], fallback="refuse")
    hold(str(plain), strict.call(), "XNNPACK", fallback=False)
    odd = with_op(plain, tmp_path / "odd.tflite", "ZEROS_LIKE")
    with pytest.raises(Refused, match="XNNPACK leaves 1 ZEROS_LIKE to the built-in kernels") as caught:
        hold(str(odd), strict.call(), "XNNPACK", fallback=False)
    assert caught.value.kind == "rejected"


def with_op(model: Path, made: Path, name: str) -> Path:
    """The same model with one more operator without options before its output."""
    from ai_edge_litert import schema_py_generated as schema

    from edgebuild.compress.quantize.tflite_graph import read, write

    tree = read(model.read_bytes())
    graph = tree.subgraphs[0]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
    code.version = 1
    tree.operatorCodes.append(code)
    last = graph.tensors[int(graph.outputs[0])]
    more = schema.TensorT()
    more.name, more.shape, more.type, more.buffer = b"more", last.shape, last.type, last.buffer
    graph.tensors.append(more)
    op = schema.OperatorT()
    op.inputs, op.outputs, op.opcodeIndex = [int(graph.outputs[0])], [len(graph.tensors) - 1], 1
    graph.operators.append(op)
    graph.outputs = [len(graph.tensors) - 1]
    tree.signatureDefs[0].outputs[0].tensorIndex = len(graph.tensors) - 1
    made.write_bytes(write(tree))
    return made


def test_ends_are_changed_for_what_is_quantized_and_left_for_the_source() -> None:
    made, to = target(io="uint8"), To()
    source = Draft(model=wire("model"), format="tflite")
    assert made.finish(to, source) is source
    draft = made.finish(to, source.then(wire("int8"), "static INT8"))
    (step,) = to.steps
    assert isinstance(step, ChangeEnds) and step.ends == "uint8"
    assert draft.words == ("static INT8", "uint8 ends")


def test_a_state_has_no_integers_at_its_ends() -> None:
    made, to = target(io="uint8"), To()
    to.surroundings = {**to.surroundings, "states": {"h": "h_out"}}
    source = Draft(model=wire("model"), format="tflite")
    assert made.finish(to, source) is source
    with pytest.raises(Refused, match="integers of `h_out` and of the state `h` that it is fed to") as caught:
        made.finish(to, source.then(wire("int8"), "static INT8"))
    assert caught.value.kind == "not applicable"
