"""The identity of a step's output: what decides its bytes, and the hash of that."""

from __future__ import annotations

import json
import os
import platform as host
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from pydantic import BaseModel

from edgebuild.core.records import canonical_json, digest_of, key_fields, plain
from edgebuild.core.step import Step
from edgebuild.core.wires import Artifact, Attempt, Refusal

Wire = Artifact | Attempt
Parts = dict[str, Any]
"""`kind`, `version`, `parameters`, `tools`, and where they count `platform` and `seen`."""

LAYOUT = 1
"""Raised when the way keys are made changes; golden keys in the tests hold it."""

THREADS = 1
"""What every step is given for its own threads (see `process.ENVIRONMENT`)."""

ABSENT = "absent"
"""Version of a distribution that is not installed, digest of a file that is not there."""


def parts_of(step: Step, name_of: Callable[[Wire], str], digest_file: Callable[[Path], str]) -> Parts:
    """All that decides a step's output, but for the files its user code is seen to read.

    Args:
        step: whose parts.
        name_of: digest of what a wire leads to, or of its refusal.
        digest_file: digest of one file, for tools that are installed in place.
    """
    parts: Parts = {
        "layout": LAYOUT,
        "kind": step.kind(),
        "version": type(step).version,
        "parameters": resolved(step, name_of),
        "tools": {tool: tool_version(tool, digest_file) for tool in sorted(type(step).tools)},
    }
    if not type(step).portable:
        parts["platform"] = platform()
    return parts


def key_of(parts: Parts) -> str:
    """64 hex digits."""
    return digest_of(canonical_json(parts)).removeprefix("sha256:")


def resolved(value: Any, name_of: Callable[[Wire], str]) -> Any:
    """Plain data, with each wire as the name its reader sees and the digest of its bytes."""
    if isinstance(value, Artifact | Attempt):
        return {"wire": value.wire, "filename": value.filename, "digest": name_of(value)}
    if isinstance(value, BaseModel):
        return {name: resolved(item, name_of) for name, item in key_fields(value).items()}
    if isinstance(value, dict):
        return {plain(str(name)): resolved(item, name_of) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [resolved(item, name_of) for item in value]
    return plain(value)


def refusal_digest(refusal: Refusal) -> str:
    """The name of a refusal, as a reader's key holds it."""
    return "refusal:" + digest_of(canonical_json(refusal)).removeprefix("sha256:")


# -- tools ---------------------------------------------------------------------------------------------------------


def tool_version(name: str, digest_file: Callable[[Path], str]) -> str:
    """Version of an installed distribution, with a digest of its files where it is installed in place."""
    version, source = _installed(name)
    return f"{version}+{_tree_digest(source, digest_file)}" if source else version


@cache
def _installed(name: str) -> tuple[str, Path | None]:
    from importlib import metadata

    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return ABSENT, None
    url = json.loads(found.read_text("direct_url.json") or "{}")
    if not url.get("dir_info", {}).get("editable"):
        return found.version, None
    return found.version, Path(unquote(urlparse(url["url"]).path))


def _tree_digest(folder: Path, digest_file: Callable[[Path], str]) -> str:
    """Digest of the source of a distribution that is being developed: its Python and compiled files."""
    lines = []
    for base, folders, files in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and name not in ("__pycache__", "tests")
        )
        for name in sorted(files):
            if name.endswith((".py", ".so", ".toml", ".json", ".yaml")):
                path = Path(base, name)
                lines.append([path.relative_to(folder).as_posix(), digest_file(path)])
    return digest_of(canonical_json(lines)).removeprefix("sha256:")[:16]


# -- machine -------------------------------------------------------------------------------------------------------

# The instruction sets on which kernels of numpy, oneDNN, MLAS and XNNPACK branch, and so sums round differently.
X86_FLAGS = ("sse4_1", "avx", "f16c", "fma", "avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8")
ARM_FLAGS = ("asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme")


@cache
def platform() -> dict[str, Any]:
    """System, architecture, instruction sets, C library, Python and threads."""
    libc = "-".join(filter(None, host.libc_ver())) or host.release()
    return {
        "system": sys.platform,
        "machine": host.machine(),
        "isa": _instruction_sets(),
        "libc": libc,
        "python": f"{sys.version_info[0]}.{sys.version_info[1]}",
        "threads": THREADS,
    }


def _instruction_sets() -> list[str]:
    try:
        text = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        return []
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            found = set(value.split())
            return [flag for flag in (*X86_FLAGS, *ARM_FLAGS) if flag in found]
    return []
