"""A greedy search for the repairs of a quantized model that bring it nearer to the model in floating point."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from edgebuild.compress.quantize.repair.chain import Form, Repairs, chain
from edgebuild.compress.search.front import Member, write_front
from edgebuild.compress.search.precision.frontier import BETTER_DB
from edgebuild.core.dossier import Call
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused, StepError

ACCOUNT = "repair.json"
"""File of a front's folder that holds all trials of repairs."""
ENDS_DB = 1.0
"""As `BETTER_DB`, of the first and the last layer in floating point: they alone may cost time."""

Change = dict[str, bool | float | str | None]
Trial = dict[str, Any]

CALIBRATIONS: tuple[Change, ...] = (
    {"calibration": "mse"},
    {"calibration": "percentile", "percentile": 99.99},
    {"calibration": "percentile", "percentile": 99.9},
    {"calibration": "entropy"},
)
ROUNDS: tuple[tuple[Change, ...], ...] = (
    CALIBRATIONS,
    ({"equalize": True}, {"smooth": 0.25}, {"smooth": 0.5}, {"smooth": 0.75}, {"smooth": 1.0}),
    ({"rounding": True},),
    ({"bias": True},),
    ({"calibration": "minmax"}, *CALIBRATIONS[:2]),
    ({"ends": True},),
)
"""Changes that are tried in turn; of one round the best is kept. Ranges come twice, as other repairs change them."""


class CompareQuantized(Step):
    """How near the answers of a quantized model are to those in floating point.

    Writes `{"sqnr", "agreement"}`, or `{"refused"}` with the runtime's words.
    """

    version: ClassVar[int] = 2
    tools: ClassVar[tuple[str, ...]] = ("numpy",)
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "compared.json"
    portable: ClassVar[bool] = False

    model: Artifact
    """In floating point."""
    quantized: Artifact
    samples: Artifact
    """A sample folder that neither was calibrated with."""
    call: Call

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the model in floating point does not run. StepError: the runtime died."""
        from edgebuild.compress.search.precision.trials import compared

        paths = {0: work.path(self.quantized)}
        inputs = work.path(self.samples) / "inputs.npz"
        rows = compared(work.path(self.model), paths, self.call, inputs, work.scratch / "answers", self.timeout_s)
        work.output.write_text(json.dumps(rows[0], allow_nan=False) + "\n", encoding="utf-8")


class SearchRepair(Step):
    """The quantized model with those repairs that bring it nearer to the model in floating point.

    Ranges, equalization or smoothing, adaptive rounding, bias correction, ranges again, first and last layers:
    greedily, each kept where the SQNR of samples that nothing was calibrated with is better by 0.3 dB (by 1 dB for
    layers in floating point, which may cost time). Writes a front of one member and, beside it, `repair.json`: every
    trial with what it brought in dB, and which were applied.
    """

    version: ClassVar[int] = 3
    tools: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy", "onnx")
    filename: ClassVar[str] = "repaired"
    portable: ClassVar[bool] = False

    model: Artifact
    """In floating point."""
    calibration: Artifact
    """A sample folder."""
    samples: Artifact
    """What the trials answer; neither calibrated with nor judged by."""
    call: Call
    form: Form = {}
    """Options of `quantize_static` that the runtime wants."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the model cannot be quantized at all."""
        trials: list[dict[str, Any]] = []
        now = Repairs()
        path, start = self.attempt(work, now)
        best = start
        for changes in ROUNDS:
            tried = list(self.tried(work, now, best, changes, trials))
            sqnr, wanted, model, trial = max(tried, key=lambda item: item[0], default=(best, now, path, {}))
            if trial and sqnr >= best + (ENDS_DB if wanted.ends else BETTER_DB):
                best, now, path = sqnr, wanted, model
                trial["applied"] = True
        write(work.output, path, told(now, trials, start, best))

    def tried(
        self, work: Workspace, now: Repairs, best: float, changes: Sequence[Change], trials: list[Trial]
    ) -> Iterator[tuple[float, Repairs, Path, Trial]]:
        """One round: SQNR, repairs and model of each change that could be made; all are noted in `trials`."""
        for change in changes:
            wanted = now.model_copy(update=change)
            if wanted == now:
                continue
            work.progress(len(trials), sum(map(len, ROUNDS)), "repairs")
            trial: Trial = {"words": words_of(change), "applied": False}
            trials.append(trial)
            try:
                model, sqnr = self.attempt(work, wanted)
            except Refused as refused:
                trial["why"] = refused.why
            except StepError as error:
                trial["why"] = error.problems[0].what
            else:
                trial |= {"sqnr": sqnr, "gain": round(sqnr - best, 3)}
                yield sqnr, wanted, model, trial

    def attempt(self, work: Workspace, repairs: Repairs) -> tuple[Path, float]:
        """File of the model with these repairs, and its SQNR in dB.

        Raises:
            Refused: one of them does not suit the model, or the runtime declines what comes of it.
            StepError: a trial died.
        """
        steps = chain(repairs, self.model, self.calibration, self.form)
        paths = [work.run(step) for step in steps]
        made = steps[-1].out()
        compare = CompareQuantized(model=self.model, quantized=made, samples=self.samples, call=self.call)
        row = json.loads(work.run(compare).read_text(encoding="utf-8"))
        if "refused" in row:
            raise Refused(by="repair", why=str(row["refused"]))
        return paths[-1], float(row["sqnr"])


def write(output: Path, model: Path, account: dict[str, Any]) -> None:
    """The front of one member, and the account."""
    # No number of the search is among the words: they ship with the model.
    applied = ", ".join(trial["words"] for trial in account["trials"] if trial["applied"])
    words = f"static INT8 QDQ, repaired: {applied}" if applied else "static INT8 QDQ; no repair helped"
    write_front(output, [Member(path=model, words=words, values={"sqnr": account["sqnr"]})])
    text = json.dumps(account, indent=1, sort_keys=True, allow_nan=False)
    (output / ACCOUNT).write_text(text + "\n", encoding="utf-8")


def words_of(change: Change) -> str:
    """What a change adds to plain static INT8: `smoothed with α = 0.25`."""
    plain = Repairs().words()
    added = [phrase for phrase in Repairs.model_validate(change).words().split(", ") if phrase != plain]
    # A return to the plain ranges adds nothing.
    return ", ".join(added) or plain


def told(repairs: Repairs, trials: Sequence[Trial], start: float, best: float) -> dict[str, Any]:
    """Contents of `repair.json`.

    Args:
        repairs: what was applied.
        trials: all of them, in order.
        start: SQNR in dB without any repair.
        best: with `repairs`.
    """
    kept = [f"{trial['words']} (+{trial['gain']:.1f} dB)" for trial in trials if trial["applied"]]
    words = f"static INT8, {start:.1f} dB; no repair helped"
    if kept:
        words = f"static INT8, {start:.1f} dB; repaired to {best:.1f} dB: {', '.join(kept)}"
    return {
        "words": words,
        "repairs": repairs.model_dump(),
        "plain": start,
        "sqnr": best,
        "trials": list(trials),
    }
