"""What the commands say of a candidate that comes of a search."""

from __future__ import annotations

import re
from pathlib import Path

from edgebuild.cli.why import candidate_words
from tests.cli.conftest import Project
from tests.deliver.test_tried import found


def test_why_of_a_finalist_says_what_stays_in_floating_point_and_what_that_costs(tmp_path: Path) -> None:
    told = found(tmp_path)
    words = candidate_words(told, "best")
    assert words[0] == "layers 2 to 3 of 4 in int8"
    assert any(line.startswith("`best`: layers 1 and 4 of 4 (`stem`, `head`) stay in floating point") for line in words)
    assert not any("stay in floating point" in line for line in candidate_words(told, "int8"))


def searching(project: Project) -> Project:
    """For a device that is not here: the search ranks by bits, and says the same each time."""
    project.replace("defaults: true", "defaults: false\n  best: {quantize: mixed}")
    project.replace("device: here", "device: raspberry-pi-5")
    return project


def test_plan_tells_the_finalists_apart_and_eject_that_they_are_no_script(fresh: Project) -> None:
    searching(fresh)
    told = fresh.edgebuild("plan").out
    assert "static INT8 in some layers, searched by bits: the smallest finalist" in told
    assert "static INT8 in some layers, searched by bits: the 2nd smallest finalist" in told
    done = fresh.edgebuild("eject", "pc/best.2")
    assert done.code == 2
    assert "pc/best.2: is what a search chose, as it is: there is nothing behind it for a script." in done.err


def test_a_build_tells_what_its_search_tried(fresh: Project) -> None:
    done = searching(fresh).build()
    assert done.code == 0, done.out + done.err
    report = fresh.folder / "build" / "tiny" / "report"
    text = (report / "report.md").read_text()
    assert "`best` searched which of 2 layers to compute in fewer bits:" in text
    assert "That is an estimate, and no time: the target was not at hand." in text
    assert (report / "pc-best-tried.svg").exists()
    assert re.search(r"\*\*`best`\*\* – (all 2 layers|layer \d of 2) in int8 \(\d+ % of the multiplications\)", text)
    assert "member 1" not in text
    assert "effective bits (estimated)" in fresh.edgebuild("why", "pc/best").out
    assert "0 steps ran" in fresh.build().out
