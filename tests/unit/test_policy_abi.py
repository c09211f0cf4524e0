from dataclasses import replace
from random import Random

import pytest

from dls_zk.errors import ChainError
from dls_zk.solidity.policy_abi import from_abi, to_abi, with_labels
from dls_zk.statement.commitments import policy_hash
from dls_zk.statement.constants import SIZES
from tests.support.instances import random_policy, with_field

POLICY = random_policy(Random(2), SIZES[16])
TERMS, LABELS = to_abi(POLICY)


@pytest.mark.parametrize("seed", range(6))
def test_a_policy_survives_the_structs(seed):
    policy = random_policy(Random(seed), list(SIZES.values())[seed % 3])
    terms, labels = to_abi(policy)
    assert with_labels(from_abi(terms, policy_hash(policy)), labels) == policy


def test_a_policy_has_no_labels_of_its_own():
    """Anybody can give it labels, so it has none but those of an account that is named."""
    policy = from_abi(TERMS, policy_hash(POLICY))
    assert (policy.name, policy.venue_names, policy.factor_names, policy.scenario_names) == ("", (), (), ())


def test_lists_are_as_good_as_tuples():
    """web3 answers with lists."""

    def thawed(value):
        return [thawed(item) for item in value] if isinstance(value, tuple) else value

    policy = with_labels(from_abi(thawed(TERMS), policy_hash(POLICY)), thawed(LABELS))
    assert policy == POLICY
    assert hash(policy) == hash(POLICY)


def test_another_policy_than_the_one_asked_for_is_refused():
    with pytest.raises(ChainError, match="another policy"):
        from_abi(to_abi(with_field(POLICY, "max_var_bps", POLICY.max_var_bps ^ 1))[0], policy_hash(POLICY))


@pytest.mark.parametrize(
    "terms", [(), TERMS[:-1], (TERMS[0][:7], *TERMS[1:]), (TERMS[0], 1 << 20, *TERMS[2:]), (7, *TERMS[1:])]
)
def test_what_is_no_policy_is_refused(terms):
    with pytest.raises(ChainError, match="no policy"):
        from_abi(terms, policy_hash(POLICY))


@pytest.mark.parametrize(
    "labels",
    [
        (),
        LABELS[:-1],
        (*LABELS, ()),
        (7, *LABELS[1:]),
        ("", 7, (), ()),
        ("", (7,), (), ()),
        ("", ("a",) * 5, (), ()),
        ("", (), ("a",) * 7, ()),
        ("", (), (), ("a",) * 9),
    ],
)
def test_what_are_no_labels_is_refused(labels):
    """Of the wrong form, or more than a book of 16 slots has places for."""
    with pytest.raises(ChainError, match="no set of labels"):
        with_labels(POLICY, labels)


@pytest.mark.parametrize("name", ["\x1b[2J", "a\nb", "\u202eBTC", "Größe"])
def test_names_that_a_terminal_or_a_reader_would_trip_over_are_refused(name):
    for policy in (
        replace(POLICY, name=name),
        replace(POLICY, venue_names=(name,)),
        replace(POLICY, factor_names=(name,)),
        replace(POLICY, scenario_names=(name,)),
        with_field(POLICY, "slots[0].instrument", name),
    ):
        terms, labels = to_abi(policy)
        with pytest.raises(ChainError, match="printable"):
            with_labels(from_abi(terms, policy_hash(policy)), labels)
