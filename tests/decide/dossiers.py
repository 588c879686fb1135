"""Dossiers as a build writes them, for tests of what reads them; `DUMPED` beside this file is one as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgebuild.core.dossier import Account, Call, CandidateFile, Dossier, Tensor
from edgebuild.core.evidence import Evidence, Interval, Measurement
from edgebuild.core.wires import Refusal
from edgebuild.decide.budgets import Budget
from edgebuild.decide.choice import Rules, choose
from edgebuild.decide.front import front
from edgebuild.decide.verdicts import Bench
from edgebuild.decide.words import accounts, refusals

DUMPED = Path(__file__).with_name("dossier.json")

LATENCY_DROP = Budget(
    typed="all.latency.p50", quantity="latency.p50", form="max", limit=0.9, unit="× source", relative=True, text="0.9x"
)
ACCURACY_DROP = Budget(
    typed="all.accuracy.drop", quantity="accuracy.drop", form="max", limit=0.5, unit="pp", text="0.5 pp"
)
ACCURACY_BOUND = Budget(
    typed="all.accuracy.drop", quantity="accuracy.drop", form="upper", limit=1.5, unit="pp", text="1.5 pp"
)
SIZE = Budget(typed="here.size", quantity="size", form="max", limit=200_000, unit="B", text="200 kB")

RATIOS = ("latency.p50", "latency.p90", "latency.p95", "latency.p99", "latency.mean")

BUDGETS = (ACCURACY_DROP, ACCURACY_BOUND, LATENCY_DROP, SIZE)


def accuracy(value: float, drop: float, upper: float, split: str, samples: int = 1200) -> tuple[Measurement, ...]:
    """Accuracy and its drop on one split, in percent and percentage points."""
    common: dict[str, Any] = {"evidence": "measured", "samples": samples, "split": split, "device": "here"}
    exact, paired = "exact binomial (Clopper–Pearson)", "exact conditional on discordant pairs"
    return (
        Measurement(
            quantity="accuracy",
            value=value,
            unit="%",
            better="higher",
            interval=Interval(low=value - 0.9, high=min(100.0, value + 0.8), level=0.95, method=exact),
            **common,
        ),
        Measurement(
            quantity="accuracy.drop",
            value=drop,
            unit="pp",
            interval=Interval(low=drop - 0.4, high=upper + 0.1, level=0.95, method=paired),
            upper=Interval(low=None, high=upper, level=0.95, method=paired),
            **common,
        ),
        Measurement(quantity="parity", value=abs(drop) / 10 + 1e-7, unit="1", **common),
        Measurement(quantity="parity.sqnr", value=60 - 20 * abs(drop), unit="dB", better="higher", **common),
    )


def timed(p50_ms: float, evidence: Evidence = "measured") -> tuple[Measurement, ...]:
    """Latencies and memory of one candidate around its median."""
    common: dict[str, Any] = {"evidence": evidence, "device": "here", "samples": 3600}
    protocol = "1 thread, 3 fresh processes × 20 shuffled rounds × 60 runs, warm-up until stable"
    factors = {"p50": 1.0, "p90": 1.04, "p95": 1.08, "p99": 1.3, "mean": 1.02, "first": 3.0, "load": 20.0}
    times = tuple(
        Measurement(
            quantity=f"latency.{name}",
            value=p50_ms * factor,
            unit="ms",
            interval=Interval(
                low=p50_ms * factor * 0.98,
                high=p50_ms * factor * 1.03,
                level=0.95,
                method="bootstrap over rounds and processes",
            ),
            protocol=protocol,
            records=("sha256:" + "7" * 64,),
            **common,
        )
        for name, factor in factors.items()
    )
    speed = Measurement(
        quantity="throughput", value=1000 / p50_ms / 1.02, unit="/s", better="higher", protocol=protocol, **common
    )
    memory = (
        Measurement(quantity="memory.model", value=2.1e6 + p50_ms * 1e6, unit="B", **common | {"samples": 3}),
        Measurement(quantity="memory.process", value=52.4e6 + p50_ms * 1e6, unit="B", **common | {"samples": 3}),
    )
    return (*times, speed, *memory)


def candidate(
    name: str,
    recipe: str,
    *,
    p50_ms: float = 0.4,
    ratio: float = 1.0,
    size: int = 330_000,
    drop: float = 0.0,
    upper: float = 0.25,
    required: bool = False,
    account: Account | None = None,
) -> CandidateFile:
    """One that was made, with every number on both splits."""
    return CandidateFile(
        name=name,
        recipe=recipe,
        required=required,
        digest="sha256:" + f"{sum(map(ord, name)):x}".rjust(64, "0"),
        filename="model.onnx",
        measurements=(
            *accuracy(98.1 - drop, drop, upper, "select"),
            *accuracy(97.8 - drop, drop, upper, "report"),
            *timed(p50_ms),
            Measurement(quantity="size", value=float(size), unit="B", evidence="measured", device="here"),
        ),
        ratio=dict.fromkeys(RATIOS, (ratio, ratio * 0.99, ratio * 1.01)) | {"throughput": (1 / ratio,) * 3},
        account=account,
    )


def refused(name: str, recipe: str, kind: str = "rejected", required: bool = False) -> CandidateFile:
    """One that was not made."""
    words = {
        "rejected": Refusal(
            kind="rejected",
            by="onnxruntime 1.32.0 quantize_dynamic",
            why="ValueError: no node of a type that dynamic quantization covers",
            fix="Leave `dynamic` out for this model, or use `quantize: int8`.",
        ),
        "not applicable": Refusal(
            kind="not applicable", by="onnxruntime target", why="palette6 weights have no ONNX operator."
        ),
        "failed": Refusal(kind="failed", by="engine", why="the converter died by SIGSEGV."),
    }
    return CandidateFile(name=name, recipe=recipe, refusal=words[kind], required=required)


def candidates() -> tuple[CandidateFile, ...]:
    """`source`, `float16`, `int8`, and `dynamic`, which was refused."""
    heavy = {"Conv": 9, "Gemm": 1}
    return (
        candidate(
            "source",
            "the untouched model",
            account=Account(
                ops={**heavy, "Relu": 2}, float_ops=10, placement={"CPUExecutionProvider": 14},
                slowest=(("conv1", 61.0), ("conv2", 38.5)), words="All 10 heavy operators run in floating point.",
            ),
        ),
        candidate(
            "float16", "float16 weights and activations", p50_ms=0.49, ratio=1.22, size=172_000, drop=0.0, upper=0.25,
            account=Account(
                ops={**heavy, "Cast": 6}, float_ops=10, conversions=0, placement={"CPUExecutionProvider": 20},
                words="The CPU has no float16 kernels: 6 casts were added around float32 ones.",
            ),
        ),
        candidate(
            "int8",
            "static INT8 QDQ: U8 activations, S8 weights per channel, 300 calibration samples",
            p50_ms=0.27, ratio=0.68, size=112_000, drop=0.17, upper=0.61, required=True,
            account=Account(
                ops={"QLinearConv": 9, "QGemm": 1, "QuantizeLinear": 1, "DequantizeLinear": 1}, integer_ops=10,
                conversions=2, placement={"CPUExecutionProvider": 12}, words="All 10 heavy operators run on integers.",
            ),
        ),
        refused("dynamic", "dynamic INT8: S8 weights, activations quantized at run time"),
    )  # fmt: skip


def dossier(
    *,
    target: str = "here",
    files: tuple[CandidateFile, ...] | None = None,
    budgets: tuple[Budget, ...] = BUDGETS,
    rules: Rules | None = None,
    **changes: Any,
) -> Dossier:
    """A target decided by the real rules over made-up numbers; `changes` are fields of the dossier."""
    files = candidates() if files is None else files
    source = next((item for item in files if item.name == "source" and item.refusal is None), None)
    bench = Bench(budgets, source=source)
    files = tuple(
        item if item.refusal else item.model_copy(update={"verdicts": bench.verdicts(item, "select")}) for item in files
    )
    choice = choose(files, rules or Rules())
    files = tuple(item.model_copy(update={"barred": choice.barred.get(item.name, "")}) for item in files)
    judged = next((item for item in files if item.name in (choice.name, choice.nearest)), None)
    fields: dict[str, Any] = {
        "name": "digits",
        "release": "1.2.0",
        "target": target,
        "device": "here",
        "runtime": "onnxruntime",
        "versions": {"onnxruntime": "1.32.0", "onnx": "1.23.2", "numpy": "2.4.6"},
        "facts": {
            "cpu": "Example CPU", "isa": ["avx2", "avx512_vnni"], "cores": 2, "memory_gib": 8, "arch": "x86_64",
            "system": "Linux", "kernel": "6.1", "hypervisor": True, "versions": {"onnxruntime": "1.32.0"},
        },
        "source": "digits.keras",
        "source_digest": "sha256:" + "5" * 64,
        "inputs": (Tensor(name="image", shape=(1, 28, 28, 1), dtype="float32"),),
        "outputs": (Tensor(name="probs", shape=(1, 10), dtype="float32"),),
        "labels": tuple("0123456789"),
        "interface": {"inputs": {"image": {"kind": "image", "color": "gray", "size": [28, 28], "scale": 1 / 255}}},
        "call": Call(
            session="edgebuild.runtimes.onnxruntime.session", options={"threads": 1}, runtime="onnxruntime"
        ),
        "splits": {"calibrate": 300, "select": 1200, "report": 1200},
        "data_digest": "sha256:" + "d" * 64,
        "candidates": files,
        "choice": choice.name,
        "nearest": choice.nearest,
        "verdicts": bench.verdicts(judged, "report") if judged else (),
        "front": front(files, ("accuracy",)),
        "decisions": (*choice.decisions, *refusals(files), *accounts(files)),
        "notes": choice.notes,
        "protocol": {
            "latency": {
                "threads": 1, "processes": 3, "rounds": 20, "runs": 60, "warmup": "until stable", "dead_band": 0.03,
                "words": "1 thread, 3 fresh processes × 20 shuffled rounds × 60 runs, warm-up until stable",
            },
            "memory": {"processes": 3, "words": "peak of 3 fresh processes, median"},
        },
    }  # fmt: skip
    return Dossier(**fields | changes)


if __name__ == "__main__":
    DUMPED.write_text(dossier().model_dump_json(indent=1) + "\n", encoding="utf-8")
