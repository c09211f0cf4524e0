"""Client of the policy registry."""

from __future__ import annotations

from collections.abc import Iterator

from ..solidity.policy_abi import from_abi, to_abi, with_labels
from ..statement.commitments import policy_hash
from ..statement.ethereum import keccak256
from ..statement.model import Policy
from .client import Client
from .connection import Block, Receipt
from .transactions import Sender


class Registry(Client):
    """``PolicyRegistry``: readable policies by their hash, and what accounts call them."""

    def register(self, sender: Sender, policy: Policy) -> Receipt | None:
        """Register a policy, and the sender's labels for it. None if both were there before.

        An account gives a policy its labels once: where it gave others before, those stay.
        """
        digest, terms, labels = policy_hash(policy), *to_abi(policy)

        def is_done(block: Block) -> bool:
            if not self.read("isRegistered", digest, block=block):
                return False
            return not any(labels) or any(self.read("labelsOf", digest, sender.address, block=block))

        once = (f"0x{digest:064x}", keccak256(repr(labels).encode()).hex())
        return self.act(sender, "register", terms, labels, once=once, is_done=is_done)

    def is_registered(self, digest: int) -> bool:
        """Whether there is a policy with this hash."""
        return self.read("isRegistered", digest)

    def policy(self, digest: int, labels_by: str | None = None) -> Policy:
        """The policy with this hash: what the registry says, hashed again here.

        Without labels, or with those of an account: anybody can give a policy labels, so they are worth what the account is.
        """
        policy = from_abi(self.read("policyOf", digest), digest)
        return with_labels(policy, self.read("labelsOf", digest, labels_by)) if labels_by else policy

    def authors(self, digest: int, since: int) -> Iterator[tuple[str, str]]:
        """The accounts that registered this policy or gave it labels, in their order, each with the name that it gave.

        since: the block from which to look; the registry's own is early enough.
        """
        topics = [self.topic("PolicyRegistered"), f"0x{digest:064x}"]
        for event in self.events(since, self.chain.block_number(), topics):
            name = event.arguments["name"]
            yield event.arguments["by"], name if name.isascii() and name.isprintable() else ""

    def tightens(self, old: int, new: int) -> bool:
        """Whether a vault may go from one policy (hash) to another at once. Refused where it may never."""
        return self.read("tightens", old, new)
