"""Decisions and refusals as sentences."""

from __future__ import annotations

from collections.abc import Sequence

from edgebuild.core.dossier import REPORT, SELECT, Account, CandidateFile, Dossier, source_of
from edgebuild.core.evidence import Verdict
from edgebuild.decide.limits import words
from edgebuild.decide.reasons import listed


def refusals(candidates: Sequence[CandidateFile]) -> list[str]:
    """What was not made: each rejection with the tool's words, all that does not apply in one line."""
    lost = [item for item in candidates if item.refusal is not None]
    lines = []
    for item in lost:
        refusal = item.refusal
        if refusal is not None and refusal.kind != "not applicable":
            kind = "was rejected" if refusal.kind == "rejected" else "failed this time"
            must = " It is required." if item.required else ""
            lines.append(f"`{item.name}` {kind} by {refusal.by}: {sentence(refusal.why)}{must}{fix(refusal.fix)}")
    idle: dict[str, list[str]] = {}
    for item in lost:
        if item.refusal is not None and item.refusal.kind == "not applicable":
            idle.setdefault(f"{sentence(item.refusal.why)}{fix(item.refusal.fix)}", []).append(item.name)
    if idle:
        reasons = "; ".join(f"{listed(names)}: {why.removesuffix('.')}" for why, names in idle.items())
        lines.append(f"Not applicable here: {reasons}.")
    return lines


def sentence(text: str) -> str:
    """The tool's words, ending in a full stop."""
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def fix(text: str) -> str:
    """The fix as a sentence of its own."""
    return f" Fix: {sentence(text)}" if text else ""


NO_GAIN = 0.97
"""A ratio above this is no gain: two runs of the same model differ by as much."""


def accounts(candidates: Sequence[CandidateFile], quantity: str = "latency.p50") -> list[str]:
    """Why candidates that run in 8 bits are not faster than the source."""
    lines = []
    source = source_of(candidates)
    base = source.account if source else None
    for item in candidates:
        account, ratio = item.account, item.ratio.get(quantity)
        if account is None or ratio is None or ratio[0] < NO_GAIN or not (account.integer_ops or account.conversions):
            continue
        pace = f"`{item.name}` takes {ratio[0]:.2f} × the source's time"
        lines.append(f"{pace}: {account.words or counted(account)}{lost(account, base)}")
    return lines


def lost(account: Account, source: Account | None) -> str:
    """Where the time goes beside the source, as a sentence; "" where a profiler told of one of them nothing."""
    if source is None or not account.times or not source.times:
        return ""
    (heavy, rest), (before, around) = divided(account), divided(source)
    among = account.times["conversions"]
    told = (
        f" By the profiler its heavy operators take {heavy:.0f} µs and all else {rest:.0f} µs, "
        f"{among:.0f} µs of it conversions; the source's take {before:.0f} µs and {around:.0f} µs"
    )
    if heavy >= before:
        return f"{told}: the heavy operators themselves are not faster."
    if rest - around >= (before - heavy) * NO_GAIN:
        return f"{told}: what the heavy operators gain is lost around them."
    return f"{told}."


def divided(account: Account) -> tuple[float, float]:
    """Microseconds of heavy operators, and of all else."""
    heavy = account.times["integer"] + account.times["float"]
    return heavy, sum(account.times.values()) - heavy


def counted(account: Account) -> str:
    """An account in words, from its counts alone."""
    heavy = account.integer_ops + account.float_ops
    return (
        f"{account.integer_ops} of {heavy} heavy operators run on integer kernels, and {account.conversions} "
        "conversions between integers and floats are left."
    )


def verdict_words(verdict: Verdict) -> str:
    """A verdict in one line."""
    number = words(verdict.value, verdict.unit) if verdict.value is not None else "no value"
    room = f", {verdict.margin:+.0%} margin" if verdict.margin is not None else ""
    why = f" – {verdict.why}" if verdict.why else ""
    return f"{verdict.status}: {verdict.budget}: {number} for {verdict.limit}{room} ({verdict.evidence}){why}"


def why_choice(dossier: Dossier) -> list[str]:
    """Why a target ships what it ships, line by line, from the record of the decision."""
    head = (
        f"{dossier.target} ships `{dossier.choice}`."
        if dossier.choice is not None
        else f"{dossier.target} ships nothing."
    )
    lines = [head, *dossier.decisions]
    if dossier.judged is not None:
        lines.append(f"On `{REPORT}`, `{dossier.judged}`:")
        lines += [f"  {verdict_words(verdict)}" for verdict in dossier.verdicts] or ["  no budget is set."]
    out = [item.name for item in dossier.candidates if any(verdict.status == "fail" for verdict in item.verdicts)]
    if out:
        lines.append(f"On `{SELECT}`, {listed(out)} failed a budget:")
        lines += [
            f"  `{item.name}`: {verdict_words(verdict)}"
            for item in dossier.candidates
            for verdict in item.verdicts
            if verdict.status == "fail"
        ]
    return [*lines, *dossier.notes]
