"""Tools that would bend the main environment: each in a folder of its own, made from a lock that pins digests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

from edgebuild.core.step import USERS_HOME, Step, Workspace
from edgebuild.errors import Refused
from edgebuild.shipped import shipped

PASSED = ("PIP_", "SSL_CERT", "REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "XDG_CONFIG")
"""Beginnings of the variables by which a user tells pip where packages come from; in small letters too."""
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s\\]+)", re.MULTILINE)
LOGIN = re.compile(r"(\w://)[^/\s]+@")
"""What stands before the host of an address."""
OTHER_DIGEST = "THESE PACKAGES DO NOT MATCH THE HASHES"
"""Pip's words."""


class PinnedTool(Step):
    """Install what a lock of `specs/tools/` pins, and no more, into a folder.

    A step like any other, so that the store is what the folder lies in: known by the lock's text, made once under a
    lease, moved in whole, healed, shared by all specs and swept by `gc`. The folder follows the packages of the
    environment that edgebuild runs in, which it never changes.
    """

    version: ClassVar[int] = 1
    filename: ClassVar[str] = "tool"
    # Wheels hold code for one platform and one Python.
    portable: ClassVar[bool] = False
    # Where packages come from is no part of what they are.
    passes: ClassVar[tuple[str, ...]] = PASSED

    name: str
    lock: str
    """The text of the lock."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: pip cannot have the packages, or one has another digest; for this build only."""
        pins = pinned(self.lock)
        first, version = next(iter(pins.items()))
        work.progress(0, 1, f"fetching {first} {version} and {len(pins) - 1} packages that it needs, once")
        try:
            install(self.name, self.lock, work.output, work.scratch)
        except Refused as refused:
            # The next build may have a network, or an index that is mended.
            work.for_this_build_only(refused.why)
            raise


def pinned_tool(name: str) -> PinnedTool:
    """The step that makes a tool of `specs/tools/<name>.lock` on this machine."""
    return PinnedTool(name=name, lock=lock_text(name))


def lock_text(name: str) -> str:
    """The lock of a tool."""
    return shipped("specs", "tools", f"{name}.lock").read_text(encoding="utf-8")


def pinned(lock: str) -> dict[str, str]:
    """Distributions of a lock with their versions; the tool itself is the first."""
    return dict(PINNED.findall(lock))


def install(name: str, lock: str, folder: Path, scratch: Path) -> None:
    """Let pip install a lock into a folder.

    Args:
        name: of the tool.
        lock: its text.
        folder: that is made.
        scratch: a folder for the lock as a file.

    Raises:
        Refused: kind "not applicable", with pip's words.
    """
    requirements = scratch / "requirements.txt"
    requirements.write_text(lock, encoding="utf-8")
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps",
        "--require-hashes", "--ignore-requires-python", "--only-binary", ":all:", "--no-compile",
        "--no-warn-script-location", "--target", str(folder), "--requirement", str(requirements),
    ]  # fmt: skip
    # Pip's own file of settings lies below the user's home.
    seen = {**os.environ, "HOME": os.environ.get(USERS_HOME, str(Path.home()))}
    done = subprocess.run(command, env=seen, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise Refused(
            by=f"pip, for {name}", why=reason(done.stderr), fix=way_out(name, done.stderr), kind="not applicable"
        )
    # Scripts hold the path of this Python, and the records list them.
    shutil.rmtree(folder / "bin", ignore_errors=True)
    for record in folder.glob("*.dist-info/RECORD"):
        record.unlink()


def reason(said: str) -> str:
    """The errors among pip's words, without the names and passwords in addresses."""
    lines = [line.strip() for line in LOGIN.sub(r"\1", said).splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ") or "No module named" in line]
    return " ".join(errors or lines[-1:]) or "pip ended without a word."


def way_out(name: str, said: str) -> str:
    """What the user can do."""
    if "No module named pip" in said:
        return "Add pip to this environment: `python -m ensurepip`."
    if OTHER_DIGEST in said:
        return f"The index serves other files than `specs/tools/{name}.lock` pins; ask who runs it."
    return (
        f"It is fetched once, from the index that pip is set to: build with a network, or put the files that "
        f"`specs/tools/{name}.lock` pins where `PIP_FIND_LINKS` points. Or bring the model in the target's own format."
    )
