"""Runs that observed several things: which are shown again, which are replaced, and how old they are."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgebuild.core.step import Observed, Step
from edgebuild.engine import observations
from edgebuild.engine.observations import Sitting
from edgebuild.engine.outcomes import Built
from edgebuild.engine.store import Store

HERE = Sitting("condition", ("a", "b"))


class Bench:
    """Outputs of one condition in a store, as an executor keeps them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder, Store(folder / "store")
        self.number = 0

    def keep(self, key: str, text: str, since: float | None = None, **how: bool) -> str:
        place = self.store.root / "scratch" / f"out-{self.number}"
        self.number += 1
        place.mkdir()
        (place / "numbers").write_text(text)
        if since is not None:
            (place / observations.SINCE).write_text(f"{since}\n")
        built, stats = self.store.publish(place)
        with self.store.rows.transaction():
            self.store.record(stats)
            if not how.get("only_now"):
                self.store.keep(key, built, cost=1.0, step=Step, replace=how.get("fresh", False))
            observations.keep(self.store, HERE, built.digest, **{"fresh": False, **how})
        return built.digest

    def shown(self, **how: object) -> Observed:
        folder = self.folder / f"shown-{self.number}-{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        return observations.earlier(self.store, HERE, folder, **{"fresh": False, "max_age": None, **how})  # type: ignore[arg-type]

    def texts(self, **how: object) -> list[str]:
        return [(path / "numbers").read_text() for path in self.shown(**how).earlier]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(Step, "deterministic", False)
    made = Bench(tmp_path)
    yield made
    made.store.close()


def test_the_newest_run_is_shown_first_and_each_counts_once(bench: Bench) -> None:
    bench.keep("k1", "one")
    bench.keep("k2", "two")
    assert (bench.texts(), bench.shown().times) == (["two", "one"], 2)
    assert bench.texts(fresh=True) == []


def test_what_was_replaced_comes_back_under_no_key(bench: Bench) -> None:
    bench.keep("a", "old")
    bench.keep("fewer", "old, a part of it", repeats=True)
    bench.keep("b", "new", fresh=True)
    assert bench.texts() == ["new"]
    assert bench.store.action("a") is None
    assert bench.store.action("fewer") is None
    assert isinstance(bench.store.action("b"), Built)
    assert bench.shown().times == 2


def test_a_run_that_repeats_others_is_neither_shown_nor_counted(bench: Bench) -> None:
    bench.keep("a", "one")
    bench.keep("fewer", "a part of it", repeats=True)
    assert (bench.texts(), bench.shown().times) == (["one"], 1)


def test_a_run_that_does_not_count_is_shown_and_not_counted_and_replaces_nothing(bench: Bench) -> None:
    bench.keep("a", "one")
    bench.keep("a", "disturbed", only_now=True, fresh=True)
    bench.keep("a", "disturbed", only_now=True)
    assert (bench.texts(), bench.shown().times) == (["disturbed", "one"], 1)
    assert isinstance(bench.store.action("a"), Built)


def test_a_key_is_as_old_as_the_oldest_observation_in_its_output(bench: Bench) -> None:
    then = time.time() - 5000
    bench.keep("a", "one", since=then)
    assert bench.store.created("a") == pytest.approx(then)
    bench.keep("b", "two")
    assert bench.store.created("b") == pytest.approx(time.time(), abs=60)


def test_a_run_kept_too_long_ago_is_not_shown(bench: Bench) -> None:
    bench.keep("a", "one")
    bench.store.rows.run("UPDATE observations SET created = created - 100")
    bench.keep("b", "two")
    assert bench.texts(max_age=50.0) == ["two"]
