"""Versions of installed distributions, each looked up once: reading a package's metadata takes about a millisecond."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache


@cache
def version_of(distribution: str) -> str | None:
    """The installed version, None where it is not installed. Imports nothing of it."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def installed(distributions: Iterable[str]) -> dict[str, str]:
    """Version of each distribution that is there, sorted by name."""
    found = {name: version_of(name) for name in sorted(set(distributions))}
    return {name: version for name, version in found.items() if version is not None}
