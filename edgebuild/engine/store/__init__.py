"""Bytes by digest, and rows that say which key gave which bytes."""

from edgebuild.engine.store.store import Store, default_root

__all__ = ["Store", "default_root"]
