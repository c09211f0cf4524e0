"""What tightens: every direction against the statement itself, on random books that sit exactly at their limits (POLICY-4 in
``verifier_contracts/PROPERTIES.md``), and against what the contract's table and that document say."""

import re
from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from dls_zk.audit.instances import random_rebalance
from dls_zk.files import read_policy
from dls_zk.statement import relation
from dls_zk.statement.constants import SIZES
from dls_zk.statement.model import SlotPolicy
from dls_zk.statement.policy_diff import Change, Effect, changes, verdict
from dls_zk.statement.policy_fields import FIELDS, GLOBAL_FIELDS, Tighter, slot_fields
from dls_zk.statement.relation import evaluate
from dls_zk.storage import places
from dls_zk.storage.places import PACKAGE
from tests.support.instances import DIRECTED, at_its_limits, changed, field_of, random_policy, with_field

#: Size → random books. Each meets its limits exactly, and meets one other policy.
BOOKS = {8: 1700, 16: 220, 32: 80}


@pytest.fixture
def without_hashes(monkeypatch):
    """No limit looks at them, and they take most of the time."""
    monkeypatch.setattr(relation, "policy_hash", lambda policy: 0)
    monkeypatch.setattr(relation, "book_commitment", lambda opening: 0)


def looser(rng, policy):
    """A policy from which going to ``policy`` is said to tighten."""
    while verdict(other := changed(rng, policy, among=DIRECTED), policy) is not Effect.TIGHTER:
        pass
    return other


def test_a_tighter_policy_accepts_no_book_that_the_looser_one_refuses(without_hashes):
    tried = Counter()
    for slots, seed in [(slots, seed) for slots, books in BOOKS.items() for seed in range(books)]:
        rng = Random(seed)
        tight = at_its_limits(random_rebalance(rng, SIZES[slots]))
        loose = tight.policy
        for _ in range(rng.choice([1, 1, 3])):
            loose = looser(rng, loose)
        assert verdict(loose, tight.policy) is Effect.TIGHTER, "transitive"
        if evaluate(tight).holds:
            steps = changes(loose, tight.policy)
            tried.update(step.field for step in steps)
            report = evaluate(replace(tight, policy=loose))
            assert report.holds, (slots, seed, [check.name for check in report.failures], steps)
    assert set(tried) == DIRECTED, "every field was tried on books that the tighter policy accepts"
    assert min(tried.values()) >= 10, tried


# --- one list of fields in three places ---------------------------------------------------------------


def snake(name):
    return re.sub(r"([A-Z])", r"_\1", name).lower()


def test_widths_and_directions_are_those_of_the_contract():
    source = (places.data_dir("verifier_contracts") / "src/libraries/PolicyLayout.sol").read_text()
    rows = re.findall(r"(NEITHER|LOWER|HIGHER) \| (\d+)(?:, size\.[a-z* .]+\))?,? // (\w+)", source)
    # That no vault may change its NAV step is a rule of the registry, not of its table.
    words = {Tighter.FIXED: "NEITHER"} | {tighter: tighter.name for tighter in Tighter if tighter is not Tighter.FIXED}
    for size in SIZES.values():
        listed = [(snake(name), int(bits), word) for word, bits, name in rows]
        if size.venue_bits == 3:
            listed = [(name, 3 if name == "venue" else bits, word) for name, bits, word in listed]
        fields = (*slot_fields(size), *GLOBAL_FIELDS)
        assert listed == [(field.name, field.bits, words[field.tighter]) for field in fields]


def test_lists_and_names_are_those_of_the_contract():
    """How often each field is repeated, its name in messages, the numbers of scalars and the offset of signed fields."""
    source = (places.data_dir("verifier_contracts") / "src/libraries/PolicyLayout.sol").read_text()
    counts = {"venue": "size.venues", "factor": "size.factors", "scenario": "size.scenarios"}
    for fields, function, scalars in (
        (slot_fields(SIZES[8]), "slotFieldName", "SLOT_SCALARS"),
        (GLOBAL_FIELDS, "globalFieldName", "GLOBAL_SCALARS"),
    ):
        body = source.partition(f"function {function}(")[2].partition("    function ")[0].partition("    // ---")[0]
        assert [snake(name) for name in re.findall(r'"(\w+)"', body)] == [field.name for field in fields]
        assert int(re.search(rf"{scalars} = (\d+);", source)[1]) == sum(not field.axes for field in fields)
    repeated = {snake(name): times for times, name in re.findall(r"_repeat\(\w+ \| \d+, ([a-z.* ]+)\),? // (\w+)", source)}
    assert repeated == {f.name: " * ".join(counts[axis] for axis in f.axes) for f in FIELDS.values() if f.axes}
    assert {f.low for f in FIELDS.values() if f.signed} == {-(2**16)} and "SIGNED_OFFSET = 2 ** 16;" in source


def test_directions_are_those_of_the_document():
    text = (places.data_dir("verifier_contracts") / "PROPERTIES.md").read_text()
    section = text.partition("## Policy: what tightens")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `?(\w+)`? \| ([a-z, ]+) \|", section, re.MULTILINE))
    del rows["field"]
    words = {tighter: tighter.name.lower() for tighter in Tighter} | {Tighter.FIXED: "refused"}
    expected = {name: words[field.tighter] for name, field in FIELDS.items()} | {
        "instrument": "neither, refused",
        "size": "refused",
    }
    assert {snake(name): word for name, word in rows.items()} == expected


# --- what a difference says ----------------------------------------------------------------------------

POLICY = read_policy(PACKAGE / "examples" / "delta_neutral_eth" / "policy.yaml")


@pytest.mark.parametrize(
    ("path", "step", "subject", "effect"),
    [
        ("slots[3].cap_bps", -1, "stETH", Effect.TIGHTER),
        ("slots[3].cap_bps", 1, "stETH", Effect.LOOSER),
        ("slots[3].liability_bps", 1, "stETH", Effect.TIGHTER),
        ("slots[3].liability_bps", -1, "stETH", Effect.LOOSER),
        ("slots[3].venue", -1, "stETH", Effect.LOOSER),
        ("slots[3].loading_bps[1]", 1, "stETH, BTC", Effect.LOOSER),
        ("slots[15].cap_bps", 1, "slot 15", Effect.LOOSER),
        ("max_var_bps", -1, "", Effect.TIGHTER),
        ("venue_cap_bps[1]", 1, "lending", Effect.LOOSER),
        ("factor_limit_bps[0]", -1, "ETH", Effect.TIGHTER),
        ("factor_volatility_bps[4]", 1, "STETH_DISCOUNT", Effect.TIGHTER),
        ("max_stress_loss_bps[3]", -1, "terra-usdt", Effect.TIGHTER),
        ("shock_bps[0][1]", -1, "covid-crash, BTC", Effect.LOOSER),
        ("nav_step_usd", -1, "", Effect.FORBIDDEN),
    ],
)
def test_one_change_is_named_with_what_it_does(path, step, subject, effect):
    old = field_of(POLICY, path)
    new = with_field(POLICY, path, old + step)
    field = path.split(".")[-1].split("[")[0]
    assert changes(POLICY, new) == (Change(subject, field, old, old + step, effect),)
    assert verdict(POLICY, new) is effect


def test_a_policy_tightens_itself():
    assert changes(POLICY, POLICY) == ()
    assert verdict(POLICY, POLICY) is Effect.TIGHTER


def test_the_gravest_change_decides():
    tighter = with_field(POLICY, "max_var_bps", 0)
    looser = with_field(tighter, "slippage_bps", 31)
    forbidden = with_field(looser, "slots[3].instrument", "rETH")
    assert [verdict(POLICY, new) for new in (tighter, looser, forbidden)] == list(Effect)
    assert [change.effect for change in changes(POLICY, forbidden)] == [Effect.FORBIDDEN, Effect.TIGHTER, Effect.LOOSER]


def test_names_for_people_are_no_part_of_it():
    assert changes(POLICY, replace(POLICY, name="", venue_names=(), factor_names=(), scenario_names=())) == ()


def test_another_size_is_the_only_change():
    other = random_policy(Random(1), SIZES[8])
    assert changes(POLICY, other) == (Change("", "size", 16, 8, Effect.FORBIDDEN),)


def test_a_new_instrument_loosens_whatever_its_terms():
    new = with_field(POLICY, "slots[12]", replace(POLICY.slots[3], instrument="rETH", cap_bps=0))
    assert changes(POLICY, new) == (Change("slot 12", "instrument", "", "rETH", Effect.LOOSER),)


def test_an_instrument_is_never_changed_moved_or_removed():
    slots = POLICY.slots
    for new in (
        with_field(POLICY, "slots[3].instrument", "steth"),
        replace(POLICY, slots=(*slots[:3], slots[4], slots[3], *slots[5:])),
        replace(POLICY, slots=(*slots[:9], slots[10], slots[9], *slots[11:])),
        with_field(POLICY, "slots[9]", SlotPolicy.null(6)),
    ):
        assert verdict(POLICY, new) is Effect.FORBIDDEN
