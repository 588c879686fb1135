"""The lock: decisions apart from observations, stronger evidence stands, the same build writes the same text."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from edgebuild.core.dossier import CandidateFile, Dossier
from edgebuild.core.evidence import Measurement
from edgebuild.core.wires import Refusal
from edgebuild.decide.choice import Rules
from edgebuild.deliver.provenance.lock import incumbents, lock_text, parse_lock, read_lock
from edgebuild.deliver.provenance.observe import fingerprint
from edgebuild.deliver.provenance.records import Basis, Figure, Lock, LockedTarget, Observation
from edgebuild.errors import SpecError
from tests.decide.dossiers import BUDGETS, candidates, dossier

NAME = "deployment.edge.lock"
GOLDEN = Path(__file__).parents[1] / "golden"


BASIS = Basis(
    objective="minimize latency.p50 (tie 0.03), minimize size",
    recipes={"int8": "sha256:" + "2" * 64},
    tools={"int8": {"onnxruntime": "1.32.0", "numpy": "2.4.6"}},
)


def locked(*dossiers: Dossier, previous: Lock | None = None, keep_others: bool = False) -> Lock:
    bases = {item.target: BASIS for item in dossiers}
    return parse_lock(lock_text(dossiers, previous or Lock(), keep_others, bases), NAME)


def here(lock: Lock) -> LockedTarget:
    return lock.targets["here"]


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
    text = lock_text([dossier()], Lock(), keep_others=False, bases={"here": BASIS})
    if os.environ.get("UPDATE"):
        (GOLDEN / "deployment.edge.lock").write_text(text, encoding="utf-8")
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


CONTENDED = "The timing run does not count: the machine was busy."


def with_verdict(base: Dossier, row: int, **changes: Any) -> Dossier:
    verdicts = list(base.verdicts)
    verdicts[row] = verdicts[row].model_copy(update=changes)
    return base.model_copy(update={"verdicts": tuple(verdicts)})


def test_a_contended_run_does_not_unsettle_the_verdict_of_the_locked_bytes() -> None:
    first = locked(dossier())
    disturbed = with_verdict(dossier(), 2, status="inconclusive", why=CONTENDED)
    disturbed = disturbed.model_copy(update={"notes": (CONTENDED,)})
    assert here(locked(disturbed, previous=first)).decided == here(first).decided
    assert here(locked(disturbed)).decided.verdicts["all.latency.p50 ≤ 0.9 × source"] == "inconclusive"


def test_a_contended_run_settles_nothing_about_other_bytes() -> None:
    other = tuple(
        item.model_copy(update={"digest": "sha256:" + "e" * 64}) if item.name == "int8" else item
        for item in candidates()
    )
    disturbed = with_verdict(dossier(files=other), 2, status="inconclusive", why=CONTENDED)
    found = here(locked(disturbed, previous=locked(dossier())))
    assert found.decided.verdicts["all.latency.p50 ≤ 0.9 × source"] == "inconclusive"


def test_too_few_samples_are_a_verdict_of_their_own() -> None:
    few = with_verdict(dossier(), 0, status="inconclusive", why="with 40 samples")
    found = here(locked(few, previous=locked(dossier())))
    assert found.decided.verdicts["all.accuracy.drop max 0.5 pp"] == "inconclusive"


def test_a_machine_without_the_device_does_not_unsettle_what_was_measured_on_it() -> None:
    first = locked(dossier())
    away = with_verdict(altered(dossier(), unavailable), 2, status="unproven", evidence="unavailable", value=None)
    assert here(locked(away, previous=first)).decided == here(first).decided


def test_a_candidate_that_crashed_this_time_changes_nothing_in_the_lock() -> None:
    first = locked(dossier())
    crash = Refusal(kind="failed", by="engine", why="died by SIGKILL.")
    files = tuple(
        item.model_copy(update={"refusal": crash}) if item.name == "float16" else item for item in candidates()
    )
    assert here(locked(dossier(files=files), previous=first)).decided.candidates["float16"] == "made"
    gone = tuple(item.model_copy(update={"refusal": crash}) if item.name == "int8" else item for item in candidates())
    assert here(locked(dossier(files=gone), previous=first)) == here(first)


def test_what_became_of_each_candidate_stands_in_the_lock_without_the_versions_of_who_declined() -> None:
    found = here(locked(dossier())).decided.candidates
    assert found["int8"] == "made"
    assert found["dynamic"] == "rejected by onnxruntime quantize_dynamic"


def test_a_number_near_a_limit_has_digits_enough_to_lie_on_the_same_side() -> None:
    tight = BUDGETS[2].model_copy(update={"limit": 0.6801, "text": "0.6801x"})
    files = tuple(
        item.model_copy(update={"ratio": {**item.ratio, "latency.p50": (0.68012, 0.67, 0.69)}})
        if item.name == "int8"
        else item
        for item in candidates()
    )
    missed = dossier(files=files, budgets=(tight,), rules=Rules(choose="int8"))
    assert missed.verdicts[0].status == "fail"
    assert seen(locked(missed)).figures["latency.p50.ratio"].value == pytest.approx(0.68012)


def test_a_number_within_the_dead_band_is_replaced_where_a_verdict_turned_on_it() -> None:
    limit = BUDGETS[2].model_copy(update={"limit": 0.69, "text": "0.69x"})
    first = locked(dossier(budgets=(limit,), rules=Rules(choose="int8")))
    files = tuple(
        item.model_copy(update={"ratio": {**item.ratio, "latency.p50": (0.695, 0.69, 0.70)}})
        if item.name == "int8"
        else item
        for item in candidates()
    )
    turned = locked(dossier(files=files, budgets=(limit,), rules=Rules(choose="int8")), previous=first)
    assert here(turned).decided.verdicts == {"all.latency.p50 ≤ 0.69 × source": "fail"}
    assert seen(turned).figures["latency.p50.ratio"].value == pytest.approx(0.695)


def test_every_number_that_a_budget_asks_for_is_remembered() -> None:
    asked = BUDGETS[3].model_copy(
        update={"typed": "here.latency.p99", "quantity": "latency.p99", "limit": 9.0, "unit": "ms", "text": "9 ms"}
    )
    heavy = BUDGETS[2].model_copy(update={"typed": "here.memory.model", "quantity": "memory.model"})
    bound = asked.model_copy(update={"form": "upper"})
    figures = seen(locked(dossier(budgets=(asked, bound, heavy)))).figures
    assert {"latency.p99", "latency.p99.bound", "memory.model.ratio"} <= set(figures)


def test_verdicts_rest_on_the_machine_they_came_from_while_another_comes_to_the_same() -> None:
    first = locked(dossier())
    assert here(first).decided.machine == fingerprint(dossier())
    elsewhere = dossier(facts=dossier().facts | {"cpu": "Another CPU"})
    assert here(locked(elsewhere, previous=first)).decided == here(first).decided
    assert here(locked(elsewhere)).decided.machine == fingerprint(elsewhere)


def test_a_missing_lock_is_empty(tmp_path: Path) -> None:
    assert read_lock(tmp_path / NAME) == Lock()
    assert parse_lock("", NAME) == Lock()


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace("lock: 2", "lock: 3"),
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


def test_a_lock_of_the_layout_before_is_read_and_says_which_it_is() -> None:
    text = """\
lock: 1
name: digits
release: 1.2.0
targets:
  here:
    decided:
      {device: here, runtime: onnxruntime, source: a, data: b, choice: int8, artifact: c, verdicts: {x: pass}}
    observed: {}
"""
    lock = parse_lock(text, NAME)
    assert (lock.version, incumbents(lock)) == (1, {"here": "c"})
    assert parse_lock(lock_text([dossier()], lock, keep_others=False), NAME).version == 2


def test_a_figure_reads_what_it_writes() -> None:
    for figure in (
        Figure(value=0.0499, unit="ms", evidence="measured"),
        Figure(value=0.0818, unit="1", evidence="simulated"),
        Figure(value=123456.0, unit="B", evidence="estimated"),
    ):
        assert Figure.read(figure.text) == figure
