"""What a tool says: a refusal in its words, or a failure of the machine."""

from __future__ import annotations

import errno

import pytest

from edgebuild import errors
from edgebuild.errors import Refused, words_of, worst_code
from edgebuild.runner import job


def test_what_a_tool_raises_is_a_refusal_in_its_words() -> None:
    with pytest.raises(Refused, match="ValueError: no such operator"), words_of("tool"):
        raise ValueError("no such operator")


@pytest.mark.parametrize(
    "words",
    [
        "std::bad_alloc",
        "[ONNXRuntimeError] : 6 : bfc_arena.cc:376 Failed to allocate memory for requested buffer of size 7",
        "ResourceExhaustedError: OOM when allocating tensor",
        "Cannot allocate memory",
        "libfoo.so: failed to map segment from shared object",
    ],
)
def test_memory_that_ran_out_is_no_words_about_the_model(words: str) -> None:
    with pytest.raises(MemoryError), words_of("tool"):
        raise RuntimeError(words)


def test_a_full_disk_is_no_words_about_the_model() -> None:
    with pytest.raises(OSError, match="No space left") as caught, words_of("tool"):
        raise RuntimeError("write failed: No space left on device")
    assert caught.value.errno == errno.ENOSPC


def test_the_runner_which_travels_alone_knows_the_same_words() -> None:
    assert (errors.MEMORY, errors.DISK) == (job.MEMORY, job.DISK)


@pytest.mark.parametrize(
    ("codes", "first"), [((0, 1, 4), 4), ((4, 3), 3), ((3, 5), 5), ((5, 70), 70), ((70, 2), 2), ((), 0), ((0, 1), 1)]
)
def test_codes_have_one_order(codes: tuple[int, ...], first: int) -> None:
    assert worst_code(codes) == first
