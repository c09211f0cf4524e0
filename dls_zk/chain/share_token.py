"""Clients of a vault's share token and of the asset that it holds.

Nobody enters or leaves at a price that is known already: an order gets an id, the round of prices that it waits for, and the
first proof at prices that much younger settles it. Then its controller claims.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import Any, Literal

from ..files import Fixed
from ..statement.ethereum import NOBODY
from .client import Client
from .connection import NoContract, Receipt, Refused
from .creation import NotGenuine, constructor_arguments
from .deployment import Protocol, create
from .hub import Hub
from .journal import IntentKey
from .refusals import OF_THE_ASSET, explain_revert
from .transactions import Sender

Kind = Literal["deposit", "redeem"]

#: The words of the contract for what is asked of each kind of order.
_WORDS: dict[Kind, str] = {"deposit": "Deposit", "redeem": "Redeem"}
#: The claims that name an order, for two kinds of orders.
_CLAIMS: dict[Kind, str] = {
    "deposit": "deposit(uint256,uint256,address,address)",
    "redeem": "redeem(uint256,uint256,address,address)",
}
#: Why deposits were returned, in the order of the contract's enum.
RETURNED = (
    "not returned",
    "the mandate moved",
    "the vault was stale",
    "a write-down",
    "the NAV step is too coarse",
    "a share is worth too little",
    "the price of a share is out of the mandate's band",
)
#: The events that tell what happened to orders, assets and fees; those of the ERC-20 token that it is are too many.
EVENTS = (
    "DepositRequest",
    "RedeemRequest",
    "CancelDepositRequest",
    "CancelRedeemRequest",
    "CancelDepositClaim",
    "CancelRedeemClaim",
    "TransferDepositRequest",
    "TransferRedeemRequest",
    "Deposit",
    "Withdraw",
    "Settled",
    "DepositsReturned",
    "Drawn",
    "GivenBack",
    "Contributed",
    "FeesMinted",
    "FeesCollected",
)
#: Redemptions that are looked at for those that wait.
_LOOKED_AT = 256
#: Ids that are asked for at once.
_PAGE = 64


@dataclass(frozen=True)
class SettledPrice:
    """The last pair at which orders settled; fields in the order of the contract's answer.

    assets: what all shares were worth. supply: all shares. timestamp: Unix seconds of the prices, 0 before the first
    settlement. sequence: of the proof.
    """

    assets: int
    supply: int
    timestamp: int
    sequence: int


@dataclass(frozen=True)
class Exits:
    """The redemptions that wait; fields in the order of the contract's answer.

    shares: all that wait. owed: of them those that are committed, which can be cancelled no more and draws leave
    paid. oldest: Unix seconds when the oldest was asked for, 0 if none waits.
    """

    shares: int
    owed: int
    oldest: int


@dataclass(frozen=True)
class Exit:
    """What waits of an account's redemptions with one id. controller: who may claim. owner: whose shares they were.

    pending, claimable: shares. since: Unix seconds when the first of them was asked for.
    """

    id: int
    controller: str
    owner: str
    pending: int
    claimable: int
    since: int


@dataclass(frozen=True)
class Holdings:
    """What a share token holds, in the smallest units of its asset (shares: of the share).

    worth: what all shares are worth by the last proof at the bottom and the top of the NAV step; None while no price is
    known, after a change of feeds. idle: what lies in the token and belongs to all holders. available: of that what
    redemptions are not owed. pending_deposits: of orders that wait. set_aside: for claims. uncollected_fees: shares.
    """

    worth: tuple[int, int] | None
    shares: int
    idle: int
    available: int
    pending_deposits: int
    set_aside: int
    uncollected_fees: int


@dataclass(frozen=True)
class Order:
    """What is left of an account's orders with one id. Amounts of a deposit in assets, of a redemption in shares.

    pending: waits for a proof, or for assets. claimable: settled. returned: cancelled, or a deposit that could not settle.
    """

    kind: Kind
    id: int
    pending: int
    claimable: int
    returned: int


class Asset(Client):
    """An ERC-20 token; ``mint`` works on ``DevAsset`` alone. Amounts in its smallest unit."""

    def mint(self, sender: Sender, to: str, amount: int, label: str = "") -> Receipt | None:
        """Make some for an account; the same amount once for each label."""
        return self.act(sender, "mint", to, amount, once=(to, amount, label))

    def approve(self, sender: Sender, spender: str, amount: int) -> None:
        """Let a contract take this amount of the sender's; nothing is sent if it may already."""
        if self.read("allowance", sender.address, spender) < amount:

            def stands(_: Receipt) -> bool:
                return self.read("allowance", sender.address, spender) >= amount

            self.act(sender, "approve", spender, amount, once=(spender, amount), period="run", stands=stands)

    def received(self, mined: Receipt, account: str) -> int:
        """What a transaction brought to an account, by the token's events."""
        moved = [event.arguments for event in self._decoded(mined.logs) if event.name == "Transfer"]
        return sum(one["value"] for one in moved if one["to"] == account)

    def balance(self, account: str) -> int:
        """What an account has."""
        return self.read("balanceOf", account)


@dataclass(frozen=True)
class ShareToken(Client):
    """``ShareToken``: the shares of one vault of the hub, and the orders for them. first_block: where its events begin."""

    first_block: int = field(default=0)

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
        artifact = protocol.share_token
        roles = (custody, operator, guardian, loosening_delay_s, mandate)
        address = create(sender, artifact, protocol.hub.address, asset, name, symbol, *roles)
        return cls(protocol.chain, artifact, address, protocol.deployment.block)

    @classmethod
    def of(cls, protocol: Protocol, vault: bytes) -> ShareToken | None:
        """The share token of a vault, if what opened it is known to be one.

        The transaction that opened the vault must have created it, with the creation code that this package compiles and for
        this hub. Of a token that another contract made, a factory, that cannot be told: None as well.
        """
        opened = protocol.hub.opened(vault)
        share = cls(protocol.chain, protocol.share_token, opened.arguments["opener"], protocol.deployment.block)
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

    @property
    def as_asset(self) -> Asset:
        """The shares as the token that they are."""
        return Asset(self.chain, self.artifact, self.address)

    def act(self, sender: Sender, function: str, *arguments: Any, **how: Any) -> Receipt | None:
        """As of every contract; a refusal states amounts in whole assets or shares, and not in their smallest units."""
        try:
            return super().act(sender, function, *arguments, **how)
        except Refused as refusal:
            if refusal.revert is None:
                raise
            why = explain_revert(self.artifact.abi, "0x" + refusal.revert.hex(), partial(self._show_amount, function))
            raise Refused(why.text, revert=refusal.revert, code=why.code) from None

    def _show_amount(self, function: str, error: str, amount: int) -> str:
        """What an error of a function calls an amount: of the asset, or of shares, which redemptions move."""
        of_asset = error in OF_THE_ASSET or "edeem" not in function
        decimals = Fixed(self.decimals()[0 if of_asset else 1], 0, 0)
        return f"{decimals.show(amount)} {self.asset_symbol() if of_asset else 'shares'}"

    def asset_symbol(self) -> str:
        """What the asset calls itself, as far as that is printable and short; "of the asset" if it says nothing so."""
        try:
            symbol = self.asset.read("symbol")
        except (NoContract, Refused):  # tokens need not have a symbol, and a few have one that is no text
            return "of the asset"
        return symbol if isinstance(symbol, str) and re.fullmatch("[!-~]{1,16}", symbol) else "of the asset"

    def decimals(self) -> tuple[int, int]:
        """Of the asset and of the share."""
        return self.asset.read("decimals"), self.read("decimals")

    # --- orders ---------------------------------------------------------------------------------------------------

    def request(
        self, sender: Sender, hub: Hub, kind: Kind, amount: int, controller: str | None = None, label: str = ""
    ) -> int:
        """Order a deposit of assets, or a redemption of shares; the order's id. controller: who claims; the sender, if not
        said.

        The same order is made once between two rebalances, unless it has another label.
        """
        controller = controller or sender.address
        # As mined: a rebalance that waits in the pool would give a second run another key.
        function, sequence = f"request{_WORDS[kind]}", hub.state(self.vault, "latest").sequence
        once = (amount, controller, label)
        if kind == "deposit" and not self.is_interrupted(sender, function, *once):
            self.asset.approve(sender, self.address, amount)
        mined = self.act(sender, function, amount, controller, sender.address, once=once, period=sequence)
        assert mined  # only a check of the state makes it None
        return self.said(mined, f"{_WORDS[kind]}Request")["requestId"]

    def cancel(self, sender: Sender, kind: Kind, order: int, controller: str) -> Receipt | None:
        """Cancel an order whose round is not taken yet. What it was for can then be taken back: see ``claim``."""
        return self.act(sender, f"cancel{_WORDS[kind]}Request", order, controller, once=(order, controller), period="run")

    def transfer(self, sender: Sender, kind: Kind, order: int, controller: str, to: str) -> Receipt | None:
        """Make another account the controller of what of an order is pending."""
        once = (order, controller, to)
        return self.act(sender, f"transfer{_WORDS[kind]}Request", order, controller, to, once=once, period="run")

    def claim(self, sender: Sender, order: Order, controller: str, receiver: str) -> list[Receipt]:
        """Take what is settled of an order, and what of it was cancelled or returned."""
        mined = []
        if order.claimable:
            arguments = (order.id, order.claimable, receiver, controller)
            mined.append(self.act(sender, _CLAIMS[order.kind], *arguments, once=arguments, period="run"))
        if order.returned:
            cancelled = (order.id, receiver, controller)
            mined.append(self.act(sender, self._take_back(order.kind), *cancelled, once=cancelled, period="run"))
        return [receipt for receipt in mined if receipt]

    def _take_back(self, kind: Kind) -> str:
        return f"claimCancel{_WORDS[kind]}Request"

    def interrupted(self, sender: Sender, act: Literal["cancel", "transfer"], order: int, *what: str) -> list[Kind]:
        """The kinds of the orders with this id of which a run that was cut off called this; repeated, it finds its end.

        what: the controller, and to whom the order was transferred."""
        return [kind for kind, word in _WORDS.items() if self.is_interrupted(sender, f"{act}{word}Request", order, *what)]

    def interrupted_claims(self, sender: Sender, controller: str, receiver: str) -> list[Order]:
        """What ``claim`` has to be called with once more to find the ends of claims that were cut off."""
        found = []
        for kind in _WORDS:
            for number, claimed, *who in self._interrupted(sender, _CLAIMS[kind]):
                if who == [receiver, controller]:
                    found.append(Order(kind, int(number), 0, int(claimed), 0))
            for number, *who in self._interrupted(sender, self._take_back(kind)):
                if who == [receiver, controller]:
                    found.append(Order(kind, int(number), 0, 0, 1))
        return found

    def _interrupted(self, sender: Sender, function: str) -> list[IntentKey]:
        """By what the calls of a function differ that were cut off."""
        head = self._calls(sender, function)
        return [key[len(head) : -1] for key in sender.interrupted(head)]

    def orders(self, controller: str) -> list[Order]:
        """The orders of an account of which something is left, oldest first, deposits before redemptions."""
        found = []
        for kind in _WORDS:
            ids = {*self._open_ids(kind, controller), *self._cancelled_ids(kind, controller)}
            found += [self._order(kind, order, controller) for order in sorted(ids)]
        return [order for order in found if order.pending or order.claimable or order.returned]

    def _cancelled_ids(self, kind: Kind, controller: str) -> Iterator[int]:
        """Orders that were cancelled: the token does not list them, taken back or not."""
        topics = [self.topic(f"Cancel{_WORDS[kind]}Request"), "0x" + controller[2:].lower().rjust(64, "0")]
        for event in self.events(self.first_block, self.chain.block_number(), topics):
            yield event.arguments["requestId"]

    def _open_ids(self, kind: Kind, controller: str) -> Iterator[int]:
        function = {"deposit": "openDeposits", "redeem": "openRedemptions"}[kind]
        previous = 0
        while page := self.read(function, controller, previous, _PAGE):
            yield from page
            previous = page[-1]

    def _order(self, kind: Kind, order: int, controller: str) -> Order:
        word = _WORDS[kind]
        asked = (f"pending{word}Request", f"claimable{word}Request", f"claimableCancel{word}Request")
        return Order(kind, order, *(self.read(function, order, controller) for function in asked))

    def settle(self, sender: Sender) -> Receipt | None:
        """Settle the orders that the last proof prices, if its own transaction could not. Does nothing a second time."""
        return self.act(sender, "settle", period="run")

    # --- flows ----------------------------------------------------------------------------------------------------

    def move(self, sender: Sender, hub: Hub, flow_e6: int, label: str = "") -> Receipt | None:
        """A flow (1e-6): idle assets to custody for the book if it is positive, back from the operator if negative.

        The same flow is made once between two rebalances, unless it has another label.
        """
        # As mined: a rebalance that waits in the pool would give a second run another key.
        function, sequence = "draw" if flow_e6 > 0 else "giveBack", hub.state(self.vault, "latest").sequence
        once = (flow_e6, label)
        if flow_e6 < 0 and not self.is_interrupted(sender, function, *once):
            self.asset.approve(sender, self.address, -flow_e6 * self.read("unit"))
        return self.act(sender, function, abs(flow_e6), once=once, period=sequence)

    def contribute(self, sender: Sender, hub: Hub, assets: int, label: str = "") -> Receipt | None:
        """Give assets to all holders; the same amount once between two rebalances, unless it has another label."""
        sequence = hub.state(self.vault, "latest").sequence
        if not self.is_interrupted(sender, "contribute", assets, label):
            self.asset.approve(sender, self.address, assets)
        return self.act(sender, "contribute", assets, once=(assets, label), period=sequence)

    def collect_fees(self, sender: Sender, receiver: str) -> Receipt | None:
        """Take the shares that were minted as fees. Only the operator may."""
        return self.act(sender, "collectFees", receiver, once=(receiver,), period="run")

    def wind_down(self, sender: Sender) -> Receipt | None:
        """Wind the vault down, because redemptions are overdue by twice their period."""
        return self.act(sender, "windDown", period="run")

    # --- views ----------------------------------------------------------------------------------------------------

    def holdings(self) -> Holdings:
        """What it holds now."""
        try:
            worth = self.read("worth", block="pending")
        except Refused:  # after a change of feeds, until the next proof
            worth = None
        return Holdings(
            worth=worth,
            shares=self.read("totalSupply"),
            idle=self.read("idle", block="pending"),
            available=0 if worth is None else self.read("available", block="pending"),
            pending_deposits=self.read("pendingDeposits"),
            set_aside=self.read("setAside"),
            uncollected_fees=self.read("uncollectedFees"),
        )

    def settled_price(self) -> SettledPrice:
        """The last settled pair, which ``convertToAssets`` quotes."""
        return SettledPrice(*self.read("settledPrice"))

    def price(self) -> Fraction:
        """What a whole share is worth in whole units of the asset, at the last settled price."""
        asset_decimals, share_decimals = self.decimals()
        return Fraction(self.read("convertToAssets", 10**share_decimals), 10**asset_decimals)

    def exits(self) -> Exits:
        """The redemptions that wait."""
        return Exits(*self.read("exits"))

    def waiting_exits(self, shares: int) -> list[Exit]:
        """The redemptions of which something waits, oldest first. shares: all that wait, by ``exits``: they end the search.

        It looks at the newest ``_LOOKED_AT`` redemptions at most: they are served in their order, so the newest wait.
        """
        asked: dict[tuple[int, str], tuple[str, int]] = {}
        for event in self.events(self.first_block, self.chain.block_number()) if shares else ():
            said = event.arguments
            if event.name == "RedeemRequest":
                asked.setdefault((said["requestId"], said["controller"]), (said["owner"], event.block))
            elif event.name == "TransferRedeemRequest":
                before = asked.get((said["requestId"], said["from"]), (said["from"], event.block))
                asked.setdefault((said["requestId"], said["to"]), before)
        found: list[Exit] = []
        for (number, controller), (owner, block) in sorted(asked.items(), reverse=True)[:_LOOKED_AT]:
            if shares <= 0:
                break
            order = self._order("redeem", number, controller)
            if order.pending:
                since = self.chain.timestamp(block)
                found.append(Exit(number, controller, owner, order.pending, order.claimable, since))
                shares -= order.pending
        return found[::-1]

    def next_order(self) -> int:
        """The id that an order would get now."""
        return self.read("nextRequestId")

    def cutoffs(self) -> tuple[int, int]:
        """The last ids that a settlement has met: of deposits, and of redemptions."""
        deposits, redemptions = self.read("cutoffs")
        return deposits, redemptions
