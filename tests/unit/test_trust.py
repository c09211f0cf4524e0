"""What runs or is believed is this user's or root's, and nobody else can change it: looked at where it is opened."""

from __future__ import annotations

import grp
import json
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dls_zk.chain import journal
from dls_zk.cli.main import main
from dls_zk.errors import InputError
from dls_zk.solidity import contracts
from dls_zk.storage import built, disk, places, trust
from dls_zk.tools import node

SOMEBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")


def give_away(path: Path) -> None:
    os.chown(path, SOMEBODY, -1)


def open_to_all(path: Path) -> None:
    path.chmod(path.stat().st_mode | 0o002)


def open_to_a_group(path: Path) -> None:
    path.chmod(path.stat().st_mode | 0o020)
    if os.geteuid() == 0:
        os.chown(path, -1, SOMEBODY)


SPOILERS = [pytest.param(give_away, marks=needs_root), open_to_all, open_to_a_group]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o755)
    monkeypatch.setenv("DLS_ZK_HOME", str(folder))
    monkeypatch.setenv("DLS_ZK_STATE", str(tmp_path / "state"))
    # A group that is the user's own may write; that is tried below.
    monkeypatch.setattr(trust, "_is_own_group", lambda *_: False)
    trust._walk.cache_clear()
    return folder


def untrusted(work: Callable[[], object], path: Path) -> str:
    with pytest.raises(InputError) as error:
        work()
    assert error.value.code == "folder_untrusted" and error.value.exit_code == 3 and error.value.where == str(path)
    assert "\n" not in str(error.value)
    return error.value.message


# --- the folders ---------------------------------------------------------------------------------------------------

WAYS: dict[str, tuple[str, Callable[[], object]]] = {
    "home": ("", places.home),
    "node": ("node", places.node_dir),
    "scripts": ("node", places.node_scripts_dir),
    "circuits": ("circuits", lambda: places.circuit_dir("one", "ab" * 32)),
    "circuit": ("circuits/one", lambda: places.circuit_dir("one", "ab" * 32)),
    "built circuit": (f"circuits/one/{'ab' * 8}", lambda: places.circuit_dir("one", "ab" * 32)),
    "keys": ("keys/one", lambda: places.key_dir("one", "ab" * 32, "dev")),
    "key": (f"keys/one/{'ab' * 8}-ceremony", lambda: places.key_dir("one", "ab" * 32, "ceremony")),
    "native core": (f"native/{'ab' * 8}", lambda: places.native_dir("ab" * 32)),
    "contracts": (f"contracts/{'ab' * 8}", lambda: places.contracts_dir("ab" * 32)),
}


@pytest.mark.parametrize("spoil", SPOILERS)
@pytest.mark.parametrize("way", WAYS)
def test_a_folder_that_others_can_change_is_refused(home: Path, way: str, spoil: Callable[[Path], None]) -> None:
    below, work = WAYS[way]
    folder = home / below
    folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    work()
    spoil(folder)
    message = untrusted(work, folder)
    assert "set DLS_ZK_HOME to a folder of yours" in message
    assert "chmod -R go-w" in message or spoil is give_away


@pytest.mark.parametrize("spoil", SPOILERS)
def test_a_journal_that_others_can_change_is_refused(home: Path, tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    with journal.opened(places.state_dir(), "0x00"):
        pass
    folder = tmp_path / "state"
    file = journal.path_in(folder)
    mode, owner = file.stat().st_mode, file.stat()
    spoil(file)
    assert "DLS_ZK_STATE" in untrusted(lambda: journal.all_intents(folder), file)
    os.chown(file, owner.st_uid, owner.st_gid)
    file.chmod(mode)
    assert journal.all_intents(places.state_dir()) == []
    spoil(folder)
    assert "DLS_ZK_STATE" in untrusted(places.state_dir, folder)


@pytest.mark.parametrize("above", ["parent", "grandparent"])
@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        pytest.param(give_away, "belongs to another user", marks=needs_root),
        (open_to_all, "can be written to by everybody"),
        (open_to_a_group, "can be written to by its group"),
    ],
)
def test_a_folder_above_that_others_can_change_is_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch, above: str, spoil: Callable[[Path], None], problem: str
) -> None:
    """Who can write to a folder can move away what is in it, and put something else there."""
    chosen = home / "between" / "mine"
    disk.make_dir(chosen)
    for variable, find in (("DLS_ZK_HOME", places.home), ("DLS_ZK_STATE", places.state_dir)):
        monkeypatch.setenv(variable, str(chosen))
        assert find() == chosen
    folder = chosen.parent if above == "parent" else chosen.parent.parent
    spoil(folder)
    for find in (places.home, places.state_dir):
        assert f"{folder} {problem}" in untrusted(find, chosen)
    # Where nobody can move what is another's, as in /tmp; but the owner of such a folder can.
    folder.chmod(folder.stat().st_mode | 0o1000)
    if spoil is give_away:
        assert f"{folder} {problem}" in untrusted(places.home, chosen)
    else:
        assert places.home() == chosen


def test_folders_above_belong_to_the_user_or_to_root(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As another user sees it: root's folders are as good as its own, and a third user's are not."""
    owners = {home: 1000, home.parent: 0}
    stat_of = Path.stat

    def as_if(path: Path, **options: Any) -> os.stat_result:
        status = list(stat_of(path, **options))
        status[4] = owners.get(path, 0)
        return os.stat_result(status)

    monkeypatch.setattr(Path, "stat", as_if)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert places.home() == home
    owners[home.parent] = 1000
    assert places.home() == home
    owners[home.parent] = 1001
    assert f"{home.parent} belongs to another user" in untrusted(places.home, home)


@needs_root
def test_root_and_another_user_look_at_the_same_folders(home: Path) -> None:
    """A user's own folder is good for that user, and not for root."""
    chosen = home / "mine"
    disk.make_dir(chosen)
    os.chown(home, SOMEBODY, -1)
    assert "belongs to another user" in untrusted(lambda: trust.require_trusted_place(chosen, "choose"), chosen)
    os.chown(chosen, SOMEBODY, -1)
    reader, child = os.pipe(), os.fork()
    if not child:  # as that user
        try:
            os.setuid(SOMEBODY)
            trust.require_trusted_place(chosen, "choose")
            os.write(reader[1], b"trusted")
        except InputError as error:
            os.write(reader[1], str(error).encode())
        finally:
            os._exit(0)
    os.close(reader[1])
    os.waitpid(child, 0)
    assert os.read(reader[0], 1000) == b"trusted"


def test_a_link_is_followed_once(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever owns a link could let it lead elsewhere between two looks."""
    (tmp_path / "link").symlink_to(home)
    monkeypatch.setenv("DLS_ZK_HOME", str(tmp_path / "link"))
    assert places.home() == home
    open_to_all(home)
    untrusted(places.home, home)


@needs_root
def test_root_trusts_no_other_user(home: Path) -> None:
    """What another user owns would run as root."""
    give_away(home)
    assert "belongs to another user" in untrusted(places.home, home)


def test_root_is_trusted_by_all(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = home.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    if owner == 0:
        assert places.home() == home
    else:
        untrusted(places.home, home)


def test_a_group_of_the_users_own_may_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every user has a group of the same name, files are often writable by it."""
    trust._is_own_group.cache_clear()
    user = pwd.getpwuid(os.geteuid())
    monkeypatch.setenv("DLS_ZK_HOME", str(tmp_path))
    os.chown(tmp_path, -1, user.pw_gid)
    tmp_path.chmod(0o770)
    for name, members, own in ((user.pw_name, [], True), (user.pw_name, [user.pw_name], True), ("users", [], False)):
        group = grp.struct_group((name, "x", user.pw_gid, members))
        monkeypatch.setattr(grp, "getgrgid", lambda _, group=group: group)
        trust._is_own_group.cache_clear()
        assert (places.home() == tmp_path) if own else untrusted(places.home, tmp_path)
    group = grp.struct_group((user.pw_name, "x", user.pw_gid, ["somebody"]))
    monkeypatch.setattr(grp, "getgrgid", lambda _: group)
    trust._is_own_group.cache_clear()
    untrusted(places.home, tmp_path)
    trust._is_own_group.cache_clear()


# --- the files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spoil", SPOILERS)
@pytest.mark.parametrize("name", ["manifest.json", "one.r1cs"])
def test_a_built_file_that_others_can_change_is_refused(home: Path, name: str, spoil: Callable[[Path], None]) -> None:
    folder = home / "circuits" / "one" / "x"
    folder.mkdir(parents=True)
    (folder / "one.r1cs").write_bytes(b"r1cs")
    built.write_manifest(folder)
    assert built.read_manifest(folder, "build it again").path("one.r1cs").is_file()
    spoil(folder / name)
    untrusted(lambda: built.read_manifest(folder, "build it again").path("one.r1cs"), folder / name)


@pytest.mark.parametrize("spoil", SPOILERS)
def test_contracts_that_others_can_change_are_not_deployed(
    home: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], None]
) -> None:
    monkeypatch.setattr(contracts, "_compile", lambda _: {})
    assert contracts._compiled({}) == {}
    (file,) = home.glob("contracts/*/contracts.json")
    spoil(file)
    untrusted(lambda: contracts._compiled({}), file)


@pytest.mark.parametrize("spoil", SPOILERS)
def test_node_packages_that_others_can_change_do_not_run(home: Path, spoil: Callable[[Path], None]) -> None:
    program = places.node_dir() / "node_modules" / "solc" / "index.js"
    disk.make_dir(program.parent)
    program.write_text("")
    (program.parent / "link").symlink_to("nowhere")
    places.node_dir().chmod(0o755)
    node.ensure_node_packages()
    trust._walk.cache_clear()
    spoil(program)
    untrusted(node.ensure_node_packages, program)
    places.node_dir().chmod(0o700)  # nobody else gets there
    node.ensure_node_packages()


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spoil", SPOILERS)
def test_a_command_says_so_in_one_line(home: Path, spoil: Callable[[Path], None]) -> None:
    spoil(home)
    result = CliRunner().invoke(main, ["setup", "dev", "--size", "8", "--json"])
    assert result.exit_code == 3, result.output
    error = json.loads(result.stdout)["error"]
    assert (error["code"], error["where"], error["retryable"]) == ("folder_untrusted", str(home), False)
    assert list(home.iterdir()) == []
