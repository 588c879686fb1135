"""What the measuring device is: every measurement's key holds these bytes, so nothing that drifts stands in them.

Load, pressure and temperature are conditions (`devices/conditions.py`): recorded with a run, in no key. Names of hosts
and users are nowhere.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from edgebuild.core.step import Step, Workspace
from edgebuild.core.versions import installed
from edgebuild.reads import state

ISA_THAT_MATTERS = (
    "sse4_2", "avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16",
    "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16",
    "asimd", "asimdhp", "fphp", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme",
)  # fmt: skip
"""Flags for which the runtimes' kernels differ; others change nothing that is measured here."""

MEMORY_CLASSES_GIB = (0.25, 0.5, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024)
"""Firmware and kernels keep some memory to themselves, so that equal machines report unequal totals."""


class DeviceFacts(Step):
    """Ask this machine what it is, in every build; an equal answer leaves all measurements standing."""

    version: ClassVar[int] = 1
    filename: ClassVar[str] = "facts.json"
    volatile: ClassVar[bool] = True
    inline: ClassVar[bool] = True

    device: str = "here"
    versions: dict[str, str] = {}
    """Distributions that run the artifacts, by version."""

    def run(self, work: Workspace) -> None:
        """Write the facts as sorted JSON."""
        facts = {"device": self.device, "versions": dict(sorted(self.versions.items())), **identity()}
        work.output.write_text(json.dumps(facts, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def device_facts(distributions: Sequence[str]) -> dict[str, Any]:
    """This machine, with the installed versions of some distributions."""
    return {"device": "here", "versions": installed(distributions), **identity()}


def identity(root: Path = Path("/")) -> dict[str, Any]:
    """What stays the same until somebody changes the machine; None where this system does not say.

    Args:
        root: where `proc` and `sys` lie.
    """
    cpuinfo = processor(read(root / "proc/cpuinfo"))
    flags = set(cpuinfo.get("flags", cpuinfo.get("features", "")).lower().split())
    return {
        "cpu": cpuinfo.get("model name") or part(cpuinfo) or platform.processor() or None,
        "stepping": stepping(cpuinfo),
        "isa": [flag for flag in ISA_THAT_MATTERS if flag in flags],
        "arch": platform.machine(),
        "cores": usable_cores(),
        "quota": quota(root),
        "memory_gib": memory_class(read(root / "proc/meminfo")),
        "system": platform.system(),
        "kernel": ".".join(platform.release().split("-")[0].split(".")[:2]),
        "libc": " ".join(platform.libc_ver()).strip() or None,
        "hypervisor": "hypervisor" in flags or (root / "sys/hypervisor/type").exists(),
        "governor": state(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip() or None,
        "power": power_source(root / "sys/class/power_supply"),
        "python": platform.python_version(),
    }


def summary(facts: dict[str, Any]) -> str:
    """The facts in one line, for documents."""
    parts = [
        str(facts.get("cpu") or "unknown processor"),
        f"{facts.get('cores')} cores",
        f"{facts['memory_gib']:g} GiB" if facts.get("memory_gib") else "",
        f"{facts.get('system')} {facts.get('kernel')}",
        "virtual machine" if facts.get("hypervisor") else "",
    ]
    return ", ".join(filter(None, parts))


def read(file: Path) -> str:
    """Text of a file of the kernel's, or "" where there is none."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def processor(text: str) -> dict[str, str]:
    """Fields of the first processor in `/proc/cpuinfo`, names in lower case."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip().lower(), value.strip())
    return fields


def part(fields: dict[str, str]) -> str:
    """An Arm processor by implementer and part, the only name its kernel gives."""
    known = (fields.get("cpu implementer"), fields.get("cpu part"))
    return "Arm implementer {} part {}".format(*known) if all(known) else ""


def stepping(fields: dict[str, str]) -> str | None:
    """Family, model and stepping, or an Arm core's variant and revision."""
    names = ("cpu family", "model", "stepping") if "stepping" in fields else ("cpu variant", "cpu revision")
    return "-".join(fields.get(name, "?") for name in names) if any(name in fields for name in names) else None


def usable_cores() -> int:
    """Processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def quota(root: Path) -> float | None:
    """Cores that the control group grants, None without a limit; the tightest of the group and those above it."""
    limits = [limit for limit in (*quotas_v2(root), quota_v1(root)) if limit]
    return round(min(limits), 3) if limits else None


def quotas_v2(root: Path) -> list[float]:
    """`cpu.max` of this process's group and of each group above it."""
    group = next((line[3:] for line in state(root / "proc/self/cgroup").splitlines() if line.startswith("0::")), "/")
    found = []
    folder = Path(group.strip())
    for place in (folder, *folder.parents):
        text = state(root / "sys/fs/cgroup" / place.relative_to("/") / "cpu.max").split()
        if len(text) == 2 and text[0] != "max":
            found.append(float(text[0]) / float(text[1]))
    return found


def quota_v1(root: Path) -> float | None:
    """The old hierarchy's limit, as a container sees it."""
    granted, period = (state(root / f"sys/fs/cgroup/cpu/cpu.cfs_{name}_us").strip() for name in ("quota", "period"))
    return float(granted) / float(period) if granted and period and float(granted) > 0 else None


def memory_class(text: str) -> float | None:
    """Total memory as the next size that is sold, in GiB."""
    fields = processor(text)
    if "memtotal" not in fields:
        return None
    gib = float(fields["memtotal"].split()[0]) / 2**20
    return next((size for size in MEMORY_CLASSES_GIB if gib <= size), round(gib))


def power_source(folder: Path) -> str | None:
    """`mains` or `battery`; None where the machine has no battery to run on."""
    supplies = sorted(folder.glob("*")) if folder.is_dir() else []
    if not any(state(supply / "type").strip() == "Battery" for supply in supplies):
        return None
    return "mains" if any(state(supply / "online").strip() == "1" for supply in supplies) else "battery"
