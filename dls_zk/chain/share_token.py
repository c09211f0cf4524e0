"""Clients of a vault's share token and of the asset that it holds."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .client import Client
from .connection import Receipt
from .creation import NotGenuine, constructor_arguments
from .deployment import Protocol, create
from .hub import Hub
from .oracle import NOBODY
from .transactions import Sender


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

    def mint(self, sender: Sender, to: str, amount: int, label: str = "") -> Receipt | None:
        """Make some for an account; the same amount once for each label."""
        return self.act(sender, "mint", to, amount, once=(to, amount, label))

    def approve(self, sender: Sender, spender: str, amount: int) -> None:
        """Let a contract take this amount of the sender's; nothing is sent if it may already."""
        if self.read("allowance", sender.address, spender) < amount:
            self.act(sender, "approve", spender, amount, once=(spender, amount, self.chain.block_number()))

    def balance(self, account: str) -> int:
        """What an account has."""
        return self.read("balanceOf", account)


class ShareToken(Client):
    """``ShareToken``: the shares of one vault of the hub."""

    @classmethod
    def open(
        cls,
        sender: Sender,
        protocol: Protocol,
        asset: str,
        name: str,
        symbol: str,
        custody: str,
        mandate: bytes,
        operator: str,
        guardian: str = NOBODY,
        loosening_delay_s: int = 86_400,
    ) -> ShareToken:
        """Deploy a share token, which opens its vault on the hub; once for the same arguments."""
        artifact = protocol.contracts["ShareToken"]
        roles = (custody, operator, guardian, loosening_delay_s, mandate)
        return cls(protocol.chain, artifact, create(sender, artifact, protocol.hub.address, asset, name, symbol, *roles))

    @classmethod
    def of(cls, protocol: Protocol, vault: bytes) -> ShareToken | None:
        """The share token of a vault, if what opened it is known to be one.

        The transaction that opened the vault must have created it, with the creation code that this package compiles and for
        this hub. Of a token that another contract made, a factory, that cannot be told: None as well.
        """
        opened = protocol.hub.opened(vault)
        share = cls(protocol.chain, protocol.contracts["ShareToken"], opened.arguments["opener"])
        try:
            hub, *_ = constructor_arguments(share.chain, share.artifact, share.address, opened.transaction)
        except NotGenuine:
            return None
        return share if hub == protocol.hub.address else None

    @property
    def vault(self) -> bytes:
        """Id of the vault."""
        return bytes(self.read("vaultId"))

    @property
    def asset(self) -> Asset:
        """The token that the shares are paid for with, by the functions that all tokens have."""
        return Asset(self.chain, self.artifact, self.read("asset"))

    def decimals(self) -> tuple[int, int]:
        """Of the asset and of the share."""
        return self.asset.read("decimals"), self.read("decimals")

    def price(self) -> Fraction:
        """What a whole share is worth in whole units of the asset, at the bottom of the disclosed step."""
        asset_decimals, share_decimals = self.decimals()
        return Fraction(self.read("convertToAssets", 10**share_decimals, block="pending"), 10**asset_decimals)

    def deposit(self, sender: Sender, assets: int, label: str = "") -> Receipt | None:
        """Pay assets in for shares; the same amount once for each label."""
        self.asset.approve(sender, self.address, assets)
        return self.act(sender, "deposit", assets, sender.address, once=(assets, label))

    def move(self, sender: Sender, hub: Hub, flow_e6: int, label: str = "") -> Receipt | None:
        """A flow (1e-6): idle assets to custody for the book if it is positive, back from the operator if negative.

        The same flow is made once between two rebalances, unless it has another label.
        """
        # As mined: a rebalance that waits in the pool would give a second run another key.
        once = (hub.state(self.vault, "latest").sequence, flow_e6, label)
        if flow_e6 > 0:
            return self.act(sender, "draw", flow_e6, once=once)
        self.asset.approve(sender, self.address, -flow_e6 * self.read("unit"))
        return self.act(sender, "giveBack", -flow_e6, once=once)

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
