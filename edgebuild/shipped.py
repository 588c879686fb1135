"""Where the data that ships with edgebuild lies, in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path


def shipped(*parts: str) -> Path:
    """A file or folder of `specs/` or `templates/`, e.g. `shipped("templates", "report")`.

    A wheel carries both folders inside the package; a checkout has them beside it.
    """
    package = Path(__file__).resolve().parent
    inside = package / "shipped" / parts[0]
    root = inside.parent if inside.is_dir() else package.parent
    return root.joinpath(*parts)
