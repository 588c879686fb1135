"""Static INT8 with repairs, as steps that a target adds."""

from __future__ import annotations

from edgebuild.compress.base import Draft
from edgebuild.compress.quantize.repair.chain import Form, Repairs, chain
from edgebuild.compress.quantize.stage import Quantize
from edgebuild.compress.search.front import TakeSlot
from edgebuild.compress.search.precision.frontier import BETTER_DB
from edgebuild.compress.search.repair import SearchRepair
from edgebuild.core.dossier import Call
from edgebuild.core.graph import Lowering


def repaired(to: Lowering, draft: Draft, how: Quantize, form: Form, call: Call) -> Draft:
    """The draft after quantization and what `how.repair` asks for.

    Args:
        to: takes the steps.
        draft: in floating point.
        how: static INT8 with a `repair`.
        form: options of `quantize_static` that the runtime wants; the grain of the weights is added.
        call: how the runtime is asked, where repairs are searched.

    Raises:
        Refused: the spec has no data to calibrate or to choose with.
    """
    form = {**form, "per_channel": how.per_channel}
    if how.repair == "auto":
        search = SearchRepair(
            model=draft.model, calibration=to.calibration(), samples=to.runs("select"), call=call, form=form
        )
        found = to.add(search, "search repairs")
        model = to.add(TakeSlot(front=found, number=0, name="model.onnx"), "take the repaired model")
        return draft.taken(found, model, f"static INT8 QDQ with the repairs that bring {BETTER_DB:g} dB")
    assert isinstance(how.repair, tuple)
    repairs = Repairs.of(how.repair)
    for step in chain(repairs, draft.model, to.calibration(), form):
        model = to.add(step, type(step).__name__)
    return draft.then(model, f"static INT8 QDQ, {repairs.words()}")
