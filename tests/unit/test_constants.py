"""The circuits and Python name the same numbers; a difference would be a different statement."""

import re

from dls_zk.statement import constants
from dls_zk.statement.circuits import CIRCUITS, REBALANCE, RECONCILIATION
from dls_zk.statement.constants import SIZES
from dls_zk.statement.policy_fields import GLOBAL_FIELDS, slot_fields, slot_layout
from dls_zk.storage import places

SOURCES = places.data_dir("circuits")


def _circom_functions(path):
    return dict(re.findall(r"function (\w+)\([^)]*\) \{ return ([^;]+); \}", (SOURCES / path).read_text()))


def test_scales_and_widths():
    circom = _circom_functions("lib/constants.circom")
    for name in (
        "BPS", "PPM", "PPB", "USD_E14", "WORD_BITS", "QUANTITY_BITS", "QUANTITY_LIMB_BITS", "QUANTITIES_PER_WORD",
        "PRICE_BITS", "PRICES_PER_WORD", "ALLOWANCE_BITS", "NAV_BITS", "NAV_FLOOR_BITS", "SIGNED_BITS", "SIGNED_OFFSET",
        "NAV_SHIFT", "EXPOSURE_SHIFT",
    ):  # fmt: skip
        assert int(circom[name]) == getattr(constants, name), name
    custody = _circom_functions("custody/constants.circom")
    assert int(custody["MAX_TOLERANCE"]) == constants.MAX_TOLERANCE_PPM < 1 << constants.TOLERANCE_BITS
    assert int(custody["TOLERANCE_BITS"]) == constants.TOLERANCE_BITS


def test_hash_domains():
    circom = _circom_functions("lib/constants.circom") | _circom_functions("custody/constants.circom")
    functions = (constants.book_domain, constants.policy_domain, constants.attestation_domain)
    for name, function in zip(("DOMAIN_BOOK", "DOMAIN_POLICY", "DOMAIN_ATTESTATION"), functions, strict=True):
        literal, factor = re.fullmatch(r"(0x[0-9a-f]+) \* (\d+) \+ N", circom[name]).groups()
        for slots in SIZES:
            assert int(literal, 16) * int(factor) + slots == function(slots)
    assert len({f(n) for f in functions for n in SIZES}) == 3 * len(SIZES)


def test_sizes_of_the_mains():
    for circuit in CIRCUITS.values():
        source, size = (SOURCES / "main" / f"{circuit.name}.circom").read_text(), circuit.size
        rebalance = f"Rebalance({size.slots}, {size.scenarios}, {size.factors}, {size.venues});"
        assert {REBALANCE: rebalance, RECONCILIATION: f"Reconciliation({size.slots}, {size.venues});"}[
            circuit.family
        ] in source


def test_a_slot_fits_its_word_and_widths_agree_with_the_circuit():
    circom = _circom_functions("lib/constants.circom")
    source = (SOURCES / "policy" / "fields.circom").read_text()
    declared = re.findall(r"widths\[(\w+)\([^)]*\)(?: \+ \w+)?\] = (\w+)(?:\(\))?;", source)
    circom = {name: int(circom.get(width, width)) for name, width in declared}
    names = {
        "SLOT_FUNDED": "funded", "SLOT_HAIRCUT": "haircut_bps", "SLOT_LIABILITY": "liability_bps", "SLOT_CAP": "cap_bps",
        "SLOT_GROSS": "gross_bps", "SLOT_LIQUID": "liquid_bps", "SLOT_IMPERMANENT_LOSS": "impermanent_loss_bps",
        "SLOT_DEPTH": "depth_bps", "SLOT_RESIDUAL": "residual_bps", "SLOT_LOADING": "loading_bps",
        "NAV_STEP": "nav_step_usd", "SHOCK": "shock_bps",
    }  # fmt: skip
    for size in SIZES.values():
        python = {field.name: field.bits for field in (*slot_fields(size), *GLOBAL_FIELDS)}
        assert python.pop("venue") == (size.venues - 1).bit_length() and 1 << size.venue_bits == size.venues
        assert circom.keys() - {"SLOT_VENUE"} == {k for k in circom if names.get(k, f"{k.lower()}_bps") in python}
        for name, bits in circom.items():
            if name != "SLOT_VENUE":
                assert python[names.get(name, f"{name.lower()}_bps")] == bits, name
        assert len(circom) - 1 == len(python)
        assert sum(path.field.bits for path in slot_layout(size)) <= constants.WORD_BITS
