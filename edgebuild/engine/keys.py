"""The identity of a step's output: what decides its bytes, and the hash of that."""

from __future__ import annotations

import hashlib
import json
import os
import platform as host
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from edgebuild import looks
from edgebuild.core import distributions
from edgebuild.core.node import Node
from edgebuild.core.records import canonical_json, digest_of
from edgebuild.core.wires import Refusal, unwired

Parts = dict[str, Any]
"""`kind`, `version`, `parameters`, `tools`, `inputs`, and where they count `platform` and `seen`."""

LAYOUT = 3
"""Raised when the way keys are made changes; golden keys in the tests hold it."""

THREADS = 1
"""What every step is given for its own threads (see `process.ENVIRONMENT`)."""

ABSENT = looks.ABSENT
"""Version of a distribution that is not installed, digest of a file that is not there."""


PLAIN = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
"""Made once: a walk has thousands of keys."""


def parts_of(node: Node, inputs: dict[str, str], digest_file: Callable[[Path], str]) -> Parts:
    """All that decides a step's output, but for the files its user code is seen to read.

    Args:
        node: whose parts.
        inputs: path of each wire's field, to the digest of what it leads to or of its refusal.
        digest_file: digest of one file, for tools that are installed in place.
    """
    step = node.step
    parts: Parts = {
        "kind": step.kind(),
        "version": type(step).version,
        "parameters": unwired(step),
        "tools": versions_of(node.tools, digest_file),
        "inputs": inputs,
    }
    if not node.portable:
        parts["platform"] = platform()
    return parts


def versions_of(tools: tuple[str, ...], digest_file: Callable[[Path], str]) -> dict[str, str]:
    """Version of each tool, `absent` where it is not installed."""
    return {tool: tool_version(tool, digest_file) for tool in tools}


def static_of(parts: Parts) -> str:
    """See `Step.static`."""
    return digest_of(canonical_json([parts["kind"], parts["version"], parts["parameters"]])).removeprefix("sha256:")


def key_of(parts: Parts) -> str:
    """64 hex digits."""
    return joined(static_of(parts), parts["tools"], parts["inputs"], parts.get("platform"), parts.get("seen"))


def joined(
    static: str,
    tools: dict[str, str],
    inputs: dict[str, str],
    machine: dict[str, Any] | None = None,
    seen: list[list[str]] | None = None,
) -> str:
    """The key from what is already plain data: a walk makes one for each of thousands of steps."""
    rest = [LAYOUT, static, tools, inputs, machine, seen]
    return hashlib.sha256(PLAIN(rest).encode()).hexdigest()


def refusal_digest(refusal: Refusal) -> str:
    """The name of a refusal, as a reader's key holds it."""
    return "refusal:" + digest_of(canonical_json(refusal)).removeprefix("sha256:")


# -- tools ---------------------------------------------------------------------------------------------------------


def tool_version(name: str, digest_file: Callable[[Path], str]) -> str:
    """Version of a distribution, as steps find it; with a digest of its files where it did not come from an index.

    Installed again from the same folder, its version may be the same.
    """
    found = distributions.find(name)
    if found is None:
        return ABSENT
    if not found.editable:
        return found.identity(digest_file) if found.origin else found.version
    source = Path(unquote(urlparse(found.origin["url"]).path))
    return f"{found.version}+{_tree_digest(source, digest_file)}"


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
