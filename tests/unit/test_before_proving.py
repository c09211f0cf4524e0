"""What is compared before a proof is made: the opening with the commitment, the policy and the prices
with those of the terms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dls_zk import checking, files, operations
from dls_zk.errors import InputError
from dls_zk.statement.allowances import Allowances
from dls_zk.statement.buckets import Bucket, Buckets
from dls_zk.statement.commitments import book_commitment, empty_commitment, policy_hash
from dls_zk.statement.model import KeptOpening, Opening, Rebalance, Terms
from dls_zk.statement.needs import least_allowances
from tests.support.commandline import BOOK_E6, write_inputs

BOOK = Opening((*BOOK_E6.values(), 0, 0, 0, 0, 0), 0x5EED << 200)
HELD, STALE, EMPTY = book_commitment(BOOK), book_commitment(replace(BOOK, salt=1)), empty_commitment(8)
CHAIN, ORACLE, ROUND = 31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3", 2
OTHER_ORACLE = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The inputs of a second rebalance, with the opening of the book before it."""
    folder = write_inputs(tmp_path / "vault")
    names = ("USDC", "ETH", "ETH-PERP", *[""] * 5)
    kept = KeptOpening(BOOK, HELD, names, CHAIN, ORACLE, bytes(32), 1, 1_724_889_600)
    files.write_opening(folder / "opening.json", kept)
    return folder


def put(path: Path, **fields: object) -> None:
    """Add top-level fields to a YAML file."""
    path.write_text("".join(f'{name}: "{value}"\n' for name, value in fields.items()) + path.read_text())


def load(folder: Path, before: str | None = "opening.json", opening_required: bool = True) -> Rebalance:
    return checking.load_rebalance(
        folder / "policy.yaml",
        folder / "prices.yaml",
        folder / before if before else None,
        terms=folder / "terms.yaml",
        opening_required=opening_required,
    )


def refusal(folder: Path, before: str | None = "opening.json") -> str:
    with pytest.raises(InputError) as caught:
        load(folder, before)
    text = str(caught.value)
    assert "\n" not in text and "5eed" not in text and not any(str(abs(q)) in text for q in BOOK_E6.values())
    return text


def element(number: int) -> str:
    return f"0x{number:064x}"


# --- the opening ----------------------------------------------------------------------------------------------------------


def test_the_opening_that_the_vault_holds(folder: Path) -> None:
    put(folder / "terms.yaml", commitment_before=element(HELD))
    assert load(folder).terms.commitment_before == HELD


def test_an_opening_that_the_vault_does_not_hold(folder: Path) -> None:
    put(folder / "terms.yaml", commitment_before=element(STALE))
    assert refusal(folder) == (
        f"{folder / 'opening.json'}: opens {element(HELD)}; the vault of these terms holds {element(STALE)}: "
        f"`dls-zk opening find DIR --commitment {element(STALE)}` finds the opening to use"
    )


def test_a_vault_that_is_empty_and_one_that_is_not(folder: Path) -> None:
    put(folder / "terms.yaml", commitment_before=element(EMPTY))
    assert load(folder, None).before == Opening.empty(load(folder, None).size)
    assert "holds the empty book; use `--before empty`" in refusal(folder)
    (folder / "terms.yaml").write_text((folder / "terms.yaml").read_text().replace(element(EMPTY), element(HELD)))
    assert refusal(folder, None).startswith(
        f"the vault is not empty any more; the vault of these terms holds {element(HELD)}"
    )


def test_a_book_without_a_salt_has_no_commitment_to_compare(folder: Path) -> None:
    put(folder / "terms.yaml", commitment_before=element(STALE))
    assert load(folder, "book.csv", opening_required=False).before.salt == 0


def test_terms_that_do_not_name_a_commitment_are_not_compared(folder: Path) -> None:
    assert load(folder).terms.commitment_before is None


# --- the policy -----------------------------------------------------------------------------------------------------------


def test_a_policy_that_is_not_the_vaults(folder: Path) -> None:
    put(folder / "terms.yaml", policy_hash=element(STALE))
    said = refusal(folder)
    assert said.startswith(f"{folder / 'policy.yaml'}: has the hash ") and f"has the policy {element(STALE)}" in said
    assert load(folder, "book.csv", opening_required=False)  # `check` compares no hash


def test_the_policy_of_the_vault(folder: Path) -> None:
    policy = load(folder).policy
    put(folder / "terms.yaml", policy_hash=element(policy_hash(policy)))
    assert load(folder).terms.policy_hash == policy_hash(policy)


# --- the prices -----------------------------------------------------------------------------------------------------------


def test_prices_and_terms_of_one_round(folder: Path) -> None:
    put(folder / "prices.yaml", chain_id=CHAIN, oracle=ORACLE, round=ROUND)
    assert load(folder)
    put(folder / "terms.yaml", oracle=ORACLE.lower())  # one address, however it is written
    assert load(folder)


@pytest.mark.parametrize(
    ("priced", "agreed", "said"),
    [
        ({"round": 33}, {}, "the prices are of round 33, and the terms of round 2"),
        ({"chain_id": 1}, {}, "the prices are of chain 1, and the terms of chain 31337"),
        (
            {"oracle": OTHER_ORACLE},
            {"oracle": ORACLE},
            f"the prices are of oracle {OTHER_ORACLE.lower()}, and the terms of oracle {ORACLE.lower()}",
        ),
    ],
)
def test_prices_and_terms_of_two_rounds(
    folder: Path, priced: dict[str, object], agreed: dict[str, object], said: str
) -> None:
    put(folder / "prices.yaml", **({"chain_id": CHAIN, "oracle": ORACLE, "round": ROUND} | priced))
    put(folder / "terms.yaml", **agreed)
    message = refusal(folder)
    assert message.startswith(f"{folder / 'prices.yaml'}: {said}; ") and "--prices-out" in message


def test_prices_or_terms_that_name_no_oracle_are_not_compared(folder: Path) -> None:
    put(folder / "terms.yaml", oracle=ORACLE)
    assert load(folder)  # hand-written prices
    (folder / "terms.yaml").write_text((folder / "terms.yaml").read_text().replace(f'oracle: "{ORACLE}"\n', ""))
    put(folder / "prices.yaml", chain_id=CHAIN, oracle=OTHER_ORACLE, round=ROUND)
    assert load(folder)


@pytest.mark.parametrize("missing", ["chain_id", "oracle", "round"])
def test_part_of_a_round_is_none(folder: Path, missing: str) -> None:
    whole = {"chain_id": CHAIN, "oracle": ORACLE, "round": ROUND}
    put(folder / "prices.yaml", **{name: value for name, value in whole.items() if name != missing})
    assert f"{missing}: missing; give chain_id, oracle and round, or none of them" in refusal(folder)


# --- and for those who call from Python -----------------------------------------------------------------------------------


def test_a_rebalance_that_was_put_together_by_hand(folder: Path) -> None:
    """Without a key or a circuit: it is refused before either is touched."""
    put(folder / "prices.yaml", chain_id=CHAIN, oracle=ORACLE, round=ROUND)
    rebalance = load(folder)
    wrong = replace(rebalance, terms=replace(rebalance.terms, commitment_before=STALE))
    assert rebalance.prices.round
    late = replace(rebalance, prices=replace(rebalance.prices, round=replace(rebalance.prices.round, number=3)))
    key = type("Key", (), {"insecure": False})()
    with pytest.raises(InputError, match=f"opens {element(HELD)}; the vault of these terms holds {element(STALE)}"):
        operations.prove(wrong, key, None)  # type: ignore[arg-type]
    foreign = replace(rebalance, terms=replace(rebalance.terms, policy_hash=STALE))
    with pytest.raises(InputError, match=f"the vault of these terms has the policy {element(STALE)}") as caught:
        operations.prove(foreign, key, None)  # type: ignore[arg-type]
    assert caught.value.code == "policy_mismatch"
    with pytest.raises(InputError, match="the prices are of round 3, and the terms of round 2"):
        operations.prove(late, key, None)  # type: ignore[arg-type]


# --- what the vault's buckets hold ------------------------------------------------------------------------------------

BUCKETS = Buckets(Bucket(1_000, 10_000, 10), Bucket(86_400, 5_000_000, 100), Bucket(1_000_000, 4_000_000, 50_000))


def from_the_chain(place: Path, held: Allowances) -> Rebalance:
    """The small vault's first rebalance, on terms that say what the buckets hold."""
    terms = replace(files.read_terms(place / "deposit.yaml"), allowances=held, buckets=BUCKETS)
    (place / "held.yaml").unlink(missing_ok=True)
    files.write_terms(place / "held.yaml", terms)
    assert files.read_terms(place / "held.yaml") == terms
    return checking.load_rebalance(
        place / "policy.yaml", place / "prices.yaml", None, after_path=place / "book.csv", terms=place / "held.yaml"
    )


def test_a_rebalance_names_the_least_multiples_that_it_needs(tmp_path: Path) -> None:
    place = write_inputs(tmp_path / "vault")
    rebalance = from_the_chain(place, Allowances(10_000, 5_000_000, 4_000_000))
    named, needed = rebalance.terms.allowances, least_allowances(rebalance)
    assert rebalance.terms.buckets is None and named.covers(needed) and checking.check(rebalance).holds
    assert named == BUCKETS.named(needed) and 0 <= named.loss_ppb - needed.loss_ppb < 100
    less = replace(rebalance.terms, allowances=replace(named, loss_ppb=named.loss_ppb - 100))
    assert not checking.check(replace(rebalance, terms=less)).holds, "a step less"
    assert checking.with_least_allowances(rebalance) == rebalance


def test_what_a_bucket_does_not_hold_is_refused_before_proving(tmp_path: Path) -> None:
    place = write_inputs(tmp_path / "vault")
    enough = from_the_chain(place, Allowances(0, 5_000_000, 4_000_000)).terms.allowances
    exact = Allowances(0, enough.loss_ppb, enough.turnover_ppm)
    assert from_the_chain(place, exact).terms.allowances == enough
    with pytest.raises(
        InputError, match=r"more loss than the vault's bucket holds at the round: it will 1 s after"
    ) as short:
        from_the_chain(place, replace(exact, loss_ppb=exact.loss_ppb - 1))
    assert (short.value.code, short.value.after, short.value.exit_code) == ("allowance_too_large", 1, 11)
    with pytest.raises(InputError, match="more loss and turnover than"):
        from_the_chain(place, Allowances())
    with pytest.raises(InputError, match="at no time will it; split the rebalance"):
        small = replace(BUCKETS, turnover=replace(BUCKETS.turnover, cap=50_000))
        checking.with_least_allowances(replace(from_the_chain(place, exact), terms=Terms(0, Allowances(), 0, buckets=small)))


def test_what_no_bucket_would_mend_is_refused_by_its_check(tmp_path: Path) -> None:
    place = write_inputs(tmp_path / "vault")
    table = "instrument,quantity\nUSDC,9000000\nETH,3000\n"
    (place / "book.csv").write_text(table)
    rebalance = from_the_chain(place, Allowances())
    assert rebalance.terms.allowances == Allowances() and not checking.check(rebalance).holds
