"""Whose results stay when room is made: of checkouts that are built, of their present labels, of their locks."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.engine.store import Store
from edgebuild.engine.store.gc import gc
from tests.engine.conftest import Yard, graph_of
from tests.engine.steps import Say, Stamp

DAY_S = 86400.0


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    return folder


def pass_days(yard: Yard, days: float) -> None:
    """As if all that is known had been so long ago."""
    for table, column in (
        ("actions", "used"),
        ("actions", "created"),
        ("history", "created"),
        ("workspaces", "seen"),
        ("folders", "seen"),
    ):
        yard.store.rows.run(f"UPDATE {table} SET {column} = {column} - ?", days * DAY_S)
    # What a process knows of the day it knows from its begin.
    yard.store.close()
    yard.store = Store(yard.store.root)


def gone(yard: Yard, days: float = 30) -> int:
    """Rows that go as not used for so long."""
    return gc(yard.store, max_age_s=days * DAY_S, dry_run=True).rows


def test_a_label_that_left_the_spec_stays_for_a_while_and_then_keeps_nothing(yard: Yard, checkout: Path) -> None:
    yard.build(graph_of(old=Say(text="old"), new=Say(text="new")), workspace=str(checkout))
    for days, going in ((40, 0), (60, 1)):
        pass_days(yard, days)
        yard.build(graph_of(new=Say(text="new")), workspace=str(checkout))
        assert gone(yard) == going
    assert gc(yard.store, max_age_s=30 * DAY_S).rows == 1
    assert set(yard.store.history.keys(str(checkout))) == {"new"}
    assert yard.ran(graph_of(new=Say(text="new"))) == []


def test_what_a_limited_build_leaves_out_stays(yard: Yard, checkout: Path) -> None:
    whole = graph_of(one=Say(text="1"), two=Say(text="2"))
    yard.build(whole, workspace=str(checkout))
    for _ in range(4):
        pass_days(yard, 20)
        yard.build(graph_of(one=Say(text="1")), workspace=str(checkout))
    assert gc(yard.store, max_age_s=DAY_S, max_size=10).rows == 0
    assert yard.ran(whole) == []


def test_a_checkout_that_was_moved_loses_nothing_that_its_lock_may_name(yard: Yard, checkout: Path) -> None:
    yard.build(graph_of(pinned=Stamp(), cheap=Say(text="x")), workspace=str(checkout))
    checkout.rename(checkout.with_name("elsewhere"))
    pass_days(yard, 40)
    assert gone(yard) == 1
    assert gc(yard.store, max_age_s=DAY_S, max_size=0, dry_run=True).rows == 1
    pass_days(yard, 60)
    assert gone(yard) == 2


def test_what_a_spec_built_from_elsewhere_may_have_locked_stays_when_it_is_moved(yard: Yard, checkout: Path) -> None:
    other = checkout.with_name("other")
    other.mkdir()
    yard.build(graph_of(step=Stamp(name="other's")), workspace=str(checkout))
    yard.store.register(str(checkout), [str(other)])
    # Of the checkout another one of that name is the present one by now.
    yard.build(graph_of(step=Stamp(name="own")), workspace=str(checkout))
    pass_days(yard, 40)
    assert gone(yard) == 1
    other.rename(checkout.with_name("elsewhere"))
    assert gone(yard) == 0
    pass_days(yard, 60)
    yard.build(graph_of(step=Stamp(name="own")), workspace=str(checkout))
    assert gone(yard) == 1


def test_folders_of_specs_are_noted_once_a_day_and_forgotten_when_long_not_built(yard: Yard, checkout: Path) -> None:
    def folders() -> list[str]:
        return [place.path for place in yard.store.checkouts.folders()]

    yard.store.register(str(checkout), [str(checkout), "/spec/a", "/spec/b"])
    assert folders() == ["/spec/a", "/spec/b"]
    assert yard.store.checkouts.due(str(checkout), ["/spec/a"]) == ([], [])
    assert yard.store.checkouts.due(str(checkout), ["/spec/a", "/spec/c"]) == ([], ["/spec/c"])
    pass_days(yard, 2)
    assert yard.store.checkouts.due(str(checkout), ["/spec/a"]) == ([str(checkout)], ["/spec/a"])
    yard.store.register(str(checkout), ["/spec/a"])
    pass_days(yard, 89)
    gc(yard.store)
    assert yard.store.rows.all("SELECT path FROM folders") == [("/spec/a",)]


def test_a_time_of_a_clock_that_was_ahead_counts_as_now(yard: Yard, checkout: Path) -> None:
    yard.build(graph_of(say=Say(text="x")), workspace="")
    yard.store.register(str(checkout), ["/spec/a"])
    pass_days(yard, -400)
    assert yard.store.checkouts.due(str(checkout), ["/spec/a"]) == ([str(checkout)], ["/spec/a"])
    gc(yard.store)
    pass_days(yard, 31)
    assert gone(yard) == 1


def test_use_in_a_build_makes_a_time_of_a_clock_that_was_ahead_right(yard: Yard) -> None:
    graph = graph_of(say=Say(text="x"))
    yard.build(graph)
    pass_days(yard, -400)
    yard.build(graph)
    pass_days(yard, 31)
    assert gone(yard) == 1
