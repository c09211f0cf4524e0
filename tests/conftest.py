"""What holds for every run. The default run is the same each time: fixed seeds, hypothesis derandomised, nothing kept.

``--slow`` adds the tests that take minutes, with a random seed (``--seed`` repeats one); what fails in such a run is kept
below $DLS_ZK_HOME/failures with its seed.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Verbosity, settings
from hypothesis.database import DirectoryBasedExampleDatabase

from dls_zk.storage import disk, places

settings.register_profile(
    "fixed",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],  # which depend on how busy the machine is
    verbosity=Verbosity.normal,
)

#: The seed of the tests that take a part of a long run along in the default run.
FIXED_SEED = 1


def failures_dir() -> Path:
    """Where a long run keeps what failed."""
    return places.home() / "failures"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the tests that take minutes, with a random seed")
    parser.addoption("--seed", type=int, help="the seed of a --slow run [default: a random one]")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--slow"):
        workers = getattr(config, "workerinput", {})  # one seed for all processes of a run
        chosen = workers.get("seed", config.getoption("--seed"))
        config.stash[SEED] = secrets.randbits(32) if chosen is None else int(chosen)
        kept = DirectoryBasedExampleDatabase(failures_dir() / "hypothesis")
        settings.register_profile("long", settings.get_profile("fixed"), derandomize=False, database=kept, print_blob=True)
        settings.load_profile("long")
    else:
        config.stash[SEED] = FIXED_SEED
        settings.load_profile("fixed")


SEED = pytest.StashKey[int]()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """Tell a process of pytest-xdist the seed."""
    node.workerinput["seed"] = node.config.stash[SEED]  # type: ignore[attr-defined]


def pytest_report_header(config: pytest.Config) -> str | None:
    return f"seed: {config.stash[SEED]}" if config.getoption("--slow") else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--slow"):
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="takes minutes; run with --slow"))


class Kept:
    """Writes down what failed in a long run, as it fails."""

    def __init__(self, config: pytest.Config) -> None:
        self.seed, self.failed = config.stash[SEED], list[str]()
        self.file = failures_dir() / f"seed-{self.seed}.txt"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(f"{report.nodeid} ({report.when}), seed {self.seed}\n\n{report.longreprtext}\n")
            disk.make_dir(self.file.parent)
            disk.write_atomic(self.file, "\n".join(self.failed), mode=0o600)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.failed:
            terminalreporter.write_line(f"what failed is in {self.file}; repeat it with --slow --seed {self.seed}")


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    if session.config.getoption("--slow") and not hasattr(session.config, "workerinput"):
        session.config.pluginmanager.register(Kept(session.config))


@pytest.fixture(scope="session")
def run_seed(pytestconfig: pytest.Config) -> int:
    """The seed of what a slow test draws: of this run."""
    return pytestconfig.stash[SEED]
