"""Outcomes for CI: a short summary, and JUnit XML with a failure for all but a pass."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from edgebuild.core.dossier import Dossier
from edgebuild.core.evidence import Status
from edgebuild.deliver.report.junit import junit
from edgebuild.deliver.report.summary import summary
from tests.decide.dossiers import dossier, refused


def with_status(status: Status, why: str = "because") -> Dossier:
    base = dossier()
    return base.model_copy(
        update={"verdicts": (base.verdicts[0].model_copy(update={"status": status, "why": why}), *base.verdicts[1:])}
    )


def test_the_summary_has_a_row_for_each_target_and_no_more_where_all_pass() -> None:
    text = summary([dossier(), dossier(target="other")])
    assert text.count("✅ PASS") == 2
    assert "digits · other" in text
    assert text.count("\n- ") == 0


def test_the_summary_tells_what_is_not_met_and_why() -> None:
    text = summary([with_status("inconclusive", "there are\n<too> few samples")])
    assert "⚠️ INCONCLUSIVE" in text
    assert "- ⚠️ **digits · here** inconclusive: `all.accuracy.drop` max 0.5 pp, got **0.17 pp**" in text
    assert "there are &lt;too> few samples" in text


def test_the_summary_of_nothing_says_so() -> None:
    assert "No target was built." in summary([])


def test_the_summary_of_a_target_without_candidates_has_the_reason() -> None:
    text = summary([dossier(files=(refused("source", "the untouched model"),))])
    assert "❌ NO CANDIDATE" in text
    assert "no node of a type that dynamic quantization covers" in text


def test_junit_has_a_suite_for_each_target_and_a_case_for_each_budget() -> None:
    root = ET.fromstring(junit([dossier(), with_status("unproven").model_copy(update={"target": "other"})]))
    assert root.tag == "testsuites"
    assert (root.get("tests"), root.get("failures")) == ("8", "1")
    suites = root.findall("testsuite")
    assert [suite.get("name") for suite in suites] == ["digits.here", "digits.other"]
    assert [suite.get("failures") for suite in suites] == ["0", "1"]
    assert [case.get("name") for case in suites[0]] == [
        "all.accuracy.drop max 0.5 pp",
        "all.accuracy.drop upper 1.5 pp",
        "all.latency.p50 ≤ 0.9 × source",
        "here.size max 200 kB",
    ]


def test_all_but_a_pass_is_a_failure_in_words() -> None:
    for status in ("fail", "inconclusive", "unproven"):
        (failure,) = ET.fromstring(junit([with_status(status)])).iter("failure")
        assert failure.get("type") == status
        assert "all.accuracy.drop: 0.17 pp for max 0.5 pp" in (failure.text or "")
        assert "because" in (failure.get("message") or "")


def test_a_target_without_a_choice_is_a_failure_of_its_own() -> None:
    root = ET.fromstring(junit([dossier(files=(refused("source", "the untouched model"),))]))
    (case,) = root.iter("testcase")
    assert case.get("name") == "choice"
    assert "No candidate could be made." in (next(case.iter("failure")).text or "")


def test_junit_survives_whatever_a_tool_says() -> None:
    text = junit([with_status("fail", "<&\"'> \x00\x07\x1b[31m \ud800 \ufffe é 漢 🙂")])
    (failure,) = ET.fromstring(text.encode("utf-8")).iter("failure")
    assert "[31m" in (failure.text or "")
    assert "é 漢 🙂" in (failure.text or "")


def test_the_same_dossiers_give_the_same_text() -> None:
    assert summary([dossier()]) == summary([dossier()])
    assert junit([dossier()]) == junit([dossier()])
