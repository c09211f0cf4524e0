"""Clients of a vault's share token and of the asset that it holds."""

from __future__ import annotations

from dataclasses import dataclass

from ..contracts import Artifact
from .client import Client
from .deployment import Protocol, create, fault_of_code
from .oracle import NOBODY
from .transactions import Mined, Sender


@dataclass(frozen=True)
class Holdings:
    """What a share token holds, in the smallest units of its asset (shares: of the share).

    assets: what all shares are worth at the bottom of the disclosed step. idle: of that what lies in the token and is not
    set aside. available: idle and not owed to the queue. queued_shares: in escrow. deposits_open: whether it takes deposits.
    """

    assets: int
    shares: int
    idle: int
    available: int
    queued_shares: int
    deposits_open: bool


class Asset(Client):
    """An ERC-20 token; ``mint`` works on ``DevAsset`` alone. Amounts in its smallest unit."""

    def mint(self, sender: Sender, to: str, amount: int, label: str = "") -> Mined | None:
        """Make some for an account; the same amount once for each label."""
        return self.act(sender, "mint", to, amount, once=(to, amount, label))

    def approve(self, sender: Sender, spender: str, amount: int) -> None:
        """Let a contract take this amount of the sender's; nothing is sent if it may already."""
        if self.read("allowance", sender.address, spender) < amount:
            self.act(sender, "approve", spender, amount, once=(spender, amount, self.chain.block_number()))

    def balance(self, account: str) -> int:
        """What an account has."""
        return self.read("balanceOf", account)


class Share(Client):
    """``DlsVault``: the shares of one vault of the hub."""

    @classmethod
    def open(
        cls,
        sender: Sender,
        protocol: Protocol,
        *,
        asset: str,
        name: str,
        symbol: str,
        custody: str,
        mandate: int,
        operator: str,
        guardian: str = NOBODY,
        loosening_delay_s: int = 86_400,
    ) -> Share:
        """Deploy a share token, which opens its vault on the hub; once for the same arguments."""
        artifact = protocol.artifacts["DlsVault"]
        roles = (custody, operator, guardian, loosening_delay_s, mandate)
        return cls(protocol.chain, artifact, create(sender, artifact, protocol.hub.address, asset, name, symbol, *roles))

    @classmethod
    def of(cls, protocol: Protocol, vault: bytes) -> Share | None:
        """The share token of a vault, if one opened it: a contract with the code that this package compiles."""
        share = cls(protocol.chain, protocol.artifacts["DlsVault"], protocol.hub.roles(vault).opener)
        if fault_of_code(share.chain, share.artifact, share.address):
            return None
        return share if share.vault == vault and share.read("hub") == protocol.hub.address else None

    @property
    def vault(self) -> bytes:
        """Id of the vault."""
        return bytes(self.read("vaultId"))

    def asset(self, artifact: Artifact) -> Asset:
        """The asset, as a contract with this ABI."""
        return Asset(self.chain, artifact, self.read("asset"))

    def deposit(self, sender: Sender, assets: int, label: str = "") -> Mined | None:
        """Pay assets in for shares, which must be approved before; the same amount once for each label."""
        return self.act(sender, "deposit", assets, sender.address, once=(assets, sender.address, label))

    def draw(self, sender: Sender, quantity_e6: int, sequence: int, label: str = "") -> Mined | None:
        """Send idle assets to custody, for the book. The same quantity once after a rebalance, for each label."""
        return self.act(sender, "draw", quantity_e6, once=(sequence, quantity_e6, label))

    def give_back(self, sender: Sender, quantity_e6: int, sequence: int, label: str = "") -> Mined | None:
        """Bring assets back from the book, which must be approved before; once as ``draw`` does."""
        return self.act(sender, "giveBack", quantity_e6, once=(sequence, quantity_e6, label))

    def holdings(self) -> Holdings:
        """What it holds now."""
        return Holdings(
            assets=self.read("totalAssets", block="pending"),
            shares=self.read("totalSupply"),
            idle=self.read("idle"),
            available=self.read("available", block="pending"),
            queued_shares=self.read("queue")[2],
            deposits_open=self.read("maxDeposit", self.address, block="pending") > 0,
        )
