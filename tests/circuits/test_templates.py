"""Every template alone, in a main of its own: what it accepts, what its constraints refuse, and that it adds up."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from random import Random

import pytest

from dls_zk.audit.circuits import Circuit, compile_template
from dls_zk.audit.instances import random_rebalance
from dls_zk.statement.commitments import book_commitment, global_words, instruments_word, pack, policy_hash, slot_words
from dls_zk.statement.constants import FIELD, SIZES, book_domain
from dls_zk.statement.field import encode_signed
from dls_zk.statement.model import Opening
from dls_zk.statement.policy_fields import slot_layout

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "poseidon.json").read_text())["vectors"]
TOP = (1 << 17) - 1


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Compile a template once: ``template("RangeCheck(3)", "lib/range.circom")``."""
    folder, made = tmp_path_factory.mktemp("templates"), {}

    def get(instance: str, *includes: str) -> Circuit:
        if instance not in made:
            made[instance] = compile_template(folder, f"template_{len(made)}", instance, *includes)
        return made[instance]

    return get


def accepts(circuit: Circuit, inputs) -> bool:
    """Whether the constraints hold for the witness that the hints lead to, assertions ignored."""
    return not circuit.violated(circuit.lying(inputs))


def output(circuit: Circuit, inputs, name: str) -> int:
    return circuit.honest(inputs)[circuit.wire[f"main.{name}"]]


def exhaust(circuit: Circuit, inputs: dict[str, int], wires: list[str], choices) -> list[tuple[int, ...]]:
    """All assignments of ``choices`` to these wires that the constraints accept with these inputs."""
    base = circuit.lying(inputs)
    places = [circuit.wire[f"main.{wire}"] for wire in wires]
    accepted = []
    for values in itertools.product(choices, repeat=len(places)):
        for place, value in zip(places, values, strict=True):
            base[place] = value % FIELD
        if not circuit.violated(base):
            accepted.append(values)
    return accepted


# --- lib ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [*range(-9, 18), FIELD // 2, (FIELD + 1) // 2, (1 << 252) + 3])
def test_range_check_has_one_witness_in_range_and_none_outside(template, x):
    circuit = template("RangeCheck(3)", "lib/range.circom")
    accepted = exhaust(circuit, {"in": x}, ["bit[0]", "bit[1]"], [-1, 0, 1, 2, 3])
    assert accepted == ([(x >> 1 & 1, x >> 2 & 1)] if 0 <= x < 8 else [])


@pytest.mark.parametrize("x", [*range(-12, 13), FIELD // 2, (FIELD + 1) // 2])
def test_signed_range_has_one_witness_in_range_and_none_outside(template, x):
    circuit = template("SignedRange(4)", "lib/range.circom")
    accepted = exhaust(circuit, {"in": x}, ["nonNegative", "bit[0]", "bit[1]"], [-1, 0, 1, 2])
    rest = x + (0 if x >= 0 else 8)
    assert accepted == ([(int(x >= 0), rest >> 1 & 1, rest >> 2 & 1)] if -8 <= x < 8 else [])


@pytest.mark.parametrize("bits", [17, 57, 58, 106])
def test_widest_numbers_of_signed_range(template, bits):
    circuit = template(f"SignedRange({bits})", "lib/range.circom")
    top = 1 << (bits - 1)
    assert [accepts(circuit, {"in": x}) for x in (-top - 1, -top, -1, 0, top - 1, top)] == [False, *[True] * 4, False]


@pytest.mark.parametrize("bits", [2, 48, 88, 162, 253])
def test_widest_numbers_of_range_check(template, bits):
    circuit = template(f"RangeCheck({bits})", "lib/range.circom")
    top = 1 << bits
    assert [accepts(circuit, {"in": x}) for x in (0, top - 1)] == [True, True]
    # At 253 bits the next number up is still a field element; so is p − 1 at every width.
    assert [accepts(circuit, {"in": x}) for x in (top, -1, FIELD - top // 2)] == [False] * 3


@pytest.mark.parametrize("x", [0, 1, 2, -1, FIELD // 2])
def test_zero_test_has_one_witness(template, x):
    circuit = template("IsZero()", "lib/zero.circom")
    inverse = pow(x, -1, FIELD) if x % FIELD else 0
    accepted = exhaust(circuit, {"in": x}, ["isZero", "inverse"], [0, 1, -1, 2, 5, inverse])
    assert {(zero, hint % FIELD) for zero, hint in accepted} == {(int(x == 0), inverse)}


def test_boolean(template):
    circuit = template("Boolean()", "lib/range.circom")
    assert [accepts(circuit, {"in": x}) for x in (0, 1, 2, -1)] == [True, True, False, False]


def test_words_unpack_into_the_fields_that_python_packs(template):
    size = SIZES[8]
    circuit = template("UnpackWords(SLOT_FIELDS(4, 4), SLOT_WIDTHS(4, 4), 1)", "lib/words.circom", "policy/fields.circom")
    policy = random_rebalance(Random(5), size).policy
    for i in range(size.slots):
        (word,) = pack(slot_layout(size), policy.slot_values(i))
        wires = circuit.honest({"word": word})
        fields = [wires[circuit.wire[f"main.field[{k}]"]] for k in range(len(slot_layout(size)) + size.venue_bits - 1)]
        venue = sum(bit << b for b, bit in enumerate(fields[4 : 4 + size.venue_bits]))
        loadings = [x - (1 << 16) for x in fields[-size.factors :]]
        assert [*fields[:4], venue, *fields[4 + size.venue_bits : -size.factors], *loadings] == policy.slot_values(i)


def test_a_field_cannot_borrow_from_its_neighbour(template):
    circuit = template("UnpackWords(2, [2, 3], 1)", "lib/words.circom")
    for word in range(32):
        accepted = exhaust_fields(circuit, word)
        assert accepted == [(word & 3, word >> 2)]
    for word in (32, -1, FIELD - 4, 1 << 253):
        assert exhaust_fields(circuit, word) == []


def exhaust_fields(circuit: Circuit, word: int) -> list[tuple[int, int]]:
    """All pairs of fields, also far outside their ranges, that the constraints accept for a word, whatever the bits."""
    base, accepted = circuit.lying({"word": word}), []
    low, high = (circuit.wire[f"main.field[{k}]"] for k in range(2))
    bits = [w for name, w in circuit.wire.items() if ".bit[" in name]
    for field in range(-5, 12):
        base[low], base[high] = field % FIELD, (word - field) * pow(4, -1, FIELD) % FIELD
        for values in itertools.product((0, 1), repeat=len(bits)):
            for wire, value in zip(bits, values, strict=True):
                base[wire] = value
            if not circuit.violated(base):
                accepted.append((base[low], base[high]))
    return accepted


@pytest.mark.parametrize("count", [2, 4, 5, 6, 10])
def test_poseidon_equals_circomlibjs(template, count):
    circuit = template(f"Poseidon({count})", "lib/poseidon.circom")
    for vector in VECTORS:
        if len(vector["inputs"]) == count:
            assert output(circuit, {"in": [int(x) for x in vector["inputs"]]}, "digest") == int(vector["digest"])


# --- book -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("slots", SIZES)
def test_book_commitment_equals_python(template, slots):
    circuit = template(f"BookCommitment({slots}, {book_domain(slots)})", "book/commitment.circom")
    rng = Random(slots)
    for quantities in ([0] * slots, [rng.randint(-(2**57) + 1, 2**57 - 1) for _ in range(slots)], [-(2**57) + 1] * slots):
        opening = Opening(tuple(quantities), rng.randrange(FIELD))
        inputs = {"quantity": [encode_signed(q) for q in quantities], "salt": opening.salt}
        assert output(circuit, inputs, "commitment") == book_commitment(opening)


@pytest.mark.parametrize("slots", SIZES)
def test_policy_hash_equals_python(template, slots):
    policy = random_rebalance(Random(slots), SIZES[slots]).policy
    words = [*slot_words(policy), *global_words(policy), instruments_word(policy)]
    circuit = template(f"PolicyHash({slots}, {len(words)})", "policy/hash.circom")
    assert output(circuit, {"word": words}, "policyHash") == policy_hash(policy)


@pytest.mark.parametrize(
    ("after", "trade", "price", "holds"),
    [
        (5, -3, 2, True),
        (-5, 3, 2, True),
        (0, 0, 0, True),
        (0, -7, 0, True),  # an unpriced slot may be emptied
        (1, 1, 0, False),
        (-1, 0, 0, False),
        (2**56 - 1, -(2**56), (1 << 48) - 1, True),
        (2**56, 0, 1, False),
        (-(2**56) - 1, 0, 1, False),
        (0, 2**56, 1, False),
        (FIELD // 2, 0, 1, False),
    ],
)
def test_valued_slot(template, after, trade, price, holds):
    circuit = template("ValuedSlot()", "book/trades.circom")
    inputs = {"after": after % FIELD, "trade": trade % FIELD, "price": price}
    assert accepts(circuit, inputs) == holds
    if holds:
        expected = {"value": after * price, "absValue": abs(after) * price, "tradeValue": trade * price}
        for name, value in (expected | {"absTradeValue": abs(trade) * price}).items():
            assert output(circuit, inputs, name) == value % FIELD, name


def test_an_absolute_value_cannot_be_negative(template):
    circuit = template("ValuedSlot()", "book/trades.circom")
    accepted = exhaust(circuit, {"after": 0, "trade": 0, "price": 3}, ["long", "bought"], [0, 1])
    assert accepted == [(1, 1)], "zero has one sign"


@pytest.mark.parametrize(
    ("nav", "nav_step", "floor", "holds"),
    [
        (0, 1, 0, True),
        (10**14 - 1, 1, 0, True),
        (10**14, 1, 0, False),
        (10**14, 1, 1, True),
        (10**14, 1, 2, False),
        (10**14, 1, -1, False),
        (-1, 1, 0, False),
        (-1, 1, -1, False),
        (-(10**14), 1, -1, False),
        (0, 0, 0, False),
        (0, 0, 5, False),
        ((1 << 88) - 1, 1, ((1 << 88) - 1) // 10**14, True),
        (1 << 88, 1, (1 << 88) // 10**14, False),
        ((1 << 88) - 1, (1 << 24) - 1, ((1 << 88) - 1) // (((1 << 24) - 1) * 10**14), True),
        # The floor that satisfies the equation in the field alone: navFloor = nav / g mod p.
        (5, 1, 5 * pow(10**14, -1, FIELD), False),
    ],
)
def test_nav(template, nav, nav_step, floor, holds):
    circuit = template("Nav()", "book/nav.circom")
    inputs = {"nav": nav % FIELD, "navStep": nav_step, "navFloor": floor % FIELD}
    assert accepts(circuit, inputs) == holds
    if holds:
        assert output(circuit, inputs, "navHigh") == nav >> 40


@pytest.mark.parametrize(
    ("flow", "price", "nav", "before"),
    [
        (0, 5, 7, 7),
        (3, 5, 7, 7),
        (-3, 5, 7, 22),
        (-3, 0, 7, 7),
        ((1 << 56) - 1, (1 << 48) - 1, 0, 0),
        (-(1 << 56), (1 << 48) - 1, 0, (1 << 104) - (1 << 56)),
    ],
)
def test_a_flow_out_was_in_the_nav_before(template, flow, price, nav, before):
    circuit = template("FlowParts()", "book/flow.circom")
    inputs = {"flow": flow % FIELD, "settlementPrice": price, "nav": nav}
    assert output(circuit, inputs, "value") == flow * price % FIELD
    assert output(circuit, inputs, "navBeforeOutflow") == before


@pytest.mark.parametrize("flow", [1 << 56, -(1 << 56) - 1, FIELD // 2])
def test_a_flow_beyond_its_range_is_refused(template, flow):
    inputs = {"flow": flow % FIELD, "settlementPrice": 0, "nav": 0}
    assert not accepts(template("FlowParts()", "book/flow.circom"), inputs)


# --- limits ----------------------------------------------------------------------------------------

SHIFT = 1 << 16  # signed policy fields are stored with this offset

TURNOVER = {"traded": 7, "turnover": 1_000_000, "maxTurnover": 10_000, "navBeforeOutflow": 7}
#: Nothing is granted and nothing costs.
CONSERVED = {
    "tradeValue": [-100_000, 100_000], "flowValue": 0, "gain": 0, "loss": 0, "writeDown": 0, "navStep": 1, "slippage": 0,
    "turnover": 100_000, "nav": 10**9, "navBeforeOutflow": 2 * 10**9,
}  # fmt: skip
STEP = 10**14
#: 16·1,250·50,000·4 = 625·10,000·640, and twice that.
STRESSED = {
    "exposureHigh": [-50_000 % FIELD, 25_000], "exact": [1, 1], "maxLoss": [10_000, 20_000], "navHigh": 160,
    "shockBiased": [[SHIFT + 1_250, SHIFT], [SHIFT, SHIFT - 5_000]],
}  # fmt: skip

#: instance, file, inputs at the bound, the change that is one unit past it
LIMITS = [
    ("Turnover()", "turnover", TURNOVER, {"navBeforeOutflow": 6}),
    ("Turnover()", "turnover", TURNOVER, {"traded": 8}),
    ("Turnover()", "turnover", TURNOVER, {"turnover": 999_999}),
    ("Turnover()", "turnover", TURNOVER, {"turnover": 1_000_001}),
    ("Turnover()", "turnover", TURNOVER, {"maxTurnover": 9_999}),
    ("Turnover()", "turnover", dict.fromkeys(TURNOVER, 0), {"traded": 1}),
    ("Turnover()", "turnover", dict.fromkeys(TURNOVER, 0), {"turnover": 1}),
    (
        "GrossLeverage(3)",
        "leverage",
        {"gross": [10_000, 0, 30_000], "absValue": [5, 99, 3], "maxLeverage": 20_000, "nav": 7},
        {"absValue": [5, 99, 4]},
    ),
    (
        "Concentration(3)",
        "concentration",
        {"absValue": [3, 0, 6], "cap": [10_000, 0, 20_000], "nav": 3},
        {"absValue": [3, 1, 6]},
    ),
    ("Concentration(3)", "concentration", {"absValue": [3, 0, 6], "cap": [10_000, 0, 20_000], "nav": 3}, {"nav": 2}),
    (
        "VenueExposure(4, 4)",
        "venue",
        {"absValue": [1, 2, 4, 8], "venueBit": [[0, 0], [1, 0], [0, 1], [1, 0]], "nav": 10_000, "venueCap": [1, 10, 4, 0]},
        {"absValue": [1, 3, 4, 8]},
    ),
    (
        "VenueExposure(4, 4)",
        "venue",
        {"absValue": [1, 2, 4, 8], "venueBit": [[0, 0], [1, 0], [0, 1], [1, 0]], "nav": 10_000, "venueCap": [1, 10, 4, 0]},
        {"venueBit": [[0, 0], [1, 0], [0, 1], [1, 1]]},
    ),
    (
        "CollateralRatio(2, 2)",
        "collateral",
        {"collateral": [90_000, -15_000], "debt": [0, 50_000], "minRatio": 15_000},
        {"collateral": [90_000, -15_001]},
    ),
    (
        "LiquidityReserve(3, 2)",
        "reserve",
        {
            "liquid": [10_000, 5_000, 10_000],
            "value": [10, 8, -3],
            "absValue": [10, 8, 3],
            "fundedLong": [10, 8, 0],
            "fundedShort": [0, 0, 0],
            "minReserve": 5_000,
            "nav": 22,
        },
        {"nav": 23},
    ),
    (
        # A funded short is debt: it takes nothing off the reserve.
        "LiquidityReserve(3, 2)",
        "reserve",
        {
            "liquid": [10_000, 0, 0],
            "value": [10, 0, -3],
            "absValue": [10, 0, 3],
            "fundedLong": [10, 0, 0],
            "fundedShort": [0, 0, 3],
            "minReserve": 10_000,
            "nav": 10,
        },
        {"fundedShort": [0, 0, 2]},
    ),
    (
        "ImpermanentLoss(2)",
        "impermanent_loss",
        {"impermanentLoss": [572, 0], "absValue": [100, 5], "maxImpermanentLoss": 1_144, "nav": 50},
        {"absValue": [101, 5]},
    ),
    (
        "CapitalEfficiency(2, 2)",
        "capital_efficiency",
        {"depth": [20_000, 0], "absValue": [3, 9], "fundedLong": [3, 0], "minCapitalEfficiency": 20_000},
        {"fundedLong": [3, 1]},
    ),
    *[
        ("StressLoss(2, 2)", "stress", STRESSED, past)
        for past in (
            {"exposureHigh": [-50_001 % FIELD, 25_000]},
            {"exposureHigh": [-50_000 % FIELD, 25_001]},
            {"exact": [0, 1]},
            {"exact": [1, 0]},
            {"navHigh": 159},
            {"maxLoss": [9_999, 20_000]},
            {"shockBiased": [[SHIFT + 1_251, SHIFT], [SHIFT, SHIFT - 5_000]]},
        )
    ],
    (
        # Collateral 100 (bps) falls by half, debt stays: 50 against 1.25 × 40.
        "StressSolvency(2, 1, 1, 2)",
        "stress",
        {
            "collateral": [100, 0],
            "debt": [0, 40],
            "loadingBiased": [[SHIFT + 10_000], [SHIFT]],
            "shockBiased": [[SHIFT - 5_000]],
            "ratio": 12_500,
        },
        {"shockBiased": [[SHIFT - 5_001]]},
    ),
    (
        # Debt in the asset that rises by a tenth: 110 against 100 × 1.1.
        "StressSolvency(2, 1, 1, 2)",
        "stress",
        {
            "collateral": [110, 0],
            "debt": [0, 100],
            "loadingBiased": [[SHIFT], [SHIFT + 10_000]],
            "shockBiased": [[SHIFT + 1_000]],
            "ratio": 10_000,
        },
        {"debt": [0, 101]},
    ),
    *[
        ("Conservation(2)", "../book/conservation", CONSERVED | at, past)
        for at, past in (
            ({}, {"flowValue": 1}),
            ({}, {"flowValue": -1 % FIELD}),
            # Gained, without a trade.
            ({"flowValue": -20 % FIELD, "gain": 20}, {"flowValue": -21 % FIELD}),
            ({"flowValue": -20 % FIELD, "gain": 20}, {"nav": 10**9 - 1}),
            # Lost: the slippage, a part of the NAV after, and of that before the outflow.
            ({"flowValue": 1_000, "slippage": 100, "loss": 10**9}, {"flowValue": 1_001}),
            ({"flowValue": 1_020, "slippage": 100, "gain": 20, "loss": 10**9}, {"gain": 19}),
            ({"flowValue": 40, "gain": 40, "loss": 20}, {"loss": 19}),
            ({"flowValue": 40, "gain": 40, "loss": 20}, {"navBeforeOutflow": 2 * 10**9 - 1}),
            # Written down: three steps, no more, beside what else may be lost.
            ({"flowValue": 21 * STEP, "navStep": 7, "writeDown": 3}, {"flowValue": 21 * STEP + 1}),
            ({"flowValue": 21 * STEP, "navStep": 7, "writeDown": 3}, {"writeDown": 2}),
            ({"flowValue": 21 * STEP, "navStep": 7, "writeDown": 3}, {"navStep": 6}),
            ({"flowValue": 21 * STEP + 2, "navStep": 7, "writeDown": 3, "gain": 2, "loss": 1}, {"loss": 0}),
            ({"flowValue": 21 * STEP + 2, "navStep": 7, "writeDown": 3, "gain": 2, "loss": 1}, {"gain": 1}),
        )
    ],
    (
        # 3-4-5: a factor's deviation of 30·10^4 and a residual of 40·10^4 make 50·10^4; one unit more is rounded up to 41.
        "ValueAtRisk(2, 1, 2)",
        "value_at_risk",
        {
            "exposureRoundedUp": [30],
            "volatility": [10_000],
            "residual": [1, 0],
            "absValue": [40 << 48, 5],
            "quantile": 390_625,
            "maxVaR": 500_000,
            "navHigh": 1,
        },
        {"absValue": [(40 << 48) + 1, 5]},
    ),
]


@pytest.mark.parametrize(("instance", "file", "at", "past"), LIMITS, ids=[f"{k}-{row[0]}" for k, row in enumerate(LIMITS)])
def test_a_limit_holds_at_its_bound_and_not_one_unit_past_it(template, instance, file, at, past):
    circuit = template(instance, f"limits/{file}.circom")
    assert accepts(circuit, at)
    assert not accepts(circuit, at | past)


#: The largest exposure, in its units, that any limit admits.
MOST = TOP * ((1 << 48) - 1) // 256


@pytest.mark.parametrize(
    ("exposure", "limit", "nav_high", "holds"),
    [
        (0, 0, 0, True),
        (1, 0, 5, False),
        (-1, 0, 5, False),
        (1, 256, 1, True),
        (-1, 256, 1, True),
        (1, 255, 1, False),
        (-1, 255, 1, False),
        (35 << 48, 7 * 256, 5, True),
        (-35 << 48, 7 * 256, 5, True),
        ((35 << 48) + 1, 7 * 256, 5, False),
        ((-35 << 48) - 1, 7 * 256, 5, False),
        (MOST << 48, TOP, (1 << 48) - 1, True),
        (-MOST << 48, TOP, (1 << 48) - 1, True),
        ((MOST << 48) + 1, TOP, (1 << 48) - 1, False),
        (1 << 105, TOP, (1 << 48) - 1, False),
        (FIELD // 2, TOP, (1 << 48) - 1, False),
    ],
)
def test_factor_limit(template, exposure, limit, nav_high, holds):
    circuit = template("FactorLimit()", "limits/factor_exposure.circom")
    assert accepts(circuit, {"exposure": exposure % FIELD, "limit": limit, "navHigh": nav_high}) == holds


@pytest.mark.parametrize("y", [0, 1, -1, (1 << 48) - 1, 1 << 48, -(1 << 48), (1 << 48) + 1, -(1 << 48) - 1, 12345 << 50])
def test_factor_exposure_is_rounded_up(template, y):
    circuit = template("FactorLimit()", "limits/factor_exposure.circom")
    inputs = {"exposure": y % FIELD, "limit": TOP, "navHigh": (1 << 48) - 1}
    expected = {"roundedUp": -(-abs(y) >> 48), "high": y >> 48, "exact": int(y % (1 << 48) == 0)}
    for name, value in expected.items():
        assert output(circuit, inputs, name) == value % FIELD, name


def test_exposures(template):
    circuit = template("Exposures(3, 2)", "limits/factor_exposure.circom")
    loadings, amounts = [[10_000, -5], [0, 7], [-65_536, 65_535]], [11, -13, 17]
    wires = circuit.honest(
        {"loadingBiased": [[x + SHIFT for x in row] for row in loadings], "amount": [x % FIELD for x in amounts]}
    )
    for f in range(2):
        expected = sum(row[f] * amount for row, amount in zip(loadings, amounts, strict=True))
        assert wires[circuit.wire[f"main.exposure[{f}]"]] == expected % FIELD


@pytest.mark.parametrize("funded", [0, 1])
@pytest.mark.parametrize("value", [0, 9, -9, 2**104, -(2**104)])
def test_funded_parts(template, funded, value):
    circuit = template("FundedParts()", "limits/collateral.circom")
    inputs = {"funded": funded, "haircut": 8_000, "liability": 11_000, "value": value % FIELD, "absValue": abs(value)}
    long, short = (max(value, 0), max(-value, 0)) if funded else (0, 0)
    expected = {
        "fundedLong": long,
        "fundedShort": short,
        "collateral": 8_000 * value if value > 0 else 0 if funded else 10_000 * value,
        "debt": 11_000 * short,
    }
    for name, amount in expected.items():
        assert output(circuit, inputs, name) == amount % FIELD, name
