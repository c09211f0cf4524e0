"""Every reader on corrupted files: an error of ours in one line, or a value in its ranges; no trace, no hang, no secret."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from random import Random
from types import FrameType

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dls_zk.errors import InputError
from tests.soundness.fuzz_targets import TARGETS
from tests.support.commandline import BOOK_E6

#: Examples of the default run, where a target takes another number than 100.
EXAMPLES = {"policy": 40, "zkey-judged": 10}
CORRUPTIONS = 2_000
HANG_SECONDS = 300


@contextmanager
def hang_guard() -> Iterator[None]:
    """Fails what does not end, instead of waiting for ever."""

    def stop(_: int, frame: FrameType | None) -> None:
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(HANG_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_are_accepted(name: str, tmp_path: Path) -> None:
    """So that the tests below corrupt something good."""
    assert {TARGETS[name].outcome(seed, tmp_path) for seed in TARGETS[name].seeds} == {"accepted"}


@pytest.mark.parametrize("name", TARGETS)
def test_corrupted_files(name: str, tmp_path: Path) -> None:
    target = TARGETS[name]

    @settings(max_examples=EXAMPLES.get(name, 100), deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 2**64))
    def corrupted(seed: int) -> None:
        target.outcome(target.corrupted(Random(seed)), tmp_path)

    with hang_guard():
        corrupted()


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: text.encode(errors="replace"))))
def test_files_of_anything(name: str, tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / f"anything-{name}"
    folder.mkdir(exist_ok=True)
    assert TARGETS[name].outcome(data, folder) != "accepted" or name.endswith("csv")


def many(name: str, count: int = 3_000) -> list[bytes]:
    """Files of a kind with a list in them without end: columns, cells, rows, entries, fields, words of another alphabet."""
    names = [f"{chr(97 + k % 26)}column{k}" for k in range(count)]
    if TARGETS[name].suffix == ".csv":
        header = TARGETS[name].seeds[0].split(b"\n")[0].decode()
        rows = [f"{one},1" for one in names]
        return [
            text.encode(errors="replace")
            for text in (
                ",".join(names), ";".join(names), f"{header}," + ",".join(names), ",".join(header.split(",") * count),
                f"{header}\n" + ",".join(names), "\n".join([header, *rows]), ",".join(["\u200b" * 60] * count),
            )
        ]  # fmt: skip
    lists = json.dumps(names).encode()
    fields = json.dumps(dict.fromkeys(names, "1")).encode()
    seeds = [yaml.load(seed, Loader=yaml.BaseLoader) for seed in TARGETS[name].seeds]
    inside = [
        json.dumps(seed | {key: document}).encode()
        for seed in seeds
        for key in seed
        for document in (names, dict.fromkeys(names, "1"), "\u200b" * count)
    ]
    return [lists, fields, *inside]


@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if target.document or target.suffix == ".csv"])
def test_a_list_without_end_gives_a_message_of_a_line(name: str, tmp_path: Path) -> None:
    with hang_guard():
        assert {TARGETS[name].outcome(data, tmp_path) for data in many(name)} <= {"InputError", "ArtifactError", "accepted"}


def test_a_number_that_a_message_states_anyway_is_no_secret(tmp_path: Path) -> None:
    """2^56 is in the message about a quantity out of range, and may be that quantity: seed 18533345260573 drew it."""
    target = TARGETS["opening"]
    assert target.outcome(target.corrupted(Random(18533345260573)), tmp_path) == "InputError"
    for quantity in (1 << 56, -(1 << 56) - 1, 1 << 57):
        seed = target.seeds[0].replace(f'"{BOOK_E6["USDC"]}"'.encode(), f'"{quantity}"'.encode())
        assert target.outcome(seed, tmp_path) == "InputError"


def test_a_number_of_the_file_in_a_message_is_found(tmp_path: Path) -> None:
    def leaky(path: Path) -> None:
        raise InputError(f"between 1 and 72057594037927936, but it is {path.read_text()}")

    target = replace(TARGETS["opening"], read=leaky)
    for number in ("72057594037927937", "72057594037927936", "12345"):
        expected = pytest.raises(AssertionError, match="a secret") if number != "72057594037927936" else nullcontext()
        with expected:
            target.outcome(number.encode(), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_thousands_of_corruptions(
    name: str, tmp_path: Path, run_seed: int, record_property: Callable[[str, object], None]
) -> None:
    target = TARGETS[name]
    count = CORRUPTIONS // 20 if name == "zkey-judged" else CORRUPTIONS
    with hang_guard():
        outcomes = Counter(target.outcome(target.corrupted(Random(f"{run_seed} {k}")), tmp_path) for k in range(count))
    refused = count - outcomes["accepted"]
    assert refused > count // 2, outcomes
    record_property("tried", count)
