"""The folder that a search leaves → what the dossier keeps of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgebuild.core.searches import (
    FRONT_FILE,
    TRIALS_FILE,
    Finalist,
    NetworkSearch,
    NetworkTrial,
    Search,
    SearchedLayer,
    Trial,
)

MOST = 400
"""Trials that a dossier keeps of one search."""


def slot_words(front: Path, slot: int) -> str:
    """The front's own words for one of its members; "" where it is shorter."""
    members: list[dict[str, Any]] = json.loads((front / FRONT_FILE).read_text(encoding="utf-8"))["members"]
    return str(members[slot]["words"]) if slot < len(members) else ""


def has_trials(front: Path) -> bool:
    """Whether a front comes with everything that was tried; of a search over repairs its words tell all."""
    return (front / TRIALS_FILE).is_file()


def read_search(front: Path, names: Mapping[int, str]) -> Search | NetworkSearch:
    """What was tried.

    Args:
        front: the folder, with `trials.json`.
        names: slot to candidate.
    """
    told: dict[str, Any] = json.loads((front / TRIALS_FILE).read_text(encoding="utf-8"))
    return networks(told, names) if told.get("searched") == "architectures" else mixtures(told, names)


def networks(told: Mapping[str, Any], names: Mapping[int, str]) -> NetworkSearch:
    """Of a search over architectures."""
    lost: list[dict[str, str]] = [*told["refused"], *told["failed"]]
    return NetworkSearch(
        name=names[min(names)],
        space=told["space"],
        networks=told["networks"],
        ranked_by=told["ranked_by"],
        spread=told["spread"],
        metric=told["metric"],
        unit=told["unit"],
        better=told["better"],
        rungs=tuple(told["rungs"]),
        trials=tuple(
            NetworkTrial(
                words=row["words"],
                gain=row["gain"],
                score=row["score"],
                epochs=row["epochs"],
                stopped=row["stopped"],
                candidate=names.get(row["slot"], ""),
            )
            for row in told["trials"]
        ),
        contended=sum(bool(row["contended"]) for row in told["trials"]),
        cut=told["cut"],
        refused=len(lost),
        refused_words=lost[0]["why"] if lost else "",
    )


def mixtures(told: Mapping[str, Any], names: Mapping[int, str]) -> Search:
    """Of a search over precisions."""
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
        retimed=told["retimed"],
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
        ranges=row["mixture"]["ranges"],
        repairs=tuple(row["mixture"]["repairs"]),
        lowered=tuple(row["integers"]),
    )
