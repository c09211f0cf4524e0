"""The test run itself: the default one is the same each time, a long one has a seed and keeps what failed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).parents[2]

DRAWS = """
import pytest
from hypothesis import given, strategies as st

@given(st.integers())
def test_drawn(x):
    print("drew", x)

@pytest.mark.slow
def test_slow(run_seed):
    raise AssertionError(f"drawn from {run_seed}")
"""


def run(folder: Path, *options: str) -> str:
    """What a run of a file of its own says, with the options of the project."""
    (folder / "test_draws.py").write_text(DRAWS)
    argv = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "-rP", "-q", *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "DLS_ZK_HOME": str(folder / "home")}
    done = subprocess.run(
        [*argv, "-c", os.devnull, "--rootdir", str(folder), "-o", "markers=slow", str(folder)],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_two_default_runs_draw_the_same(tmp_path: Path) -> None:
    drawn = [[line for line in run(tmp_path).splitlines() if line.startswith("drew")] for _ in range(2)]
    assert drawn[0] == drawn[1] and len(drawn[0]) == 100
    assert not (tmp_path / "home" / "failures").exists()


@pytest.mark.parametrize("processes", [(), ("-n2",)], ids=["one process", "two processes"])
def test_a_long_run_keeps_what_failed_with_its_seed(tmp_path: Path, processes: tuple[str, ...]) -> None:
    said = run(tmp_path, "--slow", "--seed", "77", *processes)
    kept = tmp_path / "home" / "failures" / "seed-77.txt"
    assert f"what failed is in {kept}; repeat it with --slow --seed 77" in said
    assert "test_slow" in kept.read_text() and "drawn from 77" in kept.read_text()


def test_this_run_is_derandomised(pytestconfig: pytest.Config) -> None:
    assert hypothesis.settings.default is not None
    assert hypothesis.settings.default.derandomize != bool(pytestconfig.getoption("--slow"))
    assert hypothesis.settings.default.deadline is None
