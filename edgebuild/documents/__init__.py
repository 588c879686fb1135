"""YAML with positions: every key and value knows where it stands. The only YAML reader and writer of the project."""

from edgebuild.documents.document import Document, Loc, Place, dotted, shown_name
from edgebuild.documents.files import neighbours, parse, read, write
from edgebuild.documents.scalars import VERSIONS, scalar

__all__ = [
    "VERSIONS",
    "Document",
    "Loc",
    "Place",
    "dotted",
    "neighbours",
    "parse",
    "read",
    "scalar",
    "shown_name",
    "write",
]
