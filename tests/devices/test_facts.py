"""Facts over fixture trees of other machines, and over this one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Bench

from edgebuild.devices.conditions import conditions
from edgebuild.devices.facts import DeviceFacts, device_facts, identity, memory_class, summary

PI5 = """processor	: 0
BogoMIPS	: 108.00
Features	: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x4
CPU part	: 0xd0b
CPU revision	: 1

processor	: 1
Features	: fp
"""


def put(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_the_step_writes_the_same_bytes_twice_and_names_nobody(bench: Bench) -> None:
    step = DeviceFacts(device="here", versions={"onnxruntime": "1.32.0"})
    first = bench.run(step).read_bytes()
    bench.output.unlink()

    assert bench.run(step).read_bytes() == first
    facts = json.loads(first)
    assert facts["versions"] == {"onnxruntime": "1.32.0"}
    assert facts["cores"] >= 1
    import getpass
    import socket

    assert socket.gethostname() not in first.decode().replace(facts["cpu"] or "", "")
    assert f'"{getpass.getuser()}"' not in first.decode()


def test_what_drifts_is_no_fact() -> None:
    assert not {"load", "pressure", "temperature", "clock"} & set(identity())
    assert set(conditions()) == {"load", "pressure", "temperature", "clock", "throttled", "stolen"}


def test_an_arm_board_is_known_by_implementer_and_part(tmp_path: Path) -> None:
    put(tmp_path, "proc/cpuinfo", PI5)
    put(tmp_path, "proc/meminfo", "MemTotal:        8256208 kB\n")
    put(tmp_path, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "ondemand\n")

    facts = identity(tmp_path)

    assert facts["cpu"] == "Arm implementer 0x41 part 0xd0b"
    assert facts["stepping"] == "0x4-1"
    assert facts["isa"] == ["asimd", "asimdhp", "fphp", "asimddp"]
    assert (facts["memory_gib"], facts["governor"], facts["hypervisor"]) == (8, "ondemand", False)


def test_a_system_that_says_nothing_gives_none_not_zero(tmp_path: Path) -> None:
    facts = identity(tmp_path)

    assert [facts[name] for name in ("quota", "memory_gib", "governor", "power", "stepping")] == [None] * 5
    empty = conditions(tmp_path)
    assert [empty[name] for name in ("pressure", "temperature", "clock", "throttled", "stolen")] == [None] * 5


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5),
        ({"sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/cpu.max": "200000 100000\n",
                "sys/fs/cgroup/a/b/cpu.max": "50000 100000\n",
            },
            0.5,
        ),
        ({"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "25000\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, 0.25),
    ],
)
def test_the_tightest_quota_counts(tmp_path: Path, files: dict[str, str], quota: float | None) -> None:
    for path, text in files.items():
        put(tmp_path, path, text)

    assert identity(tmp_path)["quota"] == quota


@pytest.mark.parametrize(("kb", "gib"), [(8_256_208, 8), (25_000_000, 24), (3_884_000, 4), (430_000, 0.5)])
def test_memory_is_the_size_that_is_sold(kb: int, gib: float) -> None:
    assert memory_class(f"MemTotal: {kb} kB\n") == gib


@pytest.mark.parametrize(
    ("supplies", "power"),
    [([], None), ([("Mains", "1")], None), ([("Battery", ""), ("Mains", "1")], "mains"),
     ([("Battery", ""), ("Mains", "0")], "battery")],
)  # fmt: skip
def test_a_machine_that_can_run_on_its_battery_says_whether_it_does(
    tmp_path: Path, supplies: list[tuple[str, str]], power: str | None
) -> None:
    for number, (kind, online) in enumerate(supplies):
        put(tmp_path, f"sys/class/power_supply/S{number}/type", f"{kind}\n")
        put(tmp_path, f"sys/class/power_supply/S{number}/online", f"{online}\n")

    assert identity(tmp_path)["power"] == power


def test_conditions_are_read_where_the_system_gives_them(tmp_path: Path) -> None:
    put(tmp_path, "proc/pressure/cpu", "some avg10=2.50 avg60=0.00 avg300=0.00 total=1\n")
    put(tmp_path, "sys/class/thermal/thermal_zone0/temp", "48312\n")
    put(tmp_path, "sys/class/thermal/thermal_zone1/temp", "51000\n")
    put(tmp_path, "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "2400000\n")
    put(tmp_path, "sys/fs/cgroup/cpu.stat", "usage_usec 5\nnr_periods 9\nnr_throttled 4\n")
    put(tmp_path, "proc/stat", "cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 0\n")

    found = conditions(tmp_path)

    assert found["pressure"] == 2.5
    assert (found["temperature"], found["clock"], found["throttled"], found["stolen"]) == (51.0, 2400.0, 4, 8)


def test_versions_are_those_that_are_installed() -> None:
    facts = device_facts(("pydantic", "no-such-distribution"))

    assert list(facts["versions"]) == ["pydantic"]
    assert f"{facts['cores']} cores" in summary(facts)
