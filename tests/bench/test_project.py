"""Many real specs through the command itself, from the first build to one changed; prints, never fails.

All share a model and its samples, each has its own budgets, documents, package and lock. `BENCH_PROJECT` sets another
number of specs; a first build takes about a quarter of a second for each.
"""

from __future__ import annotations

import os
import statistics
from pathlib import Path

import pytest

from tests.bench.figures import cpu, show
from tests.cli.conftest import DATA, SCALING, SPEC, write_model, write_samples

pytestmark = pytest.mark.bench

SPECS = int(os.environ.get("BENCH_PROJECT", "100"))


def test_many_specs(tmp_path: Path) -> None:
    folder, store = tmp_path / "project", str(tmp_path / "store")
    folder.mkdir()
    write_model(folder / "tiny.onnx")
    write_samples(folder)
    (folder / "data.py").write_text(DATA)
    (folder / "scaling.py").write_text(SCALING)
    for number in range(SPECS):
        text = SPEC.replace("name: tiny", f"name: s{number:04d}").replace("size: 2x", f"size: {2 + number / 1000}x")
        text = text.replace("defaults: true", "defaults: false\n  int8: {quantize: int8}")
        (folder / f"s{number:04d}.edge.yaml").write_text(text)
    print()
    build = ("build", "--store", store, "--quiet")
    _, wall, said = cpu(*build, cwd=folder)
    show(f"{SPECS} specs, first build", f"{wall:.1f} s", said.splitlines()[-SPECS - 1])
    cpu(*build, cwd=folder)
    show(f"{SPECS} specs, nothing to do", f"{cpu(*build, cwd=folder, repeat=5)[1] * 1000:.0f} ms")
    walks = [cpu(*build, "--no-fast-path", cwd=folder)[1] for _ in range(5)]
    show(f"{SPECS} specs, the whole walk", f"{statistics.median(walks) * 1000:.0f} ms")
    changed = []
    spec = folder / "s0007.edge.yaml"
    for number in range(5):
        spec.write_text(spec.read_text().replace("release: 0.1.", f"release: 0.1.{number}"))
        changed.append(cpu(*build, cwd=folder)[1])
    show(f"{SPECS} specs, one changed", f"{statistics.median(changed) * 1000:.0f} ms")
