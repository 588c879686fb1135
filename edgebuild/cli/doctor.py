"""Say what is usable on this machine, and the exact command that adds what is missing.

Exit 0 where everything the given specs (or, without specs, the core) need is there, else 4.
"""

from __future__ import annotations

import argparse
import json
import re
from typing import Any

from edgebuild.models.torch_files import FORMATS

PURPOSES: dict[str, str] = {
    "onnxruntime": "deploy to ONNX Runtime; read .onnx models",
    "litert": "deploy to LiteRT; read .tflite models",
    "micro": "deploy to microcontrollers with TensorFlow Lite Micro",
    "keras": "read .keras, .h5 and SavedModel",
    "torch": "read torch programs (.pt2), TorchScript and weights",
    "report": "metrics of scikit-learn, folders of images",
}
"""Extra → what it is for."""

TOOLS: dict[str, str] = {"onnx2tf": "convert ONNX to TFLite"}
"""Lock of `specs/tools/` → what the tool is for."""

REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)[^;]*;\s*extra\s*==\s*[\"'](.+)[\"']")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Specs are optional: with them only what they need counts."""
    parser.add_argument("paths", nargs="*", metavar="SPEC", help="specs or folders whose needs decide the exit code")
    parser.add_argument("--format", choices=("text", "json"), default="text")


def distributions(extra: str) -> list[str]:
    """What an extra of this installation brings."""
    from importlib.metadata import requires

    found = (REQUIREMENT.fullmatch(line) for line in requires("edgebuild") or [])
    return [match[1] for match in found if match and match[2] == extra]


def examine() -> list[dict[str, Any]]:
    """One row for each extra: its packages with versions, usable or not, and the command."""
    from edgebuild.core.versions import version_of

    rows = []
    for extra, purpose in PURPOSES.items():
        packages = {name: version_of(name) for name in distributions(extra)}
        missing = [name for name, found in packages.items() if found is None]
        rows.append(
            {
                "extra": extra,
                "purpose": purpose,
                "packages": packages,
                "usable": not missing,
                "missing": missing,
                "command": f'pip install "edgebuild[{extra}]"' if missing else "",
            }
        )
    return rows


def needed(paths: list[str]) -> set[str]:
    """Extras that the given specs cannot do without."""
    from edgebuild.cli.common import load_specs

    wanted: set[str] = set()
    for spec in load_specs(paths):
        wanted |= {type(target).extra for target in spec.targets.values()}
        if spec.model.format in ("keras", "h5", "savedmodel"):
            wanted.add("keras")
        if spec.model.format in FORMATS:
            wanted.add("torch")
    return wanted


def run(args: argparse.Namespace) -> int:
    """Print the table and return 0 or 4."""
    rows = examine()
    wanted = needed(args.paths) if args.paths else set()
    lacking = [row for row in rows if not row["usable"] and row["extra"] in wanted]
    if args.format == "json":
        print(json.dumps({"extras": rows, "needed": sorted(wanted)}, indent=2))
        return 4 if lacking else 0
    for row in rows:
        mark = "usable " if row["usable"] else "missing"
        print(f"{mark}  {row['extra']:<12} {row['purpose']}")
        print("         " + ", ".join(f"{name} {found or '–'}" for name, found in row["packages"].items()))
        if row["command"]:
            print(f"         add it: {row['command']}")
    print_tools()
    print_machine()
    return 4 if lacking else 0


def print_tools() -> None:
    """Tools that live in folders of their own."""
    from edgebuild.models.tool import lock_text, pinned

    for name, purpose in TOOLS.items():
        pins = pinned(lock_text(name))
        print(
            f"own      {name} {pins[name]:<9} {purpose}; fetched by the first build that needs it ({len(pins)} pinned)"
        )


def print_machine() -> None:
    """What measuring depends on, as the build would record it."""
    from edgebuild.devices.facts import identity

    print("\nthis machine, as measurements record it:")
    for name, value in sorted(identity().items()):
        words = ", ".join(value) if isinstance(value, list) else value
        print(f"  {name}: {'not told' if words is None else words}")
