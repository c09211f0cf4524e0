"""A local chain's first account, with a journal that nobody needs afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dls_zk.chain import Chain, Sender
from dls_zk.chain.deployment import create
from dls_zk.chain.signers import from_url
from dls_zk.chain.transactions import Delivery
from dls_zk.solidity.contracts import CompiledContract


@contextmanager
def first_account(on: Chain) -> Iterator[Sender]:
    """A sender for it."""
    with tempfile.TemporaryDirectory() as folder:
        yield Sender(on, from_url(on.rpc.url, on.accounts()[0]), Path(folder), Delivery.on(on, confirmations=1, poll_s=0.02))


def deployed(on: Chain, artifact: CompiledContract, *arguments: object) -> str:
    """The address of a contract that the first account deploys, each time anew."""
    with first_account(on) as owner:
        return create(owner, artifact, *arguments)
