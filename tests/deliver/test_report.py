"""The report: verdicts first, every number with its evidence, the same bytes each time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from edgebuild.core.dossier import CandidateFile, Dossier
from edgebuild.core.evidence import Interval, Measurement
from edgebuild.core.wires import Refusal
from edgebuild.decide.budgets import Budget
from edgebuild.deliver.report.numbers import cell, code, interval, line, number, percent
from edgebuild.deliver.report.step import RenderReport, write_report
from edgebuild.errors import SpecError
from edgebuild.render import Renderer
from tests.conftest import Bench, wire
from tests.decide.dossiers import BUDGETS, DUMPED, candidate, candidates, dossier, refused

GOLDEN = Path(__file__).parents[1] / "golden"


def report(folder: Path, *dossiers: Dossier, budgets: tuple[Budget, ...] = BUDGETS, own: Path | None = None) -> str:
    write_report(dossiers, [budgets] * len(dossiers), Renderer(own), folder / "report")
    return (folder / "report" / "report.md").read_text(encoding="utf-8")


def elsewhere(file: CandidateFile) -> CandidateFile:
    """The candidate as a build sees it that cannot reach the device."""

    def change(item: Measurement) -> Measurement:
        if item.quantity.startswith(("latency", "memory", "throughput")):
            gone = {"value": None, "interval": None, "evidence": "unavailable", "why": "pi cannot be reached."}
            return item.model_copy(update=gone)
        return item.model_copy(update={"evidence": "simulated"}) if item.split else item

    return file.model_copy(update={"measurements": tuple(map(change, file.measurements)), "ratio": {}})


def test_the_step_writes_the_golden_report_from_the_dossier_alone(bench: Bench) -> None:
    bench.inputs["dossier"] = DUMPED
    out = bench.run(RenderReport(dossiers=(wire("dossier"),), budgets=(BUDGETS,)))
    assert sorted(path.name for path in out.iterdir()) == [
        "here-latency-accuracy.svg",
        "here-latency-memory.svg",
        "report.md",
    ]
    assert (out / "report.md").read_text(encoding="utf-8") == (GOLDEN / "report.md").read_text(encoding="utf-8")


def test_two_renderings_are_the_same_bytes(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        report(folder, dossier(), dossier(target="other"))
    one, two = (sorted((folder / "report").iterdir()) for folder in folders)
    assert [path.name for path in one] == [path.name for path in two]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_verdicts_come_before_everything_else_of_a_target(tmp_path: Path) -> None:
    text = report(tmp_path, dossier())
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    assert heads == [
        "digits 1.2.0",
        "here: onnxruntime on this machine",
        "Before and after",
        "Trade-offs",
        "Decisions",
        "Where the operations run",
        "How to come to the same",
        "Evidence",
    ]
    assert text.index("| verdict | budget |") < text.index("### Before and after")


def test_the_judged_number_is_the_bold_one(tmp_path: Path) -> None:
    text = report(tmp_path, dossier())
    assert "| `all.accuracy.drop` | max 0.5 pp | **0.17 pp** | 0.61 pp | +66 % | measured |" in text
    assert "| `all.accuracy.drop` | upper 1.5 pp | 0.17 pp | **0.61 pp** | +59 % | measured |" in text


def test_every_table_has_as_many_cells_in_each_row_as_in_its_head(tmp_path: Path) -> None:
    text = report(tmp_path, dossier(), dossier(target="pi", files=tuple(map(elsewhere, candidates()[:3]))))
    cells = 0
    for row in text.splitlines():
        if not row.startswith("|"):
            cells = 0
            continue
        count = len(re.findall(r"(?<!\\)\|", row))
        assert cells in (0, count), row
        cells = count


def test_markdown_is_read_as_meant(tmp_path: Path) -> None:
    from markdown_it import MarkdownIt

    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(report(tmp_path, dossier()))
    assert html.count("<table>") == html.count("</table>") == 7
    assert html.count("<details>") == html.count("</details>") == 3
    assert "<code>here.size</code>" in html
    assert not re.search(r"^\|", re.sub(r"<[^>]+>", "", html), re.MULTILINE), "a table that was read as text"


def test_a_device_that_was_not_reached_says_so_and_shows_size_instead(tmp_path: Path) -> None:
    files = tuple(map(elsewhere, candidates()[:3]))
    text = report(tmp_path, dossier(target="pi", device="pi", files=files, facts={}, protocol={}))
    assert "❔ UNPROVEN" in text
    assert "`int8` was chosen, but does not prove `all.latency.p50`." in text
    assert re.search(r"Unavailable: `latency.p50`, .*`memory.process` – pi cannot be reached\.", text)
    assert "No latency–accuracy and no latency–memory figure: latency.p50 is unavailable." in text
    assert "pi-size-accuracy.svg" in text
    assert "| **latency p50** |" not in text


def test_a_miss_names_the_nearest_candidate(tmp_path: Path) -> None:
    tight = (Budget(typed="here.size", quantity="size", form="max", limit=1000, unit="B", text="1 kB"),)
    text = report(tmp_path, dossier(budgets=tight), budgets=tight)
    assert "❌ **FAIL.** Nothing ships. `int8` comes nearest: fails `here.size`." in text
    assert "`int8` (nearest)" in text
    assert "edgebuild verify" not in text


def test_a_target_without_candidates_has_reasons_and_no_tables(tmp_path: Path) -> None:
    files = (refused("source", "the untouched model"), refused("palette", "palette", kind="not applicable"))
    text = report(tmp_path, dossier(files=files))
    assert "❌ **NO CANDIDATE.** None could be made." in text
    assert "no node of a type that dynamic quantization covers" in text
    assert "Not applicable here: `palette`" in text
    assert "### Before and after" not in text
    assert "### Trade-offs" not in text


def test_a_rejection_is_told_in_the_tools_words_and_once(tmp_path: Path) -> None:
    text = report(tmp_path, dossier())
    assert text.count("ValueError: no node of a type that dynamic quantization covers") == 1


def test_words_of_tools_break_no_table_and_name_no_folder(tmp_path: Path) -> None:
    place = "/home/somebody/.cache/edgebuild/scratch/x7/model.onnx"
    why = f"RuntimeError: <b>bad</b> | node\nof {place}\nat /layer1/conv/Conv"
    rejected = refused("dynamic", "dynamic INT8").model_copy(
        update={"refusal": Refusal(kind="rejected", by="quantize", why=why)}
    )
    text = report(tmp_path, dossier(files=(*candidates()[:3], rejected)))
    assert "&lt;b>bad&lt;/b> | node of model.onnx at /layer1/conv/Conv" in text
    assert "/home/" not in text


def test_many_candidates_make_several_tables_beside_the_source(tmp_path: Path) -> None:
    files = (
        candidate("source", "the untouched model"),
        *(candidate(f"c{i}", "one", ratio=0.8, size=9) for i in range(7)),
    )
    text = report(tmp_path, dossier(files=files))
    assert "| | `source` | `c0` (ships) | `c1` | `c2` | `c3` | `c4` | evidence |" in text
    assert "| | `source` | `c5` | `c6` | evidence |" in text


def test_nothing_names_a_place_on_this_machine(tmp_path: Path) -> None:
    report(tmp_path, dossier())
    for path in (tmp_path / "report").iterdir():
        text = path.read_text(encoding="utf-8")
        assert str(tmp_path) not in text
        assert not re.search(r"(?<![\w.])/(home|root|tmp|usr|var)/", text), path.name


def test_a_template_of_the_users_replaces_the_shipped_one(tmp_path: Path) -> None:
    own = tmp_path / "own"
    (own / "report").mkdir(parents=True)
    (own / "report" / "report.md.j2").write_text("{{ title }}: {{ outcomes[0].status }}\n", encoding="utf-8")
    assert report(tmp_path, dossier(), own=own) == "digits 1.2.0: PASS\n"
    (own / "report" / "report.md.j2").write_text("{{ titel }}\n", encoding="utf-8")
    with pytest.raises(SpecError, match=r"report\.md\.j2:1"):
        write_report([dossier()], [BUDGETS], Renderer(own), tmp_path / "second")


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.049875, "ms", "0.0499 ms"),
        (0.05, "ms", "0.0500 ms"),
        (12345.0, "/s", "12,345 /s"),
        (72949.0, "B", "72.9 kB"),
        (62e6, "B", "62.0 MB"),
        (512.0, "B", "512 B"),
        (98.6666, "%", "98.67 %"),
        (-0.001, "pp", "0.00 pp"),
        (1.3113e-06, "1", "1.3 × 10⁻⁶"),
        (36.9377, "dB", "36.9 dB"),
        (float("inf"), "dB", "∞ dB"),
        (None, "ms", "–"),
    ],
)
def test_numbers_have_the_digits_they_are_worth(value: Any, unit: str, words: str) -> None:
    assert number(value, unit) == words


def test_intervals_name_their_bounds_in_the_unit_of_the_number() -> None:
    both = Interval(low=12_083_200, high=12_230_656, level=0.95, method="")
    assert interval(both, "B") == "12.1 – 12.2"
    assert interval(both.model_copy(update={"low": None}), "pp").startswith("≤ 12")
    assert interval(both.model_copy(update={"low": both.high}), "B") == "", "no wider than its digits"
    assert interval(None, "ms") == ""
    assert percent(0.0058) == "+0.6 %"
    assert percent(-0.65) == "-65 %"


def test_text_in_tables_is_tamed() -> None:
    assert cell("a | b\nc <script>") == "a \\| b c &lt;script>"
    assert code("a`b|c") == "``a`b\\|c``"
    assert line("opening C:\\Users\\somebody\\model.tflite failed") == "opening model.tflite failed"


def test_several_targets_are_compared_on_the_same_samples(tmp_path: Path) -> None:
    text = report(tmp_path, dossier(), dossier(target="phone", candidates=[elsewhere(item) for item in candidates()]))
    table = text.split("### Across the runtimes")[1].split("\n## ")[0]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| ") and "largest" not in line]
    assert [row[0].split("<br>")[0] for row in rows] == sorted(row[0].split("<br>")[0] for row in rows)
    assert {row[-1] for row in rows} == {"measured |", "simulated |"}
    assert all(row[3].endswith(" dB") for row in rows)
    assert not any("refused" in row[1] for row in rows)


def test_a_single_target_has_no_table_across_runtimes(tmp_path: Path) -> None:
    assert "### Across the runtimes" not in report(tmp_path, dossier())
