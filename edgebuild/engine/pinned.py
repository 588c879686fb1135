"""Bytes by digest alone: what a lock pins is taken from whichever store has it."""

from __future__ import annotations

from collections.abc import Iterable

from edgebuild.engine.store import Store


def at_hand(store: Store, digests: Iterable[str]) -> dict[str, str]:
    """Where each file lies that the store, or one behind it, has; those that are nowhere are left out."""
    return {digest: store.blobs.where(digest) for digest in digests if store.blobs.verify(digest)}
