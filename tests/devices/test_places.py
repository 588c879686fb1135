"""Who decides what a number is worth, and what a committed measurement must hold."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from edgebuild.devices.places import place_of
from edgebuild.devices.profiles import names, profile_of
from edgebuild.errors import SpecError
from edgebuild.shipped import shipped

ARTIFACT = "sha256:" + "a" * 64
TODAY = date(2026, 11, 20)


def record(**changes: Any) -> dict[str, Any]:
    return {
        "artifact": ARTIFACT,
        "device": "raspberry-pi-5",
        "runtime": {"onnxruntime": "1.32.0"},
        "condition": {"governor": "performance"},
        "protocol": "3 processes × 20 rounds × 50 runs, 1 thread",
        "raw": "sha256:" + "b" * 64,
        "date": "2026-11-01",
        "samples": 3000,
        "values": {"latency.p50": {"value": 4.2, "low": 4.1, "high": 4.3}},
        **changes,
    }


def commit(folder: Path, *records: dict[str, Any], name: str = "pi5.json") -> Path:
    (folder / "measurements").mkdir(exist_ok=True)
    (folder / "measurements" / name).write_text(json.dumps(records[0] if len(records) == 1 else list(records)))
    return folder


def test_here_everything_but_energy_is_measured(tmp_path: Path) -> None:
    place = place_of("here", tmp_path)

    worth = {family: place.worth(family).evidence for family in ("accuracy", "latency", "memory", "size", "placement")}
    assert set(worth.values()) == {"measured"}
    assert place.worth("energy").evidence == "unavailable"
    assert "meter" in place.worth("energy").why


def test_elsewhere_accuracy_is_simulated_and_latency_unavailable_with_the_reason(tmp_path: Path) -> None:
    place = place_of("raspberry-pi-5", tmp_path)

    assert not place.here
    assert place.worth("accuracy").evidence == "simulated"
    assert place.worth("size").evidence == "measured"
    for family in ("latency", "memory"):
        assert place.worth(family).evidence == "unavailable"
        assert "raspberry-pi-5 cannot be reached" in place.worth(family).why


def test_a_committed_measurement_is_found_by_the_digest_of_what_was_measured(tmp_path: Path) -> None:
    place = place_of("raspberry-pi-5", commit(tmp_path, record()))

    found = place.record(ARTIFACT)
    assert found is not None
    assert found.values["latency.p50"].value == 4.2
    assert place.record("sha256:" + "c" * 64) is None


def test_the_newest_measurement_counts_and_other_devices_do_not(tmp_path: Path) -> None:
    newer = record(date="2026-11-15", values={"latency.p50": {"value": 4.0}})
    other = record(device="raspberry-pi-4", date="2026-11-18")

    place = place_of("raspberry-pi-5", commit(tmp_path, record(), newer, other))

    assert [item.date.day for item in place.committed] == [15, 1]
    found = place.record(ARTIFACT)
    assert found is not None
    assert found.values["latency.p50"].value == 4.0


def test_a_measurement_that_is_too_old_is_left_out_and_said_so(tmp_path: Path) -> None:
    commit(tmp_path, record())

    assert len(place_of("raspberry-pi-5", tmp_path, max_age_days=19, today=TODAY).committed) == 1
    old = place_of("raspberry-pi-5", tmp_path, max_age_days=18, today=TODAY)
    assert old.committed == ()
    assert "2026-11-01" in old.notes[0]
    assert "older than 18 days" in old.notes[0]


def test_every_malformed_measurement_is_said_at_once(tmp_path: Path) -> None:
    broken = record(samples="many")
    del broken["raw"]
    commit(tmp_path, broken)
    (tmp_path / "measurements" / "zz.json").write_text("{")

    with pytest.raises(SpecError) as caught:
        place_of("raspberry-pi-5", tmp_path)

    said = [problem.where for problem in caught.value.problems]
    assert said == ["measurements/pi5.json: raw", "measurements/pi5.json: samples", "measurements/zz.json"]


def test_an_unknown_device_gets_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="did you mean `raspberry-pi-5`"):
        place_of("rasberry-pi-5", tmp_path)


def test_a_users_own_device_stands_beside_the_spec_and_wins(tmp_path: Path) -> None:
    (tmp_path / "devices").mkdir()
    mine = "title: My board\narch: aarch64\nfigures:\n  clock: {value: 1500, unit: MHz, source: data sheet}\n"
    (tmp_path / "devices" / "my-board.yaml").write_text(mine)
    (tmp_path / "devices" / "raspberry-pi-5.yaml").write_text(mine.replace("My board", "Overclocked"))

    assert profile_of("my-board", tmp_path).figures["clock"].source == "data sheet"
    assert profile_of("raspberry-pi-5", tmp_path).title == "Overclocked"
    assert "my-board" in names(tmp_path)


def test_a_figure_without_a_source_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices" / "x.yaml").write_text("title: X\narch: aarch64\nfigures:\n  clock: {value: 1500}\n")

    with pytest.raises(SpecError, match=r"figures.clock.source"):
        profile_of("x", tmp_path)


@pytest.mark.parametrize("file", sorted(shipped("specs", "devices").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_figure_of_a_shipped_profile_has_a_source(file: Path, tmp_path: Path) -> None:
    profile = profile_of(file.stem, tmp_path)

    assert profile.name == file.stem
    assert all(figure.source for figure in profile.figures.values())
    assert profile.isa_source
    assert profile.runtimes_source
