"""A slot of a search over precisions, as targets add it."""

from __future__ import annotations

from edgebuild.compress.base import Draft
from edgebuild.compress.search.front import add_search, finalist
from edgebuild.core.graph import Lowering
from edgebuild.core.step import Step


def take_slot(to: Lowering, draft: Draft, search: Step, name: str, what: str) -> Draft:
    """The draft as a member of the front of a search over precisions.

    Args:
        to: takes the steps.
        draft: what is searched from.
        search: writes the front.
        name: file or folder name of the model.
        what: the result in words, for as long as the front is not known.
    """
    front, model = add_search(to, draft, search, "search precisions", name)
    means, superlative = ("time", "fastest") if to.clock else ("bits", "smallest")
    return draft.taken(front, model, f"{what}, searched by {means}: {finalist(draft.slot, superlative)}")
