"""Execution providers: how they are written, what is refused, where operators ran."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from edgebuild.compress.base import Draft
from edgebuild.core.dossier import Call
from edgebuild.errors import Refused
from edgebuild.runtimes.onnxruntime import session
from edgebuild.runtimes.onnxruntime.account import account, placed
from edgebuild.runtimes.onnxruntime.placement import HoldToProviders, hold
from edgebuild.runtimes.onnxruntime.target import NO_FALLBACK, OnnxRuntimeTarget
from tests.compress.conftest import onnx_network
from tests.conftest import Bench, wire
from tests.runtimes.test_targets import To

AZURE = "AzureExecutionProvider"
"""In every build; takes no operator of a plain model."""


def target(**options: object) -> OnnxRuntimeTarget:
    return OnnxRuntimeTarget.model_validate({"runtime": "onnxruntime", **options})


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return onnx_network(tmp_path / "network.onnx")


def test_words_and_options_become_what_onnx_runtime_takes() -> None:
    made = target(
        device="pixel-8",
        providers=[
            {"qnn": {"htp_performance_mode": "burst", "enable_htp_fp16_precision": True}},
            {"nnapi": {"use_fp16": True, "cpu_disabled": True}},
            {"openvino": {"device_type": "HETERO:NPU,CPU", "disable_dynamic_shapes": True}},
            "cpu",
        ],
    )
    assert made.config()["providers"] == [
        ["QNNExecutionProvider", {"htp_performance_mode": "burst", "enable_htp_fp16_precision": "1"}],
        ["NnapiExecutionProvider", {"nnapi_flags": "5"}],
        ["OpenVINOExecutionProvider", {"device_type": "HETERO:NPU,CPU", "disable_dynamic_shapes": "True"}],
        "CPUExecutionProvider",
    ]
    assert made == target(**json.loads(made.model_dump_json(exclude_defaults=True)))


def test_elsewhere_the_model_runs_on_the_processor_and_the_package_names_the_providers() -> None:
    made = target(device="pixel-8", providers=["qnn"], fallback="refuse")
    assert made.call().options["providers"] == ["CPUExecutionProvider"]
    assert "config" not in made.call().options
    assert made.config()["session_config_entries"][NO_FALLBACK] == "1"
    draft = Draft(model=wire("model"), format="onnx")
    assert made.finish(To(), draft) is draft


def test_here_a_model_is_held_to_its_providers() -> None:
    to, draft = To(), Draft(model=wire("model"), format="onnx")
    assert target().finish(to, draft) is draft
    held = target(providers=["cuda"], fallback="refuse").finish(to, draft)
    assert [type(step) for step in to.steps] == [HoldToProviders]
    assert held.model == to.steps[0].out()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"providers": ["qn"]}, "did you mean `qnn`"),
        ({"providers": [{"qnn": {}, "cpu": {}}]}, "must name one provider"),
        ({"providers": ["qnn", "qnn"]}, "names `qnn` twice"),
        ({"providers": ["qnn", "cpu"], "fallback": "refuse"}, "contradicts `cpu`"),
        ({"fallback": "refuse"}, "nothing can fall back"),
    ],
)
def test_what_contradicts_itself_is_said(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        target(**options)


def test_a_provider_that_is_not_in_this_build_is_refused_with_those_that_are(network: Path, tmp_path: Path) -> None:
    step = HoldToProviders(model=wire("model"), call=target(providers=["cuda", "cpu"]).call(), fallback=True)
    bench = Bench(tmp_path / "bench", model=network)
    with pytest.raises(Refused, match=r"has no CUDAExecutionProvider; it has .*CPUExecutionProvider") as caught:
        bench.run(step)
    assert caught.value.kind == "not applicable"
    assert caught.value.fix


def test_a_model_that_falls_back_is_refused_with_its_operators(network: Path) -> None:
    call = Call(session="edgebuild.runtimes.onnxruntime.session", options={"providers": [AZURE]})
    hold(network, call, fallback=True)
    with pytest.raises(Refused, match=rf"{AZURE} leaves .*Conv.* to the processor") as caught:
        hold(network, call, fallback=False)
    assert caught.value.kind == "rejected"


def test_onnx_runtime_itself_refuses_with_the_entry(network: Path) -> None:
    options = {"providers": [AZURE], "config": {NO_FALLBACK: "1"}}
    with pytest.raises(Exception, match="fallback to CPU EP has been explicitly disabled"):
        session.open(str(network), options)


def test_the_account_tells_what_fell_back(network: Path) -> None:
    options = {"providers": [AZURE]}
    x = np.zeros((1, 3, 8, 8), np.float32)
    feed = {"x": x[:, : session.open(str(network), options).inputs[0]["shape"][1]]}
    traced = session.open(str(network), options).trace(feed, 2)
    words = placed(account(traced), traced["ops"], (AZURE, "CPUExecutionProvider"), [AZURE])
    count = len(traced["ops"])
    assert words.startswith(f"{count} of {count} executed operators fell to the processor: ")
    assert placed(account(traced), traced["ops"], (), [AZURE]) == ""
    elsewhere = placed(account(traced), traced["ops"], ("QNNExecutionProvider",), ["CPUExecutionProvider"])
    assert "known on the device alone" in elsewhere


OPENVINO = ("onnxruntime-openvino==1.24.1", "openvino==2025.4.1")
SCRIPT = """
import json, sys
import numpy as np
from edgebuild.runtimes.onnxruntime import session
options = {"providers": [["OpenVINOExecutionProvider", {"device_type": "CPU"}]],
           "config": {"session.disable_cpu_ep_fallback": "1"}}
left = session.on_processor(sys.argv[1], options)
model = session.open(sys.argv[1], options)
shape = [size if isinstance(size, int) and size > 0 else 1 for size in model.inputs[0]["shape"]]
print(json.dumps([left, session.lacking(options)[0], model.trace({"x": np.ones(shape, np.float32)}, 2)["ops"]]))
"""


@pytest.mark.slow
def test_openvino_takes_a_whole_model(network: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site), *OPENVINO]
    if subprocess.run(pip, capture_output=True, check=False).returncode:
        pytest.skip("onnxruntime-openvino cannot be installed here")
    root = str(Path(__file__).resolve().parents[2])
    said = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(network)],
        env={"PYTHONPATH": f"{site}:{root}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    left, lacking, ops = json.loads(said.stdout.splitlines()[-1])
    assert (left, lacking) == ([], [])
    assert {op[2] for op in ops} == {"OpenVINOExecutionProvider"}
