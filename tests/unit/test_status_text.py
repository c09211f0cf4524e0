"""How ``vault status`` shows a value to a person; and that no command's own argument takes the name of an option."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import click
import pytest

from dls_zk.chain.hub import VaultState, VaultStatus
from dls_zk.cli import main
from dls_zk.cli.main import COMMANDS
from dls_zk.cli.options import Access
from dls_zk.cli.vault_status import _reason, _rows, text_of
from dls_zk.statement.ethereum import NOBODY


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("stale_from", 1_724_889_600, "2024-08-29 00:00:00 UTC"),
        ("level_ppb", 274_000, "0.0274%"),
        ("rate_ppm_per_day", 1_000_000, "100%"),
        ("max_deviation_bps", 50, "0.5%"),
        ("own_orders_ppb", 10**9, "all of it, with capital of the vault's size"),
        ("own_orders_ppb", 5 * 10**6, "0.5%"),
        ("guardian", NOBODY, "nobody"),
        ("insecure", True, "yes"),
        ("waiting", None, "none"),
        ("sequence", 7, "7"),
        ("grace_s", 900, "900"),
    ],
)
def test_values(name: str, value: object, text: str) -> None:
    assert text_of(name, value) == text


@pytest.mark.parametrize(
    ("sequence", "said"), [(0, "nothing is proven yet; it was opened at"), (1, "the last proof's prices are of")]
)
@pytest.mark.parametrize(
    ("status", "end"), [(VaultStatus.ACTIVE, ""), (VaultStatus.STALE, ", older than 60 s: the next proof ends it")]
)
def test_a_vault_that_was_never_proven_has_no_last_proof(sequence: int, said: str, status: VaultStatus, end: str) -> None:
    state = VaultState(0, sequence, 0, 1_724_889_600, 0, 1, 1, b"", 0, False, False, 0, status)
    mandate: Any = SimpleNamespace(max_proof_age_s=60)
    no_chain: Any = None
    assert _reason(no_chain, b"", state, mandate) == f"{said} 2024-08-29 00:00:00 UTC{end}"


def test_what_lies_deeper_has_the_names_above_it() -> None:
    assert _rows("buckets", {"gain": {"cap_ppb": 10, "full_at": None}}) == [
        ("buckets gain cap", "0.000001%"),
        ("buckets gain full at", "none"),
    ]
    assert _rows("feeds", [{"instrument": "USDC", "heartbeat_s": 3600, "max_deviation_bps": 100}]) == [
        ("feeds", "USDC, heartbeat s 3600, max deviation 1%")
    ]
    assert _rows("feeds", []) == [("feeds", "none")]


def commands(command: click.Command, name: str = "dls-zk") -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        names = COMMANDS if name == "dls-zk" else command.commands
        for inner in names:
            found = command.get_command(click.Context(command), inner)
            assert found
            yield from commands(found, f"{name} {inner}")
    else:
        yield name, command


def test_no_argument_of_a_command_has_the_name_of_an_option_for_the_chain() -> None:
    """``chain_command`` takes its options out by their names."""
    checked = 0
    for name, command in commands(main.main):
        if any(one.name == "rpcs" for one in command.params):
            checked += 1
            names = [one.name for one in command.params]
            assert len(names) == len(set(names)), name
            own = set(inspect.signature(inspect.unwrap(command.callback)).parameters) if command.callback else set()
            assert not own & set(Access.__dataclass_fields__), name
    assert checked > 30
