"""Packages that a library would import for its own convenience, kept from it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hidden(*packages: str) -> Iterator[None]:
    """Let an import inside find none of these, where nothing has imported them yet.

    onnxsim imports torch wherever it is installed (4 s), coremltools torch and tensorflow (14 s), and use neither here.
    """
    absent = [name for name in packages if name not in sys.modules]
    for name in absent:
        # None is how Python marks what is not to be had.
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
