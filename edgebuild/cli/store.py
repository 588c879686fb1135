"""Look after the store: what it holds, room, and whether every byte is what it should be.

`edgebuild store` shows it. `gc` makes room, sparing what known checkouts and their locks need. `verify` reads every
byte; what is damaged is removed and made again when needed. `seal` makes it readable where nobody can write.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgebuild.engine.store import Store

UNITS = {"": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
SPANS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800}
LOCK = ".edge.lock"
DIGEST = re.compile(r"(?:sha256|tree):[0-9a-f]{64}")


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, limits."""
    from edgebuild.cli.common import store_arguments

    parser.add_argument("action", nargs="?", choices=("show", "gc", "verify", "seal"), default="show")
    parser.add_argument("--max-size", type=size, metavar="SIZE", help="gc: what may stay, as `5GB`")
    parser.add_argument("--max-age", type=span, metavar="TIME", help="gc: since a result was last used, as `30d`")
    parser.add_argument("--dry-run", action="store_true", help="gc: only say what would go")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    store_arguments(parser)


def size(text: str) -> int:
    """`5GB` in bytes."""
    return int(quantity(text, UNITS, "a size, as `5GB` or `500 MiB`"))


def span(text: str) -> float:
    """`30d` in seconds."""
    return quantity(text, SPANS, "a time, as `30d` or `12 h`")


def quantity(text: str, units: dict[str, int], example: str) -> float:
    """A number with its unit."""
    found = re.fullmatch(r"\s*([0-9.]+)\s*([A-Za-z]*)\s*", text)
    if not found or found[2] not in units:
        raise argparse.ArgumentTypeError(f"`{text}` is not {example}")
    return float(found[1]) * units[found[2]]


def run(args: argparse.Namespace) -> int:
    """Do it and say what came of it; 5 where bytes were damaged."""
    from edgebuild.cli.common import open_store, store_root

    if args.action == "seal":
        from edgebuild.engine.store.layers import seal

        seal(store_root(args))
        print(f"{store_root(args)} is sealed: name it in EDGEBUILD_STORE_LAYERS where it is to be read")
        return 0
    with open_store(args) as store:
        told, lines, code = {"show": show, "gc": clean, "verify": verify}[args.action](store, args)
    print(json.dumps(told, indent=2) if args.format == "json" else "\n".join(lines))
    return code


Told = tuple[dict[str, Any], list[str], int]


def show(store: Store, args: argparse.Namespace) -> Told:  # noqa: ARG001 - the three are called alike
    """What it holds."""
    from edgebuild.engine.store.locks import building

    with building(store.state, waits_for_cleaning):
        blobs = [size for _, size in store.blobs.every()]
    counts = dict(store.rows.all("SELECT outcome, count(*) FROM actions GROUP BY outcome"))
    workspaces = [path for (path,) in store.rows.all("SELECT path FROM workspaces ORDER BY path")]
    told = {
        "folder": str(store.root),
        "bytes": sum(blobs),
        "files": len(blobs),
        "results": counts,
        "workspaces": workspaces,
        "layers": [str(layer.root) for layer in store.layers],
    }
    known = f"{counts.get('built', 0)} results, {counts.get('refused', 0)} refusals"
    lines = [
        str(store.root),
        f"  {amount(sum(blobs))} in {len(blobs)} files; {known}",
        *(f"  behind it: {layer.root}" for layer in store.layers),
        *(f"  built from: {path}" for path in workspaces),
    ]
    return told, lines, 0


def clean(store: Store, args: argparse.Namespace) -> Told:
    """Make room."""
    from edgebuild.engine.store.gc import gc

    def waits() -> None:
        print("waiting for a build that uses the store to end", file=sys.stderr)

    found = gc(
        store,
        max_size=args.max_size,
        max_age_s=args.max_age,
        roots=locked(store),
        dry_run=args.dry_run,
        waits=waits,
    )
    would = "would go" if args.dry_run else "went"
    lines = [
        f"{found.rows} results and {found.blobs} files {would}: {amount(found.bytes)}; {amount(found.left_bytes)} stay"
    ]
    if args.max_size is not None and found.left_bytes > args.max_size:
        lines.append("more than asked for stays: checkouts that were built from this store need it, or their locks do")
    return asdict(found), lines, 0


def verify(store: Store, args: argparse.Namespace) -> Told:  # noqa: ARG001
    """Read everything."""
    from edgebuild.engine.store.verify import verify_store

    found = verify_store(store, waits_for_cleaning)
    lines = [f"{found.blobs} files, {amount(found.bytes)}: {'all sound' if found.sound else 'damage found'}"]
    lines += [f"  {digest} had other bytes and was removed; it is made again when needed" for digest in found.damaged]
    lines += [f"  {digest}: its list of files was damaged and was removed" for digest in found.manifests]
    lines += (
        [f"  {found.results} results were damaged and are forgotten; their steps run again"] if found.results else []
    )
    lines += [f"  output of {step} is not there; it is made again when needed" for step in found.absent]
    lines += [] if found.table == "ok" else [f"  the table: {found.table}"]
    return {**asdict(found), "sound": found.sound}, lines, 0 if found.sound else 5


def waits_for_cleaning() -> None:
    """Said once."""
    print("waiting for the cleaning of the store to end", file=sys.stderr)


def locked(store: Store) -> set[str]:
    """Every digest in the locks of checkouts that were built from a store."""
    from edgebuild.deliver.provenance.records import lock_file
    from edgebuild.spec.find import below

    workspaces = [Path(place.path) for place in store.checkouts.workspaces() if place.there]
    locks = [lock_file(spec) for folder in workspaces for spec in below(folder)]
    locks += [lock for place in store.checkouts.folders() for lock in Path(place.path).glob(f"*{LOCK}")]
    texts = [lock.read_text(encoding="utf-8", errors="replace") for lock in locks if lock.is_file()]
    return {digest for text in texts for digest in DIGEST.findall(text)}


def amount(count: float) -> str:
    """Bytes for people."""
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= step:
            return f"{count / step:.3g} {unit}"
    return f"{count:.0f} B"
