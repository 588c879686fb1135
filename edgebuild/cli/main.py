"""argv → one command → exit code. The one place where an error becomes a text and a number."""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from edgebuild.errors import EdgebuildError

COMMANDS: dict[str, str] = {
    "init": "inspect a model and write a commented spec that builds at once",
    "check": "find every problem of the specs, before any work",
    "plan": "show what a build would do, and what it would cost",
    "build": "make, measure, choose and package; exit 0 only when every budget is met",
    "why": "explain a rerun, a refusal or a choice",
    "report": "print or rewrite the report of the last build",
    "diff": "compare the lock with another revision, as a review comment",
    "graph": "draw the build graph as mermaid, dot or SVG",
    "doctor": "say what is usable here and the command that adds what is missing",
    "schema": "print the JSON Schema of the spec",
    "verify": "check a package: bytes, manifest, golden outputs",
    "store": "show the store, make room in it, check its bytes",
    "eject": "print a plain script that makes one candidate's bytes without edgebuild",
    "completion": "print the completion script of a shell",
}

FOOTER = (
    "Exit codes: 0 every budget met · 1 a budget is not · 2 a spec is wrong · 3 no candidate · 4 a tool is missing · \
5 a step failed · 70 a bug of ours."
)


def parser() -> argparse.ArgumentParser:
    """The parser of the bare program: names of commands, nothing loaded."""
    top = argparse.ArgumentParser(
        prog="edgebuild",
        description="make for edge AI: a committed spec becomes measured, chosen, packaged models.",
        epilog=FOOTER,
    )
    top.add_argument("--version", action="version", version=f"edgebuild {version()}")
    group = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, words in COMMANDS.items():
        group.add_parser(name, help=words, add_help=False)
    return top


def version() -> str:
    """Version of the installed distribution."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("edgebuild")
    except PackageNotFoundError:
        return "0+checkout"


def command_parser(name: str) -> argparse.ArgumentParser:
    """The whole parser of one command."""
    module = import_module(f"edgebuild.cli.{name}")
    one = argparse.ArgumentParser(prog=f"edgebuild {name}", description=(module.__doc__ or "").strip(), epilog=FOOTER)
    module.arguments(one)
    return one


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (see `FOOTER`)."""
    words = list(sys.argv[1:] if argv is None else argv)
    mend_streams()
    if not words or words[0] not in COMMANDS:
        top = parser()
        if not words:
            top.print_help()
            return 2
        top.parse_args(words)
        return 2
    args = command_parser(words[0]).parse_args(words[1:])
    args.argv = words
    try:
        code = int(import_module(f"edgebuild.cli.{words[0]}").run(args))
        sys.stdout.flush()
        return code
    except EdgebuildError as error:
        show(error, as_json=getattr(args, "format", "") == "json")
        return error.exit_code
    except KeyboardInterrupt as error:
        print("edgebuild: interrupted; what is finished is kept", file=sys.stderr)
        return 128 + int(getattr(error, "number", 2))
    except BrokenPipeError:
        return 141
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise_as_ours()
            return 70
        print(f"edgebuild: {error.strerror}: {error.filename or 'what was to be printed'}", file=sys.stderr)
        return 5
    except Exception:
        raise_as_ours()
        return 70


def mend_streams() -> None:
    """Whoever closed a stream wants nothing on it; a letter that its encoding lacks is no reason to fail."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - for the whole life
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def raise_as_ours() -> None:
    """Print the traceback of a bug of ours."""
    import traceback

    traceback.print_exc()
    print("edgebuild: this is our bug, not yours; please report the lines above", file=sys.stderr)


def show(error: EdgebuildError, as_json: bool) -> None:
    """Every problem, on stderr for people or as one JSON document on stdout."""
    if as_json:
        import json
        from dataclasses import asdict

        print(json.dumps({"problems": [asdict(problem) for problem in error.problems]}, indent=2, ensure_ascii=False))
        return
    for problem in error.problems:
        print(problem.render(), file=sys.stderr)
    count = len(error.problems)
    if count > 1:
        print(f"edgebuild: {count} problems", file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main())
