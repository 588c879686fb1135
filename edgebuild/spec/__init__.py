"""Text → Spec, or every problem with its place."""

from edgebuild.spec.find import find
from edgebuild.spec.load import load
from edgebuild.spec.records import Spec

__all__ = ["Spec", "find", "load"]
