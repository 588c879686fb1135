"""Two locks → the comment a reviewer reads: for each target what was, what is, and only what changed in bold."""

from __future__ import annotations

from collections.abc import Iterator

from edgebuild.deliver.provenance.observe import timed
from edgebuild.deliver.provenance.records import Figure, Lock, LockedTarget, Observation
from edgebuild.deliver.report.numbers import NOTHING, code, number, percent, times

Line = dict[str, object]


def diff_markdown(old: Lock, new: Lock) -> str:
    """The review comment of one spec, in markdown."""
    from edgebuild.render import Renderer

    targets = [
        view
        for name in dict.fromkeys((*new.targets, *old.targets))
        if (view := target_view(name, old.targets.get(name), new.targets.get(name))) is not None
    ]
    release = f"{old.release} → {new.release}" if old.release and old.release != new.release else new.release
    same = sorted(set(new.targets) - {str(view["name"]) for view in targets})
    view = {"name": new.name or old.name, "release": release, "targets": targets, "same": [code(name) for name in same]}
    return Renderer().render("diff/diff.md.j2", view)


def target_view(name: str, old: LockedTarget | None, new: LockedTarget | None) -> Line | None:
    """What changed in one target, None where nothing did."""
    if new is None:
        return {"name": name, "what": "removed", "machine": "", "rows": []}
    rows = [row("ships", choice(old), choice(new)), *decided_rows(old, new)]
    machine, before, after = observations(old, new)
    same = old is None or machine in old.observed
    rows += observed_rows(before, after, same)
    rows += verdict_rows(old, new)
    if old is not None and not any(line["changed"] for line in rows):
        return None
    return {"name": name, "what": "new" if old is None else "changed", "machine": machine, "rows": rows}


def row(what: str, before: str, after: str, change: str = "") -> Line:
    """One line of the table."""
    return {"what": what, "before": before, "after": after, "change": change, "changed": before != after}


def choice(target: LockedTarget | None) -> str:
    """What ships, by name and bytes: the same name over other bytes is another choice."""
    if target is None:
        return NOTHING
    decided = target.decided
    return f"`{decided.choice}` <sub>{decided.artifact[7:15]}</sub>" if decided.choice else "nothing"


def decided_rows(old: LockedTarget | None, new: LockedTarget) -> Iterator[Line]:
    """Device, runtime, model and data, where they are others."""
    if old is None:
        return
    for field in ("device", "runtime", "source", "data"):
        before, after = getattr(old.decided, field), getattr(new.decided, field)
        if before != after:
            digests = field in ("source", "data")
            yield row({"source": "model"}.get(field, field), short(before, digests), short(after, digests))


def short(text: str, digest: bool) -> str:
    """A name, or the first digits of a digest."""
    return f"`{text[7:15] if digest else text}`" if text else NOTHING


def observations(old: LockedTarget | None, new: LockedTarget) -> tuple[str, Observation | None, Observation | None]:
    """The machine whose numbers are compared, and what it saw: one that both locks know, with the most numbers.

    Where they know none in common, each side's own machine is named; only ratios then say something.
    """
    before, after = old.observed if old else {}, new.observed
    both = [name for name in after if name in before]
    current = [name for name in both if after[name].artifact == new.decided.artifact]
    for names in (current, both):
        if names:
            name = max(names, key=lambda item: len(after[item].figures))
            return name, before[name], after[name]
    ours = max(after, key=lambda item: len(after[item].figures), default=None)
    theirs = max(before, key=lambda item: len(before[item].figures), default=None)
    words = " → ".join(name for name in (theirs, ours) if name)
    if ours and theirs:
        words += "; the machines differ, so that only ratios can be compared"
    return words, before.get(theirs or ""), after.get(ours or "")


def observed_rows(before: Observation | None, after: Observation | None, same: bool) -> Iterator[Line]:
    """Size, metrics, drops, latency and memory, each with its evidence; no change of a time between two machines."""
    old, new = before.figures if before else {}, after.figures if after else {}
    for quantity in dict.fromkeys((*new, *old)):
        if quantity.endswith((".ratio", ".bound")):
            continue
        moved = change(old.get(quantity), new.get(quantity)) if same or not timed(quantity) else ""
        yield row(quantity, written(quantity, old), written(quantity, new), moved)


def written(quantity: str, figures: dict[str, Figure]) -> str:
    """A number with its ratio or bound, and its class of evidence."""
    figure = figures.get(quantity)
    if figure is None:
        return NOTHING
    beside = ""
    if ratio := figures.get(f"{quantity}.ratio"):
        beside = f" ({times(ratio.value)} source)"
    if bound := figures.get(f"{quantity}.bound"):
        beside = f" (≤ {number(bound.value, bound.unit)} at 95 %)"
    return f"{number(figure.value, figure.unit)}{beside} <sub>{figure.evidence}</sub>"


def change(old: Figure | None, new: Figure | None) -> str:
    """By how much a number moved: in points where it is a percentage, else in parts of the old one."""
    if old is None or new is None or old.unit != new.unit or old.value == new.value:
        return ""
    if new.unit in ("%", "pp"):
        return f"{new.value - old.value:+.2f} pp"
    return percent(new.value / old.value - 1) if old.value else ""


def verdict_rows(old: LockedTarget | None, new: LockedTarget) -> Iterator[Line]:
    """Each budget whose verdict is another, before and after; the others by number."""
    before, after = old.decided.verdicts if old else {}, new.decided.verdicts
    same: dict[str, int] = {}
    for name in dict.fromkeys((*after, *before)):
        was, now = before.get(name, NOTHING), after.get(name, "no budget any more")
        if was == now:
            same[now] = same.get(now, 0) + 1
        else:
            yield row(f"`{name}`", was, now)
    for word, count in same.items():
        yield row(f"{count} budget{'s' if count > 1 else ''}", word, word)
