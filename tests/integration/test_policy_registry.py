"""The policy registry on a real anvil against Python: hashes, what comes back, and what tightens (POLICY-1 and POLICY-2 in
``verifier_contracts/PROPERTIES.md``)."""

import itertools
import re
from collections import Counter
from dataclasses import fields, replace
from random import Random

import pytest

from dls_zk import chain, files
from dls_zk.chain import Sender
from dls_zk.chain.deployment import create
from dls_zk.chain.registry import Registry as RegistryClient
from dls_zk.chain.signers import from_url
from dls_zk.errors import ChainError
from dls_zk.solidity import contracts, policy_abi
from dls_zk.statement.commitments import policy_hash
from dls_zk.statement.constants import SIZES
from dls_zk.statement.model import Policy, SlotPolicy
from dls_zk.statement.policy_diff import Effect, changes, verdict
from dls_zk.statement.signals import pack_venues
from dls_zk.storage.places import PACKAGE
from dls_zk.tools import foundry, node
from tests.support.instances import DIRECTED, changed, random_name, random_policy, with_field
from tests.support.sending import first_account

EXAMPLE = files.read_policy(PACKAGE / "examples" / "delta_neutral_eth" / "policy.yaml")


class Registry:
    """A deployed registry."""

    def __init__(self, owner):
        compiled = contracts.compile_contracts()
        self.owner = owner
        artifact = compiled["PolicyRegistry"].linked({"PoseidonT6": create(owner, compiled["PoseidonT6"])})
        self.abi = artifact.abi
        self.client = RegistryClient(owner.chain, artifact, create(owner, artifact))

    def register(self, policy):
        """The hash that the event says."""
        digest = policy_hash(policy)
        event = self.client.said(
            self.client.act(self.owner, "register", *policy_abi.to_abi(policy), once=(digest,)), "PolicyRegistered"
        )
        assert event["name"] == policy.name
        return event["policyHash"]

    def call(self, name, *arguments):
        return self.client.read(name, *arguments)


@pytest.fixture(scope="module")
def registry():
    node.ensure_node_packages()
    with foundry.anvil(chain_id=31337, accounts=2) as url, first_account(chain.connect(url)) as owner:
        yield Registry(owner)


def relatives(rng, policy):
    """The policy and what it may become, for better or worse: everything between equal and forbidden."""
    free = policy.size.slots - 1
    policy = with_field(policy, f"slots[{free}]", SlotPolicy.null(policy.size.factors))
    steps = [policy]
    for _ in range(4):
        steps.append(changed(rng, rng.choice(steps)))
    for _ in range(8):
        steps.append(changed(rng, rng.choice(steps), among=DIRECTED))
    return [
        *steps,
        with_field(policy, f"slots[{free}].instrument", random_name(rng, "NEW")),
        with_field(policy, "slots[0].instrument", random_name(rng, "OTHER")),
        with_field(policy, "nav_step_usd", policy.nav_step_usd % 1000 + 1),
    ]


@pytest.fixture(scope="module")
def registered(registry):
    """Hash → policy, of policies of all sizes that are registered."""
    rng = Random(5)
    policies = [EXAMPLE]
    for size in SIZES.values():
        policies += relatives(rng, random_policy(rng, size))
    return {registry.register(policy): policy for policy in dict.fromkeys(policies)}


def test_hashes_are_those_of_python(registry):
    for seed in range(36):
        policy = random_policy(Random(seed), list(SIZES.values())[seed % 3])
        assert registry.call("hashOf", policy_abi.to_abi(policy)[0]) == policy_hash(policy), seed


def test_registered_policies_come_back(registry, registered):
    for expected, policy in registered.items():
        assert expected == policy_hash(policy)
        assert registry.client.policy(expected, labels_by=registry.owner.address) == policy
        named = sum(1 << i for i, slot in enumerate(policy.slots) if slot.instrument)
        exposed = sum(1 << i for i, slot in enumerate(policy.slots) if slot.gross_bps)
        assert registry.call("outline", expected) == (policy.size.slots, policy.nav_step_usd, named, exposed)
        venues = pack_venues(policy.size, [slot.venue for slot in policy.slots])
        assert registry.call("venuesOf", expected) == (policy.size.slots, venues)


def test_labels_are_those_of_their_author(registry, tmp_path):
    """Somebody who registers a policy first, under a name of their own, changes nothing of what its author calls it."""
    owner, client = registry.owner, registry.client
    other = Sender(owner.chain, from_url(owner.chain.rpc.url, owner.chain.accounts()[1]), tmp_path, owner.delivery)
    policy = replace(random_policy(Random(77), SIZES[8]), name="Delta-neutral ETH")
    digest = policy_hash(policy)
    front_run = replace(policy, name="Safe and audited", venue_names=(), factor_names=(), scenario_names=())

    nameless = replace(front_run, name="")

    assert client.register(other, nameless)
    first = client.register(other, front_run)  # labels may follow
    assert first and client.register(other, front_run) == first
    assert client.register(owner, policy)
    assert client.policy(digest, labels_by=owner.address) == policy
    assert client.policy(digest, labels_by=other.address) == front_run
    assert client.policy(digest) == client.policy(digest, labels_by="0x" + "01" * 20) == nameless
    assert [*client.authors(digest, 0)] == [
        (other.address, ""), (other.address, "Safe and audited"), (owner.address, "Delta-neutral ETH"),
    ]  # fmt: skip

    assert client.register(owner, replace(policy, name="Another name")) is None  # given once
    assert client.policy(digest, labels_by=owner.address) == policy


def test_verdicts_are_those_of_python(registry, registered):
    seen = Counter()
    for (old_hash, old), (new_hash, new) in itertools.product(registered.items(), repeat=2):
        if old.size != new.size and old != EXAMPLE:
            continue
        effect = verdict(old, new)
        seen[effect] += old != new
        if effect is Effect.FORBIDDEN:
            with pytest.raises(ChainError, match=r"\((Size|NavStep|Instrument)Changed\)$"):
                registry.call("tightens", old_hash, new_hash)
        else:
            assert registry.call("tightens", old_hash, new_hash) is (effect is Effect.TIGHTER), changes(old, new)
    assert min(seen[effect] for effect in Effect) >= 40, seen


def test_structs_have_the_fields_of_the_model(registry):
    (function,) = (item for item in registry.abi if item.get("name") == "register")
    terms, labels = ([part["name"] for part in struct["components"]] for struct in function["inputs"])
    slot = [part["name"] for part in function["inputs"][0]["components"][0]["components"]]

    def snake(names):
        return [re.sub(r"([A-Z])", r"_\1", name).lower() for name in names]

    assert snake(slot) == [field.name for field in fields(SlotPolicy)]
    assert snake(terms) == list(policy_abi.FIELDS)
    assert [f"{name.removesuffix('s')}_names" if name != "name" else name for name in labels] == list(policy_abi.LABELS)
    assert {"size", *policy_abi.FIELDS, *policy_abi.LABELS} == {field.name for field in fields(Policy)}


# --- refusals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (with_field(EXAMPLE, "nav_step_usd", 0), "the NAV step is 0"),
        (with_field(EXAMPLE, "slots[1].instrument", "usdc"), "slot 1 has an instrument that another slot has"),
        (with_field(EXAMPLE, "slots[2].instrument", "a b"), "a name in instrument is no name at place 2"),
        (with_field(EXAMPLE, "slots[15].venue", 1), "slot 15 has no instrument"),
        (with_field(EXAMPLE, "slots[0]", SlotPolicy.null(6)), "slot 0"),
        (replace(EXAMPLE, max_var_bps=1, name="Größe"), "a name in name is no name at place 0"),
        (replace(EXAMPLE, max_var_bps=1, venue_names=("a",) * 5), "venues has 5 entries"),
    ],
)
def test_refusals_say_what_is_wrong(registry, policy, message):
    with pytest.raises(ChainError, match=message):
        registry.call("register", *policy_abi.to_abi(policy))


def test_an_unknown_policy_is_refused(registry):
    with pytest.raises(ChainError, match=r"is not registered; .* \(UnknownPolicy\)$"):
        registry.call("policyOf", 7)
