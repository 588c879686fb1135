"""The folder that a search over precisions leaves → what the dossier keeps of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgebuild.core.dossier import Finalist, Search, SearchedLayer, Trial

MOST = 400
"""Trials that a dossier keeps of one search."""


def slot_words(front: Path, slot: int) -> str:
    """The front's own words for one of its members; "" where it is shorter."""
    members: list[dict[str, Any]] = json.loads((front / "front.json").read_text(encoding="utf-8"))
    return str(members[slot]["words"]) if slot < len(members) else ""


def has_trials(front: Path) -> bool:
    """Whether a front comes of a search over precisions; of one over repairs its words tell all."""
    return (front / "trials.json").is_file()


def read_search(front: Path, names: Mapping[int, str]) -> Search | None:
    """What was tried; None of another search than one over precisions.

    Args:
        front: the folder, with `trials.json`.
        names: slot to candidate.
    """
    told: dict[str, Any] = json.loads((front / "trials.json").read_text(encoding="utf-8"))
    if "layers" not in told:
        return None
    rows: list[dict[str, Any]] = told["trials"]
    slots = {row["slot"]: row for row in rows if row["slot"] in names}
    refused: list[dict[str, str]] = told["refused"]
    kept = trials(rows)
    whole: dict[str, dict[str, Any]] = {}
    for row in rows:
        if len(row["integers"]) == len(told["layers"]):
            whole.setdefault(row["mixture"]["scheme"], row)
    return Search(
        name=names[min(names)],
        scheme=told["scheme"],
        ranked_by=told["ranked_by"],
        counted=told["counted"],
        layers=layers(told["layers"]),
        trials=kept,
        untold=len(rows) - len(kept),
        contended=sum(bool(row["contended"]) for row in rows),
        cut=told["cut"],
        refused=len(refused),
        refused_words=refused[0]["why"] if refused else "",
        finalists=tuple(finalist(slots[slot], names[slot]) for slot in sorted(slots)),
        whole=tuple(finalist(row, "") for row in whole.values()),
    )


def layers(rows: Sequence[Mapping[str, Any]]) -> tuple[SearchedLayer, ...]:
    """With their parts of the multiplications; alike where none is known."""
    total = sum(row["macs"] for row in rows)
    return tuple(
        SearchedLayer(
            name=row["name"],
            op=row["op"],
            part=round(row["macs"] / total, 4) if total else round(1 / len(rows), 4),
            sqnr=row["sqnr"],
        )
        for row in rows
    )


def trials(rows: Sequence[Mapping[str, Any]]) -> tuple[Trial, ...]:
    """Those of the front first where there are too many, else in the order of trying."""
    chosen = rows if len(rows) <= MOST else sorted(rows, key=lambda row: not row["front"])[:MOST]
    return tuple(Trial(gain=row["gain"], sqnr=row["sqnr"]) for row in chosen)


def finalist(row: Mapping[str, Any], candidate: str) -> Finalist:
    """One of the trials."""
    return Finalist(
        gain=row["gain"],
        sqnr=row["sqnr"],
        candidate=candidate,
        scheme=row["scheme"],
        others=row["others"],
        lowered=tuple(row["integers"]),
    )
