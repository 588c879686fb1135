"""Where every command starts: a build that has nothing to do ends here, before anything else is imported."""

import errno
import os
import sys

SELDOM = (200_000, 50, 100)
"""When garbage is collected: what a walk over ten thousand steps makes lives to its end, and looking through it again
and again took a sixth of the walk's time."""


def main() -> int:
    """Answer from a stamp, or run the whole program.

    `--no-fast-path` and `EDGEBUILD_FAST=0` always run it.
    """
    argv = sys.argv[1:]
    if argv[:1] == ["build"] and "--no-fast-path" not in argv and os.environ.get("EDGEBUILD_FAST") != "0":
        from edgebuild.stamps import recall

        found = recall(argv)
        if found:
            code, out, err = found
            written(1, out)
            written(2, err)
            # The interpreter's own end takes as long as all of the above.
            os._exit(code)
    import gc

    gc.set_threshold(*SELDOM)
    from edgebuild.cli.main import main as whole

    return whole()


def written(descriptor: int, text: bytes) -> None:
    """All of a text; as any program, silent where the reader has gone, or where there never was one."""
    try:
        while text:
            text = text[os.write(descriptor, text) :]
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            os._exit(141)
        if error.errno != errno.EBADF:
            words = f"edgebuild: {error.strerror}: what was to be printed\n"
            if descriptor != 2:
                written(2, words.encode())
            os._exit(5)


if __name__ == "__main__":
    sys.exit(main())
