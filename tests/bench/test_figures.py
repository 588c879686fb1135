"""The figures the README shows. They print and never fail a run: `make bench`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.bench.figures import cpu, show
from tests.engine.overhead import overhead

pytestmark = pytest.mark.bench

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A copy of the example and an empty store."""
    folder = tmp_path_factory.mktemp("bench")
    shutil.copytree(ROOT / "examples" / "digits", folder / "digits", ignore=shutil.ignore_patterns("build"))
    return folder / "digits", str(folder / "store")


def test_starting(digits: tuple[Path, str]) -> None:
    folder, store = digits
    print()
    show("edgebuild --help", f"{cpu('--help', cwd=folder, repeat=5)[0]:.3f} CPU s", "≤ 0.25")
    show("edgebuild check", f"{cpu('check', cwd=folder, repeat=5)[0]:.3f} CPU s", "≤ 0.3")
    show("edgebuild plan, nothing built", f"{cpu('plan', '--store', store, cwd=folder, repeat=3)[0]:.3f} CPU s")


def test_digits(digits: tuple[Path, str]) -> None:
    folder, store = digits
    print()
    one = ("--target", "ort", "--candidate", "int8")
    spent, wall, _ = cpu("build", *one, "--store", store + "-one", cwd=folder)
    show("digits, ORT, static INT8, cold", f"{spent:.1f} CPU s", f"{wall:.0f} s wall")
    shutil.rmtree(folder / "build")
    spent, wall, _ = cpu("build", "--store", store, cwd=folder)
    show("digits, both runtimes, 8 candidates, cold", f"{spent:.1f} CPU s", f"{wall:.0f} s wall")
    spent, wall, said = cpu("build", "--store", store, cwd=folder, repeat=5)
    assert "0 steps ran" in said
    show("digits, nothing to do", f"{spent:.2f} CPU s", f"≤ 0.6; {wall:.2f} s wall")
    spec = folder / "deployment.edge.yaml"
    text = spec.read_text()
    spec.write_text(text.replace("metrics:\n", "metrics:\n  f1: {metric: f1, average: macro}\n"))
    spent, wall, said = cpu("build", "--store", store, cwd=folder)
    show("digits, a metric added", f"{spent:.2f} CPU s", said.split(" steps ran")[0].rsplit("\n", 1)[-1] + " steps ran")
    assert "predict" not in said and "time the candidates" not in said
    spec.write_text(text.replace("latency.p50: 0.95x", "latency.p50: 0.95x\n    latency.p99: 3x"))
    spent, wall, said = cpu("build", "--store", store, cwd=folder)
    show(
        "digits, a percentile added",
        f"{spent:.2f} CPU s",
        said.split(" steps ran")[0].rsplit("\n", 1)[-1] + " steps ran",
    )
    assert "predict" not in said and "time the candidates" not in said
    spec.write_text(text)


def test_engine_overhead(tmp_path: Path) -> None:
    print()
    for name, value in overhead(tmp_path, 100).items():
        show(f"engine, 100 empty steps: {name}", f"{value:.4g}")
