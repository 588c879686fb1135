"""Compare the lock with another revision (default: HEAD) and print the review comment, in markdown."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from edgebuild.errors import MissingToolError, Problem, SpecError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Revision, specs."""
    parser.add_argument("revision", nargs="?", default="HEAD", metavar="REV", help="a git revision (default: HEAD)")
    parser.add_argument("paths", nargs="*", metavar="SPEC", help="specs or folders")


def run(args: argparse.Namespace) -> int:
    """Print one comment per spec."""
    from edgebuild.cli.common import load_specs
    from edgebuild.deliver.provenance.diff import diff_markdown
    from edgebuild.deliver.provenance.lock import parse_lock
    from edgebuild.deliver.provenance.records import lock_file

    for spec in load_specs(args.paths):
        lock = lock_file(Path(spec.file))
        if not lock.exists():
            raise SpecError(Problem(lock.name, "does not exist.", "Run `edgebuild build` first."))
        old = parse_lock(committed(lock, args.revision), f"{args.revision}:{lock.name}")
        sys.stdout.write(diff_markdown(old, parse_lock(lock.read_text(encoding="utf-8"), lock.name)))
    return 0


def committed(file: Path, revision: str) -> str:
    """The file's text at a revision, empty where it was not there.

    Raises:
        MissingToolError: no git, no repository, or no such revision.
    """
    try:
        if git(file.parent, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").returncode != 0:
            raise SpecError(
                Problem(revision, "is no commit of a git repository here.", "Name a revision that `git log` knows.")
            )
        shown = git(file.parent, "show", f"{revision}:./{file.name}")
    except FileNotFoundError as error:
        fix = "Install git; `diff` reads the old lock from it."
        raise MissingToolError(Problem("git", "is not installed.", fix)) from error
    return shown.stdout.decode() if shown.returncode == 0 else ""


def git(folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run git in a folder."""
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - git with words of ours
