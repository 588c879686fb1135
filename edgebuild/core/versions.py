"""Versions of installed distributions, as steps find them, each looked up once."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from edgebuild.core.distributions import find


@cache
def version_of(distribution: str) -> str | None:
    """The installed version, None where it is not installed. Imports nothing of it."""
    found = find(distribution)
    return found.version if found else None


def installed(distributions: Iterable[str]) -> dict[str, str]:
    """Version of each distribution that is there, sorted by name."""
    found = {name: version_of(name) for name in sorted(set(distributions))}
    return {name: version for name, version in found.items() if version is not None}
