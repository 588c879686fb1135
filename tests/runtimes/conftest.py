"""Fixtures that are made in `tests/compress`."""

from tests.compress.conftest import calibration  # noqa: F401 - a fixture
