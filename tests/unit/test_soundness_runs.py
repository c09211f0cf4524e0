"""Long runs in parts: FIGURES.md is written by the program alone, a run goes on where it stopped, and says what is left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dls_zk.storage import places
from tests.soundness import figures, long, runs
from tests.soundness.runs import Findings, State, Step

KEY = "0123456789abcdef"


class Counting:
    """A quick step of three parts that counts how often each is run; a part in ``fails`` raises, one in ``bad`` is wrong."""

    def __init__(self) -> None:
        self.runs: list[tuple[str, int]] = []
        self.fails: set[str] = set()
        self.bad: set[str] = set()

    def run(self, part: str, seed: int) -> Any:
        self.runs.append((part, seed))
        if part in self.fails:
            raise RuntimeError(f"broken at {seed}")
        return {"tried": 10, "bad": part in self.bad}

    def tell(self, results: Mapping[str, Any], whole: bool) -> Findings:
        text = f"{sum(result['tried'] for result in results.values())} tried, whole: {whole}\n"
        return Findings(text, [f"{part} is bad" for part, result in results.items() if result["bad"]])

    @property
    def step(self) -> Step:
        return Step(lambda: ["a", "b", "c"], self.run, self.tell)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLS_ZK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "FIGURES.md"


def test_a_run_goes_on_where_it_stopped(file: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counting = Counting()
    steps = {"fake": counting.step, "other": Counting().step}
    counting.fails = {"b"}
    assert runs.status(steps, State(key=KEY), file).splitlines()[1:] == ["fake: still to run", "other: still to run"]

    (wrong,) = runs.run(steps, ["fake"], State(key=KEY), seed=7, file=file)
    assert wrong.startswith("fake: b did not end well: see ") and wrong in capsys.readouterr().err
    (kept,) = (home / "failures").iterdir()
    assert "fake: b, seed 7" in kept.read_text() and "broken at 7" in kept.read_text()
    section = figures.sections(file)["fake"]
    assert "**Partial**: 2 of 3 parts; not run yet: b." in section and "20 tried, whole: False" in section
    assert figures.sections(file)["other"] == "Not run yet: `scripts/soundness 'other'`."
    said = runs.status(steps, State(key=KEY), file)
    assert "fake: 2 of 3 parts done; still to run: b\n" in said and "other: still to run\n" in said

    counting.fails = set()
    assert runs.run(steps, ["fake"], State(key=KEY), seed=8, file=file) == []
    assert counting.runs == [("a", 7), ("b", 7), ("c", 7), ("b", 7)], "with the seed that it began with"
    section = figures.sections(file)["fake"]
    assert "Partial" not in section and "30 tried, whole: True" in section
    assert runs.run(steps, ["fake"], State(key=KEY), file=file) == [] and len(counting.runs) == 4
    assert "fake: done\n" in runs.status(steps, State(key=KEY), file)

    runs.run(steps, ["fake"], State(key=KEY), seed=9, again=True, file=file)
    assert counting.runs[4:] == [("a", 9), ("b", 9), ("c", 9)]


def test_a_section_says_what_it_is_of(file: Path) -> None:
    runs.run({"fake": Counting().step}, ["fake"], State(key=KEY), seed=7, file=file)
    first = figures.sections(file)["fake"].splitlines()[0]
    for part in ("Commit `", f"circuits `{KEY}`", "seed 7", "cores", "Python"):
        assert part in first


def test_other_circuits_begin_anew_and_keep_the_old_figures_until_then(file: Path) -> None:
    counting = Counting()
    steps = {"fake": counting.step}
    runs.run(steps, ["fake"], State(key=KEY), seed=7, file=file)
    other = "f" * 16
    assert "fake: still to run; FIGURES.md has figures of other circuits" in runs.status(steps, State(key=other), file)
    runs.run(steps, [], State(key=other), file=file)
    assert f"circuits `{KEY}`" in figures.sections(file)["fake"]
    runs.run(steps, ["fake"], State(key=other), seed=7, file=file)
    assert len(counting.runs) == 6 and f"circuits `{other}`" in figures.sections(file)["fake"]


def test_what_is_wrong_is_in_the_figures_and_ends_the_run_so(file: Path) -> None:
    counting = Counting()
    counting.bad = {"c"}
    for _ in range(2):  # a run that has nothing left to do says it too
        assert runs.run({"fake": counting.step}, ["fake"], State(key=KEY), seed=7, file=file) == ["fake: c is bad (seed 7)"]
    assert len(counting.runs) == 3 and "- c is bad" in figures.sections(file)["fake"]


def test_figures_name_no_folder_of_the_machine(file: Path) -> None:
    wrong = Findings("", [f"prices: see {places.home()}/fuzz/prices.log and {runs.ROOT}/scripts/fuzz"])
    step = Step(lambda: ["a"], lambda part, seed: 0, lambda results, whole: wrong)
    runs.run({"fake": step}, ["fake"], State(key=KEY), seed=7, file=file)
    assert "- prices: see $DLS_ZK_HOME/fuzz/prices.log and scripts/fuzz\n" in file.read_text()


def test_figures_of_a_step_that_is_gone_go(file: Path) -> None:
    runs.run({"fake": Counting().step}, ["fake"], State(key=KEY), file=file)
    runs.run({"other": Counting().step}, [], State(key=KEY), file=file)
    assert list(figures.sections(file)) == ["other"]


def test_the_seed_is_random_and_kept(file: Path) -> None:
    state = State(key=KEY)
    runs.run({"fake": Counting().step}, ["fake"], state, file=file)
    assert f"seed {state.records['fake'].seed}," in figures.sections(file)["fake"]
    assert State(key=KEY).records == state.records
    assert json.loads(state.file.read_text())["fake"]["seed"] == state.records["fake"].seed


def test_the_key_changes_with_any_byte_and_name_of_what_a_family_includes(tmp_path: Path) -> None:
    keys = set()
    for name, text in (("a", "x"), ("a", "y"), ("b", "y")):
        for old in sorted(tmp_path.rglob("*.circom")):
            old.unlink()
        (tmp_path / "main").mkdir(exist_ok=True)
        (tmp_path / "main" / "rebalance_8.circom").write_text(f'include "../{name}.circom";\n')
        (tmp_path / f"{name}.circom").write_text(text)
        keys.add(runs.circuits_key(tmp_path))
    (tmp_path / "main" / "other_8.circom").write_text('include "../other.circom";\n')
    (tmp_path / "other.circom").write_text("not of this family")
    assert len(keys) == 3 and runs.circuits_key(tmp_path) in keys
    assert runs.circuits_key() == runs.circuits_key(places.data_dir("circuits"))


def test_the_file_has_a_section_for_each_step_and_says_of_each_what_it_is_of() -> None:
    published = figures.sections()
    assert list(published) == list(long.STEPS)
    for name, text in published.items():
        first = text.splitlines()[0]
        assert first.startswith("Not run yet") or ("ommit `" in first and "circuits `" in first and "seed " in first), name


def test_every_step_has_parts() -> None:
    for name, step in long.STEPS.items():
        parts = step.parts()
        assert parts and len(set(parts)) == len(parts), name
