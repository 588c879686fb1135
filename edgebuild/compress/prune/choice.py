"""Which channels of a network go: the narrowing that was asked for, by magnitude, whatever the format."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from edgebuild.compress.prune.account import Pruning, pruning, settings
from edgebuild.compress.prune.channels import Network
from edgebuild.compress.prune.scores import Values, magnitudes
from edgebuild.compress.prune.sensitivity import widths_for


class Asked(NamedTuple):
    """How narrow a network is to become."""

    criterion: str
    multiple: int
    keep: float
    """Part of the channels of each group that stays."""


def chosen(network: Network, stored: Values, asked: Asked, sensitivity: Path | None) -> Pruning:
    """The channels to leave out.

    Args:
        network: with its groups of channels.
        stored: its weights.
        asked: how narrow.
        sensitivity: a `Sensitivity` file; with it groups that matter keep more, for the same work.

    Raises:
        Refused: nothing can be left out.
    """
    groups = network.groups()
    widths = widths_for(network, groups, asked.keep, asked.multiple, sensitivity)
    scores = magnitudes(network, stored, asked.criterion)
    return pruning(network, groups, scores, widths, settings(*asked, sensitivity))
