"""The lock: decisions apart from observations, stronger evidence stands, the same build writes the same text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgebuild.core.dossier import CandidateFile, Dossier
from edgebuild.core.evidence import Measurement
from edgebuild.deliver.provenance.lock import differences, incumbents, lock_text, parse_lock, read_lock
from edgebuild.deliver.provenance.observe import fingerprint
from edgebuild.deliver.provenance.records import Figure, Lock, Observation
from edgebuild.errors import SpecError
from tests.decide.dossiers import candidates, dossier

NAME = "deployment.edge.lock"
GOLDEN = Path(__file__).parents[1] / "golden"


def locked(*dossiers: Dossier, previous: Lock | None = None, keep_others: bool = False) -> Lock:
    return parse_lock(lock_text(dossiers, previous or Lock(), keep_others), NAME)


def seen(lock: Lock, target: str = "here") -> Observation:
    observed = lock.targets[target].observed
    assert len(observed) == 1
    return next(iter(observed.values()))


def altered(base: Dossier, change: Any) -> Dossier:
    """The dossier with each measurement of each candidate passed through a function."""

    def file(item: CandidateFile) -> CandidateFile:
        return item.model_copy(update={"measurements": tuple(map(change, item.measurements))})

    return base.model_copy(update={"candidates": tuple(map(file, base.candidates))})


def scaled(factor: float) -> Any:
    def change(item: Measurement) -> Measurement:
        timed = item.quantity.startswith("latency") and item.value is not None
        return item.model_copy(update={"value": item.value * factor}) if timed and item.value else item

    return change


def unavailable(item: Measurement) -> Measurement:
    if not item.quantity.startswith(("latency", "memory")):
        return item
    return item.model_copy(update={"value": None, "evidence": "unavailable", "why": "nobody is here"})


def test_the_lock_of_the_example_is_the_golden_one() -> None:
    text = lock_text([dossier()], Lock(), keep_others=False)
    assert text == (GOLDEN / "deployment.edge.lock").read_text(encoding="utf-8")


def test_a_build_that_changes_nothing_writes_the_same_text() -> None:
    both = [dossier(), dossier(target="other")]
    first = lock_text(both, Lock(), keep_others=False)
    assert lock_text(both, parse_lock(first, NAME), keep_others=False) == first
    assert lock_text(both[::-1], parse_lock(first, NAME), keep_others=False) == first


def test_every_fact_has_a_line_of_its_own() -> None:
    lines = lock_text([dossier()], Lock(), keep_others=False).splitlines()
    assert lines[0] == "# written by edgebuild; commit it"
    assert all(len(line) < 140 and line.count(": ") <= 1 for line in lines[2:])


def test_a_run_within_the_dead_band_leaves_the_number_alone_and_one_beyond_replaces_it() -> None:
    first = locked(dossier())
    near = locked(altered(dossier(), scaled(1.02)), previous=first)
    far = locked(altered(dossier(), scaled(1.5)), previous=first)
    assert seen(near) == seen(first)
    assert seen(far).figures["latency.p50"].value == pytest.approx(0.27 * 1.5)


def test_numbers_that_are_unavailable_or_weaker_never_overwrite() -> None:
    first = locked(dossier())
    without = locked(altered(dossier(), unavailable), previous=first)
    assert seen(without) == seen(first)

    def simulated(item: Measurement) -> Measurement:
        return item.model_copy(update={"evidence": "simulated", "value": 1.0})

    assert seen(locked(altered(dossier(), simulated), previous=first)) == seen(first)


def test_stronger_evidence_overwrites() -> None:
    def estimated(item: Measurement) -> Measurement:
        timed = item.quantity.startswith("latency")
        return item.model_copy(update={"evidence": "estimated", "value": 9.0}) if timed else item

    guessed = locked(altered(dossier(), estimated))
    assert seen(guessed).figures["latency.p50"].text == "9 ms estimated"
    assert seen(locked(dossier(), previous=guessed)).figures["latency.p50"].text == "0.27 ms measured"


def test_another_machine_stands_beside_the_first_under_its_own_fingerprint() -> None:
    faster = dossier(facts=dossier().facts | {"cpu": "Another CPU"})
    first = locked(dossier())
    both = locked(altered(faster, scaled(0.5)), previous=first)
    observed = both.targets["here"].observed
    assert len(observed) == 2
    assert observed[fingerprint(dossier())] == seen(first)
    assert observed[fingerprint(faster)].figures["latency.p50"].value == pytest.approx(0.135)


def test_versions_and_drifting_facts_are_told_apart() -> None:
    base = dossier()
    assert fingerprint(base) == fingerprint(dossier(facts=base.facts | {"python": "3.12.1", "versions": {}}))
    assert fingerprint(base) != fingerprint(dossier(versions={"onnxruntime": "1.33.0"}))
    assert fingerprint(base) != fingerprint(dossier(facts=base.facts | {"governor": "powersave"}))


def test_numbers_of_bytes_that_ship_no_more_go_once_what_ships_is_known_as_well() -> None:
    elsewhere = dossier(facts=dossier().facts | {"cpu": "Another CPU"})
    first = locked(elsewhere)
    changed = tuple(
        item.model_copy(update={"digest": "sha256:" + "e" * 64}) if item.name == "int8" else item
        for item in candidates()
    )
    unmeasured = locked(altered(dossier(files=changed), unavailable), previous=first)
    assert len(unmeasured.targets["here"].observed) == 2, "nothing replaces the measured latency"
    measured = locked(dossier(files=changed), previous=unmeasured)
    assert list(measured.targets["here"].observed) == [fingerprint(dossier())]


def test_a_contended_run_is_not_remembered() -> None:
    contended = dossier(notes=("The timing run does not count: the machine was busy.",))
    assert "latency.p50" not in seen(locked(contended)).figures
    assert seen(locked(contended, previous=locked(dossier()))) == seen(locked(dossier()))


def test_targets_that_were_not_built_stay_only_where_asked() -> None:
    both = locked(dossier(), dossier(target="other"))
    assert set(locked(dossier(), previous=both, keep_others=True).targets) == {"here", "other"}
    assert set(locked(dossier(), previous=both).targets) == {"here"}


def test_the_incumbent_is_the_digest_of_what_ships() -> None:
    base = dossier()
    assert incumbents(locked(base)) == {"here": base.candidate("int8").digest}
    assert incumbents(locked(dossier(choice=None, nearest="int8"))) == {}
    assert incumbents(Lock()) == {}


def test_locked_compares_decisions_and_never_latencies() -> None:
    lock = locked(dossier())
    assert differences(lock, [dossier()], NAME) == []
    assert differences(lock, [altered(dossier(), scaled(3.0))], NAME) == []


@pytest.mark.parametrize(
    ("change", "where", "what"),
    [
        ({"choice": "float16"}, "here.choice", "chooses `float16`, the lock has `int8`"),
        ({"source_digest": "sha256:" + "1" * 64}, "here.source", "the model is sha256:111111111111…"),
        ({"data_digest": ""}, "here.data", "the samples are nothing"),
        ({"runtime": "litert"}, "here.runtime", "runs on `litert`"),
        ({"verdicts": ()}, "here.verdicts", "is no budget any more"),
        ({"target": "new"}, "new", "is not in the lock"),
    ],
)
def test_each_departure_has_place_words_and_fix(change: dict[str, Any], where: str, what: str) -> None:
    found = differences(locked(dossier()), [dossier().model_copy(update=change)], NAME)
    assert found
    assert all(problem.where.startswith(f"{NAME}: {where}") and problem.fix for problem in found)
    assert what in found[0].what


def test_a_verdict_that_turned_is_a_departure() -> None:
    base = dossier()
    turned = tuple(item.model_copy(update={"status": "fail"}) for item in base.verdicts[:1]) + base.verdicts[1:]
    (found,) = differences(locked(base), [base.model_copy(update={"verdicts": turned})], NAME)
    assert "is fail now, the lock has pass" in found.what


def test_a_missing_lock_is_empty(tmp_path: Path) -> None:
    assert read_lock(tmp_path / NAME) == Lock()
    assert parse_lock("", NAME) == Lock()


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace("lock: 1", "lock: 2"),
        lambda text: text.replace(" measured", " certain"),
        lambda text: text.replace("size: ", "size: about "),
        lambda text: text.replace("    decided:", "    resolved:"),
        lambda text: text.replace(": pass", ": perhaps"),
        lambda text: "<<<<<<< HEAD\n" + text,
        lambda text: text[: len(text) // 2] + "\n}{",
        lambda _: "- a list\n",
    ],
)
def test_a_damaged_lock_says_so_with_a_fix(tmp_path: Path, damage: Any) -> None:
    path = tmp_path / NAME
    path.write_text(damage(lock_text([dossier()], Lock(), keep_others=False)), encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_lock(path)
    (problem, *_) = caught.value.problems
    assert NAME in problem.render()
    assert problem.fix
    assert str(tmp_path) not in problem.render()


def test_a_figure_reads_what_it_writes() -> None:
    for figure in (
        Figure(value=0.0499, unit="ms", evidence="measured"),
        Figure(value=0.0818, unit="1", evidence="simulated"),
        Figure(value=123456.0, unit="B", evidence="estimated"),
    ):
        assert Figure.read(figure.text) == figure
