"""The review comment: what was, what is, and what changed in bold."""

from __future__ import annotations

from typing import Any

from edgebuild.core.dossier import Dossier
from edgebuild.deliver.provenance.diff import diff_markdown
from edgebuild.deliver.provenance.lock import lock_text, parse_lock
from edgebuild.deliver.provenance.records import Lock
from tests.decide.dossiers import dossier


def locked(*dossiers: Dossier) -> Lock:
    return parse_lock(lock_text(dossiers, Lock(), keep_others=False), "deployment.edge.lock")


def changed(**update: Any) -> Lock:
    return locked(dossier().model_copy(update=update))


def test_equal_locks_say_that_nothing_changed() -> None:
    assert diff_markdown(locked(dossier()), locked(dossier())) == "### digits 1.2.0\n\nNothing changed.\n"


def test_another_choice_shows_before_and_after_with_evidence() -> None:
    text = diff_markdown(locked(dossier()), changed(choice="float16"))
    assert "| **ships** | `int8` <sub>00000000</sub> | **`float16` <sub>00000000</sub>** |" in text
    assert "| **size** | 112 kB <sub>measured</sub> | **172 kB <sub>measured</sub>** | +54 % |" in text
    before, after = "0.270 ms (0.68 × source) <sub>measured</sub>", "**0.490 ms (1.22 × source) <sub>measured</sub>**"
    assert f"| **latency.p50** | {before} | {after} | +81 % |" in text
    assert "| **accuracy.drop** | 0.17 pp (≤ 0.61 pp at 95 %)" in text
    assert "| 4 budgets | pass | pass | |" in text
    assert "<sub>Observed on Example CPU, 2 cores" in text


def test_what_did_not_change_is_not_bold() -> None:
    text = diff_markdown(locked(dossier()), changed(data_digest="sha256:" + "9" * 64))
    assert "| **data** | `dddddddd` | **`99999999`** |" in text
    assert "| size | 112 kB <sub>measured</sub> | 112 kB <sub>measured</sub> | |" in text


def test_a_verdict_that_turned_has_its_own_row() -> None:
    base = dossier()
    turned = (*base.verdicts[:2], base.verdicts[2].model_copy(update={"status": "fail"}), *base.verdicts[3:])
    text = diff_markdown(locked(base), changed(verdicts=turned))
    assert "| **`all.latency.p50 ≤ 0.9 × source`** | pass | **fail** |" in text
    assert "| 3 budgets | pass | pass | |" in text


def test_new_and_removed_targets_are_named_as_such() -> None:
    text = diff_markdown(locked(dossier(), dossier(target="old")), locked(dossier(), dossier(target="new")))
    assert "#### `new` – new" in text
    assert "#### `old` – removed" in text
    assert "Nothing changed in `here`." in text


def test_a_first_lock_is_all_new() -> None:
    text = diff_markdown(Lock(), locked(dossier()))
    assert text.startswith("### digits 1.2.0\n\n#### `here` – new\n")
    assert "**" not in text


def test_a_release_is_shown_before_and_after() -> None:
    assert diff_markdown(locked(dossier()), changed(release="1.3.0")).startswith("### digits 1.2.0 → 1.3.0\n")


def test_times_of_two_machines_are_not_subtracted() -> None:
    other = dossier(facts=dossier().facts | {"cpu": "Another CPU"}, choice="float16")
    text = diff_markdown(locked(dossier()), locked(other))
    assert "the machines differ, so that only ratios can be compared" in text
    assert next(row for row in text.splitlines() if "latency.p50" in row and "ms" in row).endswith("** |  |")
    assert "| **size** | 112 kB <sub>measured</sub> | **172 kB <sub>measured</sub>** | +54 % |" in text


def test_every_row_has_four_cells() -> None:
    for row in diff_markdown(locked(dossier()), changed(choice="float16")).splitlines():
        if row.startswith("|"):
            assert row.count("|") == 5, row
