"""What a pruning leaves out, and what that saves, as a file between the steps and for reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgebuild.compress.prune.channels import Group, Network
from edgebuild.compress.prune.widths import Work, left_out
from edgebuild.core.records import Record
from edgebuild.errors import Refused

BY = "prune"
NAMED = 3
"""Layers that are told of by name."""
NARROWER = "Train a narrower model and bring it as a candidate's `source:`."


class GroupCut(Record):
    """Channels of layers that go together."""

    layers: tuple[str, ...]
    before: int
    after: int
    left_out: tuple[int, ...]
    """Places within the group, in rising order."""


class Pruning(Record):
    """What is left out of a model."""

    criterion: str
    multiple: int
    keep: float
    spread: str
    """`uniform` or `sensitivity`."""
    groups: dict[str, GroupCut]
    macs: tuple[int, int]
    """Multiplications of one run before and after, of convolutions and products; an open size counts as 1."""
    parameters: tuple[int, int]
    stay: dict[str, str] = {}
    """Layer to why the channels it reads stay."""
    words: str
    """See `words_of`."""

    def classes(self, network: Network) -> set[int]:
        """The classes that are left out, in the numbers of a network of the same model."""
        groups = {group.name: group for group in network.groups()}
        return {groups[name].classes[place] for name, cut in self.groups.items() for place in cut.left_out}


def words_of(macs: tuple[int, int], cuts: Sequence[GroupCut]) -> str:
    """`3.24 M of 12.5 M multiplications stay (26 %): 64 of 128 channels in conv2d, … and 3 layers more`."""
    before, after = macs
    part = f"{after / before:.0%}".replace("%", " %") if before else "100 %"
    cut = sorted((item for item in cuts if item.left_out), key=lambda item: item.after - item.before)
    named = [f"{item.after} of {item.before} channels in {item.layers[0]}" for item in cut[:NAMED]]
    rest = sum(len(item.layers) for item in cut) - len(named)
    more = [f"{rest} layer{'' if rest == 1 else 's'} more"] if rest else []
    listed = " and ".join([", ".join(named), *more])
    return f"{million(after)} of {million(before)} multiplications stay ({part}): {listed}"


def million(count: int) -> str:
    """`12.7 M`; thousands as they are."""
    return f"{count / 1e6:.3g} M" if count >= 1e5 else f"{count:,}"


def pruning(
    network: Network,
    groups: Sequence[Group],
    scores: Mapping[int, float],
    widths: Mapping[str, int],
    asked: Mapping[str, Any],
) -> Pruning:
    """The account of a choice.

    Raises:
        Refused: kind "not applicable": nothing would be left out; says which layers stand in the way.
    """
    out, work = left_out(groups, scores, widths), Work(network, groups)
    if not out:
        raise Refused(by=BY, why=why_nothing(network, groups), fix=NARROWER, kind="not applicable")
    cuts = {
        group.name: GroupCut(
            layers=group.layers,
            before=len(group.classes),
            after=len(group.classes) - sum(item in out for item in group.classes),
            left_out=tuple(place for place, item in enumerate(group.classes) if item in out),
        )
        for group in groups
    }
    macs = (work.macs({}), work.macs(widths))
    return Pruning(
        groups=cuts,
        macs=macs,
        words=words_of(macs, tuple(cuts.values())),
        parameters=(work.parameters({}), work.parameters(widths)),
        stay=dict(network.stay),
        **asked,
    )


def settings(criterion: str, multiple: int, keep: float, sensitivity: Path | None) -> dict[str, Any]:
    """What was asked for, as the account has it."""
    spread = "sensitivity" if sensitivity else "uniform"
    return {"criterion": criterion, "multiple": multiple, "keep": keep, "spread": spread}


def why_nothing(network: Network, groups: Sequence[Group]) -> str:
    """Why no channel can be left out, in a sentence."""
    if groups:
        widest = max(len(group.classes) for group in groups)
        return f"with this `keep` and `multiple` no layer becomes narrower: the widest has {widest} channels."
    named = "; ".join(f"`{name}` {why}" for name, why in list(network.stay.items())[:5])
    return f"no layer can become narrower: {named}." if named else "it has no layers whose channels nobody else sees."
