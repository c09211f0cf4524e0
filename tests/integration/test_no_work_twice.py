"""``prove`` and ``submit`` do no work twice: counted, not timed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from dls_zk.audit.simulator import Secrets, g2
from dls_zk.errors import InsecureKey
from dls_zk.groth16 import key_lint, sound_keys
from dls_zk.groth16.zkey import VerifyingKey
from dls_zk.statement.constants import FIELD
from dls_zk.storage import places
from tests.integration.conftest import use_own_home
from tests.support import commandline
from tests.support.commandline import FIRST, write_inputs
from tests.support.native import core

#: Runs the program, and counts: what is named by module and attribute.
COUNTED = """
import importlib, json, sys
from collections import Counter

counts = Counter()

def count(module, *path):
    *parts, name = path
    owner = importlib.import_module(module)
    for part in parts:
        owner = getattr(owner, part)
    function = getattr(owner, name)
    def counted(*arguments, **named):
        counts[name] += 1
        return function(*arguments, **named)
    setattr(owner, name, counted)

for line in json.loads(sys.argv.pop(1)):
    count(*line)
from dls_zk.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    print(json.dumps({"code": end.code, "counts": counts, "modules": sorted(sys.modules)}), file=sys.stderr)
"""

RELATION = ("dls_zk.statement.relation", "_Limits", "__init__")
NATIVE = ("dls_zk.groth16.native", "pairings_are_one")
COMMITMENT = ("dls_zk.statement.commitments", "_commitment")
POLICY = ("dls_zk.statement.commitments", "words_hash")
WITNESS = ("dls_zk.groth16.witness", "_Run", "witness")

#: What neither a proof nor its verification needs, and what takes long to load.
HEAVY = {"web3", "eth_abi", "eth_utils", "eth_account", "eth_keys", "py_ecc", "requests", "rich", "sqlite3", "asyncio"}


def counted(*args: str, cwd: Path) -> tuple[dict[str, int], set[str]]:
    what = json.dumps([RELATION, NATIVE, COMMITMENT, POLICY, WITNESS])
    line = [sys.executable, "-c", COUNTED, what, *args]
    env = commandline.environment(cwd)
    done = subprocess.run(line, cwd=cwd, env=env, capture_output=True, text=True, timeout=600)
    said = json.loads(done.stderr.splitlines()[-1])
    assert said["code"] in (0, None), done.stderr
    return said["counts"], {name.partition(".")[0] for name in said["modules"]}


def test_prove_evaluates_hashes_and_verifies_once_and_loads_no_more(tmp_path: Path) -> None:
    core(0)
    commandline.installed_key()
    vault = write_inputs(tmp_path / "vault")
    counts, modules = counted("prove", *FIRST, "--out", "r1", "--json", cwd=vault)
    assert counts == {"__init__": 1, "pairings_are_one": 1, "_commitment": 2, "words_hash": 1, "witness": 1}
    assert not HEAVY & modules


# --- keys that were looked at -------------------------------------------------------------------------------------------


@pytest.fixture
def looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[VerifyingKey]:
    """The keys that ``key_lint`` looked at, in a home without marks."""
    use_own_home(tmp_path / "home", monkeypatch)
    sound_keys.require_sound_once.cache_clear()
    looked: list[VerifyingKey] = []
    require_sound = key_lint.require_sound

    def note(vk: VerifyingKey) -> None:
        looked.append(vk)
        require_sound(vk)

    monkeypatch.setattr(key_lint, "require_sound", note)
    return looked


RNG = Random("keys")
ALPHA, BETA, DELTA, *IC = (RNG.randrange(1 << 200, FIELD) for _ in range(6))
KEY = Secrets(ALPHA, BETA, 1, DELTA, tuple(IC)).key


def require_as_a_new_process(vk: VerifyingKey) -> None:
    sound_keys.require_sound_once.cache_clear()
    sound_keys.require_sound_once(vk)


def test_a_sound_key_is_looked_at_once(looked: list[VerifyingKey]) -> None:
    for _ in range(3):
        require_as_a_new_process(KEY)
    assert looked == [KEY]


def test_another_number_is_another_key(looked: list[VerifyingKey]) -> None:
    require_as_a_new_process(KEY)
    for other in (replace(KEY, delta2=g2(1)), replace(KEY, n_public=1), replace(KEY, ic=(*KEY.ic[:-1], (0, 0)))):
        with pytest.raises(InsecureKey):
            require_as_a_new_process(other)
    assert len(looked) == 4


def test_an_unsound_key_gets_no_mark(looked: list[VerifyingKey]) -> None:
    unsound = replace(KEY, delta2=KEY.gamma2)
    for _ in range(2):
        with pytest.raises(InsecureKey):
            require_as_a_new_process(unsound)
    assert looked == [unsound] * 2
    assert not places.sound_key(sound_keys._digest(unsound)).exists()


def mark(vk: VerifyingKey) -> Path:
    return places.sound_key(sound_keys._digest(vk))


def test_no_mark_is_believed_that_others_could_have_made(looked: list[VerifyingKey]) -> None:
    require_as_a_new_process(KEY)
    for path in (mark(KEY), mark(KEY).parent):
        path.chmod(path.stat().st_mode | 0o002)
        require_as_a_new_process(KEY)
        path.chmod(0o700)
    assert len(looked) == 3


@pytest.mark.parametrize("content", [b"", b"sound\n", b"sound " + b"0" * 64 + b"\n"])
def test_no_mark_is_believed_that_is_not_whole(looked: list[VerifyingKey], content: bytes) -> None:
    require_as_a_new_process(KEY)
    mark(KEY).write_bytes(content)
    require_as_a_new_process(KEY)
    assert len(looked) == 2


def test_other_code_looks_again(looked: list[VerifyingKey], monkeypatch: pytest.MonkeyPatch) -> None:
    require_as_a_new_process(KEY)
    monkeypatch.setattr(sound_keys.importlib.metadata, "version", lambda _: "0")
    require_as_a_new_process(KEY)
    assert len(looked) == 2


def test_a_home_that_cannot_be_written_to(looked: list[VerifyingKey], monkeypatch: pytest.MonkeyPatch) -> None:
    (places.home() / "sound_keys").write_text("no folder")
    for _ in range(2):
        require_as_a_new_process(KEY)
    assert len(looked) == 2
