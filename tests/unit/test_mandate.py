"""A mandate's name, what a change of each of its terms means, and the buckets that it grants."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from dls_zk import files
from dls_zk.chain.mandate import Mandate, ShareTerms, flat_terms, term_changes
from dls_zk.cli.mandate import as_fields, mandate_json, term_text, term_words
from dls_zk.errors import InputError
from dls_zk.statement.allowances import Allowances
from dls_zk.statement.buckets import DAY_S, Bucket, Buckets, shortages
from dls_zk.statement.ethereum import keccak256
from tests.support.json_shape import require_shape

MANDATE = Mandate(
    policy_hash=5,
    feed_set=b"\x01" * 32,
    key=b"\x02" * 32,
    grace_s=900,
    min_interval_s=60,
    max_proof_age_s=86_400,
    write_down_ppm=10_000,
    gain=Bucket(274_000, 10_000_000, 1_000),
    loss=Bucket(500_000, 5_000_000, 100_000),
    turnover=Bucket(1_000_000, 4_000_000, 50_000),
    share=ShareTerms(3600, 604_800, 100_000_000, 20_000_000_000_000, 5_000, 10_000, 100_000, 50_000, 3600),
)


def test_the_name_is_the_hash_of_a_word_for_each_term() -> None:
    words = [value if isinstance(value, bytes) else value.to_bytes(32, "big") for _, value in flat_terms(MANDATE)]
    assert len(words) == 25 and MANDATE.name == keccak256(b"".join(words))
    assert replace(MANDATE, grace_s=901).name != MANDATE.name
    values = [getattr(MANDATE, field.name) for field in fields(Mandate)]
    as_read = [tuple(getattr(v, f.name) for f in fields(v)) if isinstance(v, Bucket | ShareTerms) else v for v in values]
    assert Mandate.of(as_read) == MANDATE


def changed(term: str, by: int) -> Mandate:
    bucket, _, field = term.rpartition(".")
    if bucket:
        held = getattr(MANDATE, bucket)
        return replace(MANDATE, **{bucket: replace(held, **{field: getattr(held, field) + by})})
    if hasattr(MANDATE, term):
        value = getattr(MANDATE, term)
        return replace(MANDATE, **{term: bytes([1 + by]) * 31 + b"\x09" if isinstance(value, bytes) else value + by})
    share: Any = replace(MANDATE.share, **{term: getattr(MANDATE.share, term) + by})
    return replace(MANDATE, share=share)


#: Term → what a smaller and a greater value mean, as docs/states.md and `Mandates.tightens` have it.
EFFECTS = {
    "feed_set": ("looser", "looser"),
    "key": ("looser", "looser"),
    "grace_s": ("tighter", "looser"),
    "min_interval_s": ("looser", "tighter"),
    "max_proof_age_s": ("looser", "looser"),
    "write_down_ppm": ("tighter", "looser"),
    **{
        f"{bucket}.{term}": ("tighter", "looser")
        for bucket in ("gain", "loss", "turnover")
        for term in ("rate_per_day", "cap")
    },
    **{f"{bucket}.step": ("looser", "looser") for bucket in ("gain", "loss", "turnover")},
    "order_delay_s": ("looser", "looser"),
    "redemption_period_s": ("tighter", "looser"),
    "least_order_e6": ("looser", "looser"),
    "deposit_cap_e6": ("tighter", "looser"),
    "order_levy_ppm": ("looser", "looser"),
    "management_fee_ppm": ("tighter", "looser"),
    "performance_fee_ppm": ("tighter", "looser"),
    "band_ppm_per_day": ("looser", "looser"),
    "band_wait_s": ("looser", "looser"),
}


def test_every_term_has_an_effect() -> None:
    assert {term for term, _ in flat_terms(MANDATE)} == {"policy_hash", *EFFECTS}
    assert term_changes(MANDATE, MANDATE) == [] == term_changes(MANDATE, replace(MANDATE, policy_hash=6))


@pytest.mark.parametrize(("term", "expected"), EFFECTS.items(), ids=list(EFFECTS))
def test_what_a_change_means(term: str, expected: tuple[str, str]) -> None:
    for by, effect in zip((-1, 1), expected, strict=True):
        (change,) = term_changes(MANDATE, changed(term, by))
        assert (change.term, change.effect) == (term, effect)
        assert term_text(term, change.old) != term_text(term, change.new) and term_words(term)


def test_a_mandate_is_written_and_read_again(tmp_path: Path) -> None:
    for mandate in (MANDATE, replace(MANDATE, share=replace(MANDATE.share, band_ppm_per_day=0, band_wait_s=0))):
        path = tmp_path / f"{mandate.name.hex()}.yaml"
        files.write_mandate(path, as_fields(mandate))
        assert files.read_mandate(path) == as_fields(mandate)
        with pytest.raises(InputError, match="exists"):
            files.write_mandate(path, as_fields(mandate))


def test_terms_are_shown_in_their_units() -> None:
    shown = {term: term_text(term, value) for term, value in flat_terms(MANDATE)}
    assert (shown["grace_s"], shown["write_down_ppm"], shown["gain.rate_per_day"]) == ("900 s", "1%", "0.0274%")
    assert (shown["turnover.cap"], shown["least_order_e6"], shown["band_ppm_per_day"]) == ("400%", "100", "5%")
    assert term_text("band_ppm_per_day", 0) == "none" and shown["key"] == "0x" + "02" * 32
    assert [term_words(term) for term in ("grace_s", "gain.rate_per_day", "band_ppm_per_day")] == [
        "grace", "gain per day", "band"
    ]  # fmt: skip


def test_a_mandate_as_json_has_the_one_shape() -> None:
    import json

    told = mandate_json(MANDATE)
    require_shape(json.dumps(told), 0)
    assert told["share"]["deposit_cap"] == "20000000" and told["gain"]["rate_ppb_per_day"] == 274_000


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("grace: 900", "grace: '900' is not a whole number followed by ' s'"),
        ("write_down: 101%", "outside 0% to 100%"),
        ("gain: {per_day: 0.00000001%, cap: 1%, step: 1%}", "more than 7 decimals"),
        ("turnover: {per_day: 1%, cap: 1%}", "turnover.step: missing"),
        ("orders: {delay: 1 s, redemption_period: 1 s, least: -1, cap: 1}", "'-1' is"),
        ("fees: {management: 1}", "fees.management: '1' is not"),
        ("band: {per_day: 0%, wait: 1 s}", "outside 0.0001%"),
        ("key: 0x12", "key: '0x12' is not 32 bytes"),
        ("mandate_version: 1", "unknown field"),
    ],
)
def test_a_bad_field_is_named(tmp_path: Path, line: str, said: str) -> None:
    files.write_mandate(tmp_path / "good.yaml", as_fields(MANDATE))
    good, name = (tmp_path / "good.yaml").read_text(), line.partition(":")[0]
    import json

    document = json.loads(good)
    document.pop(name, None)
    lines = [f"{key}: {json.dumps(value)}" for key, value in document.items()]
    (tmp_path / "bad.yaml").write_text("\n".join([*lines, line, ""]))
    with pytest.raises(InputError) as caught:
        files.read_mandate(tmp_path / "bad.yaml")
    assert said in str(caught.value)


# --- buckets ----------------------------------------------------------------------------------------------------------


def test_a_rebalance_names_multiples_of_the_steps() -> None:
    buckets = MANDATE.buckets
    assert buckets.named(Allowances(1, 100_000, 50_001, 7)) == Allowances(1_000, 100_000, 100_000, 7)
    assert buckets.named(Allowances()) == Allowances()
    assert Bucket(0, 0, 0).named(5) == 5, "a bucket that holds nothing"


def test_when_a_bucket_holds_an_amount() -> None:
    bucket = Bucket(rate_per_day=1_000, cap=10_000, step=1)
    assert (bucket.wait_s(500, 500), bucket.wait_s(500, 501), bucket.wait_s(0, 10_000)) == (0, 87, 10 * DAY_S)
    assert bucket.wait_s(0, 10_001) is None and Bucket(0, 10, 1).wait_s(5, 6) is None


def test_what_the_buckets_do_not_hold() -> None:
    level = Allowances(1_000, 50_000, 4_000_000)
    assert shortages(MANDATE.buckets, level, Allowances(1_000, 0, 4_000_000)) == []
    short = shortages(MANDATE.buckets, level, Allowances(1_001, 1, 4_000_001))
    assert [(one.bucket, one.amount, one.level) for one in short] == [
        ("gain", 2_000, 1_000), ("loss", 100_000, 50_000), ("turnover", 4_050_000, 4_000_000)
    ]  # fmt: skip
    assert [one.wait_s for one in short] == [316, 8_640, None]


def test_the_buckets_of_a_mandate() -> None:
    assert MANDATE.buckets == Buckets(MANDATE.gain, MANDATE.loss, MANDATE.turnover)
