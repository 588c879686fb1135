"""`DecideTarget` over the files that the other rooms write."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from edgebuild.core.dossier import Call, CandidateFile, Dossier
from edgebuild.core.wires import Refusal, wires
from edgebuild.decide.budgets import Budget, Floors
from edgebuild.decide.dossier import DecideTarget, Entrant
from edgebuild.decide.exits import code_of
from edgebuild.decide.words import why_choice
from edgebuild.devices.places import Committed, Number, Place
from tests.conftest import Bench, wire

RECIPES = {"source": "the untouched model", "int8": "static INT8 QDQ", "half": "float16", "dyn": "dynamic INT8"}
SIZES = {"source": 4000, "int8": 1100, "half": 2000, "dyn": 1000}
RATIOS = {"source": 1.0, "int8": 0.6, "half": 1.3, "dyn": 1.0}
DROPS = {"source": 0.0, "int8": 0.2, "half": 0.0, "dyn": 0.9}
REJECTED = Refusal(kind="rejected", by="quantizer 1.0", why="no node to quantize", fix="Leave it out.")

DROP = Budget(typed="all.accuracy.drop", quantity="accuracy.drop", form="max", limit=0.5, unit="pp", text="0.5 pp")
FASTER = Budget(typed="here.latency.p50", quantity="latency.p50", form="max", limit=0.9, unit="ms", relative=True)
P95 = Budget(typed="here.latency.p95", quantity="latency.p95", form="max", limit=8.0, unit="ms", text="8 ms")


def score(name: str, report: float = 0.0) -> dict[str, Any]:
    drop = DROPS[name] + report
    exact = {"level": 0.95, "method": "exact"}
    return {
        "metrics": [
            {
                "value": 95 - drop, "unit": "%", "better": "higher", "samples": 1000, "why": "",
                "interval": {"low": 94 - drop, "high": 96 - drop, **exact},
                "drop": {
                    "value": drop, "unit": "pp", "interval": {"low": drop - 0.3, "high": drop + 0.3, **exact},
                    "upper": {"low": None, "high": drop + 0.25, **exact},
                },
                "worst_class_drop": {"value": 3 * drop, "unit": "pp", "interval": None, "upper": None},
            }
        ],
        "parity": {"max_error": 1e-6 + drop, "sqnr": 60.0 - drop, "agreement": 99.0, "output": "probs"},
    }  # fmt: skip


def times(name: str) -> dict[str, Any]:
    ratio, p50 = RATIOS[name], 2.0 * RATIOS[name]
    quantities = ("latency.p50", "latency.p90", "latency.p95", "latency.p99", "latency.mean", "latency.first",
                  "latency.load", "throughput")  # fmt: skip
    return {
        **{quantity: {"value": p50, "low": p50 * 0.99, "high": p50 * 1.01} for quantity in quantities},
        "ratio": {"latency.p50": [ratio, ratio * 0.99, ratio * 1.01]},
        "samples": 1800,
    }


class Target:
    """The files of a target with four candidates, and the step that reads them."""

    def __init__(self, folder: Path, names: tuple[str, ...] = ("source", "int8", "half", "dyn")) -> None:
        self.folder, self.names = folder, names
        self.inputs: dict[str, Path | Refusal] = {}
        for name in names:
            model = folder / f"{name}.onnx"
            model.write_bytes(name[0].encode() * SIZES[name])
            self.inputs[f"model-{name}"] = model
            self.inputs[f"predictions-{name}"] = folder
            self.put(f"memory-{name}", memory())
            self.put(f"account-{name}", {"integer_ops": 3 * (name == "int8"), "float_ops": 3 * (name != "int8")})
        self.put("select", [score(name) for name in names])
        self.put("report", [score(name) for name in names])
        self.put("latency", {
            "valid": True, "why": "", "models": [times(name) for name in names], "control": [1.0, 0.99, 1.01],
            "dead_band": 0.03, "refused": {}, "protocol": {"threads": 1, "raw": "sha256:77", "words": "1 thread"},
        })  # fmt: skip
        tensor = {"name": "x", "shape": [1, 8], "dtype": "float32"}
        self.put("model", {"format": "onnx", "inputs": [tensor], "outputs": [{**tensor, "name": "probs"}], "ops": {}})
        self.put("facts", {"cpu": "Example", "cores": 2})
        for split, count in (("select", 1000), ("report", 1000)):
            self.put(f"index-{split}", {"ids": [f"{split}{i}" for i in range(count)], "digests": ["d"] * count})

    def put(self, name: str, content: Any) -> None:
        file = self.folder / f"{name}.json"
        file.write_text(json.dumps(content))
        self.inputs[name] = file

    def edit(self, name: str, **changes: Any) -> None:
        found = self.inputs[name]
        assert isinstance(found, Path)
        self.put(name, json.loads(found.read_text()) | changes)

    def refuse(self, name: str, what: str = "model", refusal: Refusal = REJECTED) -> None:
        row = self.names.index(name)
        self.inputs[f"{what}-{name}"] = refusal
        for split in ("select", "report"):
            rows = json.loads((self.folder / f"{split}.json").read_text())
            rows[row] = None
            self.put(split, rows)
        latency = json.loads((self.folder / "latency.json").read_text())
        latency["models"][row] = None
        self.put("latency", latency)

    def step(self, **fields: Any) -> DecideTarget:
        entrants = tuple(
            Entrant(
                name=name,
                recipe=RECIPES[name],
                model=wire(f"model-{name}").attempt(),
                predictions=(wire(f"predictions-{name}").attempt(),),
                memory=wire(f"memory-{name}").attempt(),
                account=wire(f"account-{name}").attempt(),
            )
            for name in self.names
        )
        return DecideTarget(**{
            "name": "digits", "release": "1.0.0", "target": "here", "runtime": "onnxruntime",
            "place": Place(device="here", here=True), "source": "m.onnx", "source_digest": "sha256:55",
            "call": Call(session="s", runtime="onnxruntime"), "entrants": entrants, "model": wire("model").attempt(),
            "scores": {split: wire(split).attempt() for split in ("select", "report")}, "metrics": ("accuracy",),
            "latency": wire("latency").attempt(), "facts": wire("facts").attempt(),
            "indexes": {split: wire(f"index-{split}").attempt() for split in ("select", "report")},
            "budgets": (DROP, FASTER), **fields,
        })  # fmt: skip

    def decide(self, **fields: Any) -> Dossier:
        bench = Bench(self.folder / "work", **self.inputs)
        bench.output.unlink(missing_ok=True)
        return Dossier.model_validate_json(bench.run(self.step(**fields)).read_text(encoding="utf-8"))


def memory() -> dict[str, Any]:
    spread = {"low": 9e6, "high": 11e6}
    return {
        "memory.model": {"value": 10e6, **spread}, "memory.process": {"value": 60e6, **spread}, "samples": 3,
        "protocol": {"words": "peak of 3 processes"},
    }  # fmt: skip


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return Target(tmp_path)


def named(dossier: Dossier, name: str) -> CandidateFile:
    return dossier.candidate(name)


def test_the_fastest_that_meets_every_budget_ships_and_the_dossier_tells_all(target: Target) -> None:
    dossier = target.decide()

    assert (dossier.choice, dossier.nearest, dossier.passed) == ("int8", None, True)
    assert dossier.inputs[0].shape == (1, 8)
    assert dossier.splits == {"select": 1000, "report": 1000}
    assert dossier.data_digest.startswith("sha256:")
    assert dossier.facts["cores"] == 2
    assert dossier.protocol["latency"]["words"] == "1 thread"
    int8 = named(dossier, "int8")
    assert int8.digest == "sha256:" + __import__("hashlib").sha256(b"i" * 1100).hexdigest()
    size, drop = int8.measured("size"), int8.measured("accuracy.drop", "report")
    assert size is not None
    assert size.value == 1100
    assert drop is not None
    assert drop.upper is not None
    assert drop.upper.high == 0.45
    for quantity in ("memory.model", "latency.p99", "placement.integer", "parity.sqnr", "accuracy.worst_class_drop"):
        assert int8.measured(quantity) is not None, quantity


def test_every_wire_of_the_step_counts_in_its_key(target: Target) -> None:
    known = {item.id for item in wires(target.step())}

    assert known == set(target.inputs)


def test_a_refused_candidate_is_in_the_dossier_with_the_tools_words(target: Target) -> None:
    target.refuse("dyn")
    dossier = target.decide()

    refusal = named(dossier, "dyn").refusal
    assert refusal is not None
    assert refusal.by == "quantizer 1.0"
    assert any("`dyn` was rejected by quantizer 1.0: no node to quantize." in line for line in dossier.decisions)
    assert dossier.choice == "int8"
    assert code_of(dossier) == 0


def test_a_model_that_its_runtime_declines_is_refused_too(target: Target) -> None:
    target.refuse("int8", "predictions", Refusal(kind="rejected", by="runtime 1", why="no kernel for QLinearConv"))

    refusal = named(target.decide(budgets=(DROP,)), "int8").refusal
    assert refusal is not None
    assert "no kernel" in refusal.why


def test_a_choice_that_fails_on_report_fails_without_falling_through(target: Target) -> None:
    target.put("report", [score(name, report=0.4 * (name == "int8")) for name in target.names])
    dossier = target.decide(budgets=(DROP,))

    assert (dossier.choice, dossier.nearest) == ("int8", "int8")
    assert not dossier.passed
    assert dossier.verdicts[0].status == "fail"
    assert any("on `report` not every budget passes" in line for line in dossier.decisions)
    assert code_of(dossier) == 1


def test_a_contended_run_makes_latency_inconclusive_and_is_told(target: Target) -> None:
    target.edit("latency", valid=False, why="2 of 9 processes were disturbed.")
    dossier = target.decide()

    statuses = {verdict.quantity: verdict.status for verdict in dossier.verdicts}
    assert statuses == {"accuracy.drop": "pass", "latency.p50": "inconclusive"}
    assert any("2 of 9 processes were disturbed" in note for note in dossier.notes)
    assert code_of(dossier) == 1


def test_a_measurement_that_is_due_is_told_with_when_it_is_taken(target: Target) -> None:
    target.edit("latency", valid=False, why="2 of 9 processes were disturbed.", due="2 of 9 processes were disturbed.")
    (note,) = [note for note in target.decide(budgets=()).notes if note.startswith("Measurement due")]

    assert "2 of 9 processes were disturbed. A build tries again 10 minutes after the last try" in note


def test_the_locked_bytes_stay_within_a_tie_under_whatever_name(target: Target, tmp_path: Path) -> None:
    digest = target.decide(budgets=()).candidate("dyn").digest

    assert target.decide(budgets=(), incumbent=digest).choice == "int8"
    latency = json.loads((tmp_path / "latency.json").read_text())
    latency["models"][3] = {**times("int8"), "ratio": {"latency.p50": [0.61, 0.60, 0.62]}}
    target.put("latency", latency)
    assert target.decide(budgets=()).choice == "dyn"
    held = target.decide(budgets=()).candidate("int8").digest
    assert target.decide(budgets=(), incumbent=held).choice == "int8"


def test_a_pin_ships_and_its_verdicts_stand(target: Target) -> None:
    dossier = target.decide(choose="half")

    assert dossier.choice == "half"
    assert {verdict.quantity for verdict in dossier.verdicts if verdict.status == "fail"} == {"latency.p50"}


def test_a_slower_candidate_is_barred_in_its_own_file(target: Target) -> None:
    dossier = target.decide(budgets=(DROP,))

    assert "is barred" in named(dossier, "half").barred
    assert named(dossier, "int8").barred == ""


def elsewhere(target: Target, **fields: Any) -> Dossier:
    place = Place(device="pi5", here=False, committed=fields.pop("committed", ()))
    bare = {"latency": None, "facts": None}
    step = target.step()
    entrants = tuple(item.model_copy(update={"memory": None}) for item in step.entrants)
    return target.decide(place=place, entrants=entrants, **bare, **fields)


def test_a_device_that_is_not_there_leaves_latency_unproven_and_accuracy_simulated(target: Target) -> None:
    dossier = elsewhere(target, budgets=(DROP, P95))

    assert [verdict.status for verdict in dossier.verdicts] == ["pass", "unproven"]
    assert "pi5 cannot be reached from here" in dossier.verdicts[1].why
    accuracy = named(dossier, "int8").measured("accuracy")
    assert accuracy is not None
    assert accuracy.evidence == "simulated"
    assert any("`minimize: latency.p50` was skipped" in note for note in dossier.notes)
    assert code_of(dossier) == 1
    assert code_of(dossier, accept=("unproven",)) == 0
    assert code_of(dossier, require_device=True) == 4


def test_a_stronger_floor_makes_simulated_accuracy_unproven(target: Target) -> None:
    dossier = elsewhere(target, budgets=(DROP,), floors=Floors(accuracy="measured"))

    assert [verdict.status for verdict in dossier.verdicts] == ["unproven"]


def test_a_committed_measurement_of_the_same_bytes_is_measured_and_dated(target: Target) -> None:
    digest = {name: target.decide().candidate(name).digest for name in target.names}
    records = tuple(
        Committed(
            artifact=digest[name], device="pi5", runtime={"onnxruntime": "1.30.0"}, protocol="3 × 20 × 50", raw="r",
            date=date(2026, 11, 1), samples=3000, values={"latency.p95": Number(value=6 * RATIOS[name], high=7)},
            ratio={"latency.p50": (RATIOS[name], RATIOS[name], RATIOS[name])},
        )
        for name in target.names
    )  # fmt: skip

    dossier = elsewhere(target, budgets=(P95,), committed=records, versions={"onnxruntime": "1.32.0"})

    assert [verdict.status for verdict in dossier.verdicts] == ["pass"]
    number = named(dossier, "int8").measured("latency.p95")
    assert number is not None
    assert (number.evidence, number.value) == ("measured", 6 * 0.6)
    assert "2026-11-01 with onnxruntime 1.30.0 (here 1.32.0)" in number.why


def test_a_target_of_which_nothing_could_be_made_still_has_a_dossier(target: Target) -> None:
    gone = Refusal(kind="not applicable", by="routes", why="tf2onnx is not installed.", fix="pip install tf2onnx")
    for name in target.names:
        target.refuse(name, refusal=gone)
    for name in ("select", "report", "latency", "model"):
        target.inputs[name] = gone
    dossier = target.decide()

    assert (dossier.choice, dossier.nearest, dossier.verdicts) == (None, None, ())
    assert code_of(dossier) == 3
    assert any("tf2onnx is not installed" in line for line in dossier.decisions)


def test_a_folder_weighs_what_its_files_weigh(target: Target, tmp_path: Path) -> None:
    (tmp_path / "saved" / "v").mkdir(parents=True)
    (tmp_path / "saved" / "a").write_bytes(b"1" * 30)
    (tmp_path / "saved" / "v" / "b").write_bytes(b"1" * 12)
    target.inputs["model-dyn"] = tmp_path / "saved"

    size = named(target.decide(), "dyn").measured("size")
    assert size is not None
    assert size.value == 42


def test_integers_that_gain_nothing_are_explained_by_the_account(target: Target) -> None:
    target.put("account-dyn", {"integer_ops": 1, "float_ops": 2, "conversions": 4})
    dossier = target.decide()

    assert any("`dyn` takes 1.00 × the source's time: 1 of 3 heavy operators" in line for line in dossier.decisions)


def test_why_tells_the_choice_and_who_failed(target: Target) -> None:
    lines = why_choice(target.decide())

    assert lines[0] == "here ships `int8`."
    assert any(line.startswith("  pass: here.latency.p50: 0.6 × source for ≤ 0.9 × source") for line in lines)
    assert any("`dyn`: fail: all.accuracy.drop: 0.9 pp" in line for line in lines)
