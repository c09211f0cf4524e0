"""Attesting from a statement: what is signed and sealed, what is refused, and what nobody is shown."""

from __future__ import annotations

import json
import os
import stat
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from eth_account import Account as Keys
from eth_account.messages import _hash_eip191_message, encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from dls_zk import files
from dls_zk.attest import client, configuration, documents
from dls_zk.attest.amounts import decimal, rounded_against_prover
from dls_zk.attest.mapping import MappedAccount, attested
from dls_zk.attest.source import Equity, Reading
from dls_zk.attest.statements import Statement
from dls_zk.chain.signatures import is_signed, signer_of
from dls_zk.errors import DlsError, InputError
from dls_zk.files.attest import StatementColumns
from dls_zk.statement import attestation as said
from dls_zk.statement.attestation import Account, Attestation, AttestationRequest, Exclusion
from dls_zk.statement.model import Opening, Prices, Reconciliation
from dls_zk.statement.reconciliation import evaluate, reconciliation_signals
from dls_zk.statement.typed_data import Domain, TypedData
from dls_zk.statement.verdict import Report
from dls_zk.storage.sealed import seal, unseal
from tests.support import attesting
from tests.support.attesting import (
    ATTESTOR,
    CONTRACT,
    ETH,
    OPERATOR,
    STRANGER,
    USDC,
    VAULT,
    attestor_of,
    identity,
    now,
    statement_account,
    wanted,
    write_configuration,
    write_statement,
)
from tests.support.commandline import invoke

DOMAIN = Domain(31337, CONTRACT)
BYTES = st.binary(min_size=32, max_size=32)
SECONDS = st.integers(0, (1 << 40) - 1)

attestations = st.builds(
    Attestation,
    vault_id=BYTES,
    venue=st.integers(0, 255),
    policy_hash=st.integers(0, (1 << 256) - 1),
    commitment=st.integers(0, (1 << 256) - 1),
    exclusions_hash=BYTES,
    accounts_hash=BYTES,
    observed_at_s=SECONDS,
    steady_since_s=SECONDS,
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write_statement(tmp_path, {"USDC": USDC, "ETH": ETH}, now())
    return tmp_path


# --- what is signed -----------------------------------------------------------------------------------------------------


def eth_account_digest(data: TypedData) -> bytes:
    return bytes(_hash_eip191_message(encode_typed_data(full_message=data.document())))


@given(attestations, st.integers(0, (1 << 256) - 1), st.binary(min_size=20, max_size=20))
def test_the_hash_of_an_attestation_is_that_of_eip_712(one: Attestation, chain_id: int, contract: bytes) -> None:
    data = one.typed_data(Domain(chain_id, "0x" + contract.hex()))
    assert data.digest() == eth_account_digest(data)


@given(st.builds(AttestationRequest, BYTES, st.integers(0, 255), st.integers(0, (1 << 256) - 1), SECONDS, SECONDS))
def test_the_hash_of_a_request_is_that_of_eip_712(one: AttestationRequest) -> None:
    assert one.typed_data(DOMAIN).digest() == eth_account_digest(one.typed_data(DOMAIN))


def test_the_types_are_the_contracts() -> None:
    data = Attestation(VAULT, 1, 2, 3, bytes(32), bytes(32), 4, 4).typed_data(DOMAIN)
    fields = ",".join(f"{kind} {name}" for name, kind in data.struct.fields)
    assert f"{data.struct.name}({fields})" == (
        "Attestation(bytes32 vaultId,uint8 venue,uint256 policyHash,uint256 commitment,bytes32 exclusionsHash,"
        "bytes32 accountsHash,uint40 observedAt,uint40 steadySince)"
    )
    assert (DOMAIN.name, DOMAIN.version) == ("dls-zk", "1")


@pytest.mark.parametrize(
    "name, value", [("venue", 256), ("venue", -1), ("observed_at_s", 1 << 40), ("vault_id", b"\1" * 31)]
)
def test_a_value_that_does_not_fit_its_field_is_not_hashed(name: str, value: object) -> None:
    one = Attestation(VAULT, 1, 2, 3, bytes(32), bytes(32), 4, 4)
    with pytest.raises(ValueError):
        replace(one, **{name: value}).typed_data(DOMAIN).digest()


TEXTS = st.text(max_size=12)
exclusions = st.lists(st.builds(Exclusion, TEXTS, TEXTS, TEXTS), max_size=4)


@given(exclusions, exclusions)
def test_other_exclusions_have_another_hash(one: list[Exclusion], two: list[Exclusion]) -> None:
    assert (said.exclusions_hash(one) == said.exclusions_hash(two)) == (sorted(one) == sorted(two))


accounts = st.lists(st.builds(Account, TEXTS, BYTES), max_size=4)


@given(accounts, accounts)
def test_other_accounts_have_another_hash(one: list[Account], two: list[Account]) -> None:
    assert (said.accounts_hash(one) == said.accounts_hash(two)) == (sorted(one) == sorted(two))


def test_a_signature_is_of_one_form() -> None:
    """A second signature of the same, by the other half of the curve's order or another byte at the end, is none."""
    digest = DOMAIN.separator()
    signature = bytes(Keys.from_key(b"\1" * 32).unsafe_sign_hash(digest).signature)
    assert signer_of(digest, signature) == ATTESTOR.address and is_signed(digest, signature, ATTESTOR.address)
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    high = order - int.from_bytes(signature[32:64], "big")
    twin = signature[:32] + high.to_bytes(32, "big") + bytes([55 - signature[64]])
    for other in (twin, signature[:64], signature + b"\0", signature[:64] + b"\0", bytes(65), b""):
        assert not is_signed(digest, other, ATTESTOR.address)


# --- amounts ------------------------------------------------------------------------------------------------------------

amounts = st.fractions(min_value=-(10**10), max_value=10**10, max_denominator=10**18)


@given(amounts)
def test_rounding_never_attests_more_than_is_held(amount: Fraction) -> None:
    units, rest = rounded_against_prover(amount, "")
    assert Fraction(units, 10**6) + rest == amount and 0 <= rest < Fraction(1, 10**6)
    if amount >= 0:
        assert abs(Fraction(units, 10**6)) <= amount  # an asset towards zero
    else:
        assert abs(Fraction(units, 10**6)) >= -amount  # a debt away from it


@given(st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**20), max_value=10**20))
def test_a_decimal_is_read_as_it_is_written(number: object) -> None:
    assert decimal(f"{number:f}", "") == Fraction(f"{number:f}")


@pytest.mark.parametrize(
    "text", [1.5, 1, None, "", "1,5", "1/3", " 1", "nan", "inf", "1e999", "0x10", "1_0", "٣", "--1", "1."]
)
def test_what_is_no_decimal_text_is_refused(text: object) -> None:
    with pytest.raises(InputError):
        decimal(text, "here")


@pytest.mark.parametrize("units", [(1 << 56) - 1, -(1 << 56)])
def test_a_slot_takes_as_much_as_a_book(units: int) -> None:
    assert rounded_against_prover(Fraction(units, 10**6), "")[0] == units
    for beyond in (Fraction(1 << 56, 10**6), Fraction(-(1 << 56) * 10 - 1, 10**7)):
        with pytest.raises(InputError) as caught:
            rounded_against_prover(beyond, "ETH")
        assert not any(digit in str(caught.value) for digit in "123456789")


# --- mapping ------------------------------------------------------------------------------------------------------------


def mapped(folder: Path, **changes: object) -> MappedAccount:
    source = Statement(folder / "statement.csv", "ACC-1", StatementColumns())
    fields = {"slots": {"USDC": "USDC", "WETH": "ETH", "ETH": "ETH"}, "units": {}, "exclude": {}} | changes
    return MappedAccount("custody account", source, **fields)


@pytest.fixture
def policy(tmp_path: Path) -> object:
    return files.read_policy(attesting.policy_file(tmp_path))


@given(held=st.dictionaries(st.sampled_from(["USDC", "WETH", "ETH"]), amounts.filter(bool), max_size=3))
def test_what_is_attested_is_the_sum_rounded_down_once(
    held: dict[str, Fraction], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    policy = files.read_policy(attesting.policy_file(folder))
    found = attested([(mapped(folder), Reading(0, held))], policy, 0, 0)
    exact = {"USDC": held.get("USDC", 0), "ETH": held.get("WETH", 0) + held.get("ETH", 0)}
    for slot, quantity in zip(policy.slots, found.quantities_e6, strict=True):
        amount = exact.get(slot.instrument, 0) * 10**6
        assert quantity == amount // 1
        assert found.dust.get(slot.instrument, 0) == Fraction(amount - amount // 1) / 10**6


def test_whatever_no_slot_takes_is_refused_by_name_and_without_amounts(tmp_path: Path, policy: object) -> None:
    held = {"USDC": Fraction(777), "LEND": Fraction(888), "AAVE": Fraction(999)}
    with pytest.raises(InputError) as caught:
        attested([(mapped(tmp_path), Reading(0, held))], policy, 0, 0)
    assert caught.value.code == "no_slot"
    assert "AAVE (custody account), LEND (custody account)" in str(caught.value)
    assert not any(digits in str(caught.value) for digits in ("777", "888", "999"))
    left_out = mapped(tmp_path, exclude={"LEND": "closed loan", "AAVE": "airdrop"})
    assert attested([(left_out, Reading(0, held))], policy, 0, 0).quantities_e6[0] == 777 * 10**6


def test_a_debt_cannot_be_left_out(tmp_path: Path, policy: object) -> None:
    account = mapped(tmp_path, exclude={"DAI": "not ours"})
    assert attested([(account, Reading(0, {"DAI": Fraction(5)}))], policy, 0, 0).quantities_e6 == (0,) * 8
    with pytest.raises(InputError, match="cannot be excluded"):
        attested([(account, Reading(0, {"DAI": Fraction(-5)}))], policy, 0, 0)
    part = Equity("USDC", Fraction(1), {"USDC": Fraction(1), "DAI": Fraction(1)})
    with pytest.raises(InputError, match="cannot be excluded"):
        attested([(account, Reading(0, {"DAI": Fraction(5)}, (part,)))], policy, 0, 0)


def test_lots(tmp_path: Path, policy: object) -> None:
    account = mapped(tmp_path, units={"WETH": 1000})
    found = attested([(account, Reading(0, {"WETH": Fraction("1234.5"), "ETH": Fraction(1)}))], policy, 0, 0)
    assert found.quantities_e6[1] == 2_234500


@pytest.mark.parametrize("off, holds", [("0", True), ("10", True), ("10.000001", False), ("-10", True), ("-10.1", False)])
def test_a_margin_accounts_equity_is_the_value_of_its_slots(tmp_path: Path, policy: object, off: str, holds: bool) -> None:
    """Cash 7,500 and −1 at 2,500: sizes of 10,000, of which 0.1% is 10."""
    account = mapped(tmp_path, slots={"USDT": "USDT-B", "ETHUSDT": "ETH-PERP"})
    parts = {"USDT": Fraction(7_500), "ETHUSDT": Fraction(-1)}
    reading = Reading(0, parts, (Equity("USDT", Fraction(5_000) + Fraction(off), parts),))
    prices = Prices((10**8, 2_500 * 10**8, 10**8, 2_500 * 10**8, 2_500 * 10**8, 0, 0, 0))
    arguments = ([(account, reading)], policy, 1, 1_000, prices)
    if holds:
        assert attested(*arguments).quantities_e6[2:5] == (7_500_000000, 0, -1_000000)
    else:
        with pytest.raises(InputError) as caught:
            attested(*arguments)
        assert caught.value.code == "equity_mismatch"


# --- statements ---------------------------------------------------------------------------------------------------------

AT = 1_790_000_000
CSV_HEAD = "time,account,instrument,quantity\n"


def read_csv(folder: Path, text: str, **columns: str) -> Reading:
    (folder / "s.csv").write_text(text)
    return Statement(folder / "s.csv", "ACC-1", StatementColumns(**columns)).balances(AT)


def test_a_statement_as_csv(tmp_path: Path) -> None:
    rows = f"{AT},ACC-1,USDC,{USDC}\n{AT},ACC-2,USDC,5\n\n{AT},ACC-1,ETH,-0.5\n{AT},ACC-1,BTC,0.000\n"
    assert read_csv(tmp_path, CSV_HEAD + rows).holdings == {"USDC": Fraction(USDC), "ETH": Fraction("-0.5")}
    other = f"Saldo;x\nWhen,Client,Currency,Balance,Note\n2026-09-21T14:13:20Z,ACC-1,USDC,{USDC},x\n".split("\n", 1)[1]
    names = {"time": "When", "account": "Client", "instrument": "Currency", "quantity": "Balance"}
    assert read_csv(tmp_path, other, **names) == Reading(AT, {"USDC": Fraction(USDC)})


@pytest.mark.parametrize(
    "text, problem",
    [
        ("", "one column 'time'"),
        ("account,instrument,quantity\n", "one column 'time'"),
        (CSV_HEAD, "no row of the account"),
        (f"{CSV_HEAD}{AT},ACC-2,USDC,5\n", "no row of the account"),
        (f"{CSV_HEAD}{AT},ACC-1,USDC,7.7,7\n", "cells"),
        (f"{CSV_HEAD}{AT},ACC-1,USDC,7\n{AT + 1},ACC-1,ETH,7\n", "another moment"),
        (f"{CSV_HEAD}{AT},ACC-1,USDC,7\n{AT},ACC-1,USDC,7\n", "given twice"),
        (f'{CSV_HEAD}{AT},ACC-1,USDC,"7,7"\n', "not a decimal"),
        (f"{CSV_HEAD}{AT},ACC-1,,7\n", "no instrument"),
        (f"{CSV_HEAD}28.11.2026,ACC-1,USDC,7\n", "neither Unix seconds"),
        (f"{CSV_HEAD}{AT}000,ACC-1,USDC,7\n", "neither Unix seconds"),
        (f"{CSV_HEAD}2026-13-01T00:00:00Z,ACC-1,USDC,7\n", "neither Unix seconds"),
        (f'{CSV_HEAD}{AT},ACC-1,"USDC,7\n', "not CSV"),
    ],
)
def test_a_csv_that_is_wrong(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        read_csv(tmp_path, text)


def read_json(folder: Path, **changes: object) -> Reading:
    document = {"account": "ACC-1", "time": str(AT), "balances": {"USDC": USDC, "ETH": "0"}} | changes
    (folder / "s.json").write_text(json.dumps(document))
    return Statement(folder / "s.json", "ACC-1", StatementColumns()).balances(AT)


def test_a_statement_as_json(tmp_path: Path) -> None:
    assert read_json(tmp_path) == Reading(AT, {"USDC": Fraction(USDC)})


@pytest.mark.parametrize(
    "changes",
    [
        {"account": "ACC-2"},
        {"balances": {"USDC": 4001708.612345}},
        {"balances": {"USDC": 4001708}},
        {"balances": {"USDC": "4001708,612345"}},
        {"time": "yesterday"},
        {"more": "4001708.612345"},
    ],
)
def test_a_json_statement_that_is_wrong_is_refused_without_its_content(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(InputError) as caught:
        read_json(tmp_path, **changes)
    assert "4001708" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("off, holds", [(-61, False), (-60, True), (60, True), (61, False)])
def test_a_statement_is_of_the_minute(tmp_path: Path, off: int, holds: bool) -> None:
    write_statement(tmp_path, {"USDC": USDC}, AT + off, "s.csv")
    statement = Statement(tmp_path / "s.csv", "ACC-1", StatementColumns())
    if holds:
        assert statement.balances(AT).at_s == AT + off
    else:
        with pytest.raises(InputError) as caught:
            statement.balances(AT)
        assert caught.value.code == "stale_source"


# --- the attestor -------------------------------------------------------------------------------------------------------


def test_an_attestation_opens_to_what_is_held(place: Path) -> None:
    key, recipient = identity(place)
    attestor, vault = attestor_of(write_configuration(place, recipient))
    at = now()
    signed = attestor.attest(vault, at)
    client.require_wanted(signed.attestation, wanted(vault, attestor, at))
    opening = documents.read_opening(unseal(signed.sealed, key, "it"), signed.attestation, "it")
    assert opening.opening.quantities_e6 == (4001708_612345, 1234_567891, *[0] * 6)
    assert opening.instruments[:5] == ("USDC", "ETH", "USDT-B", "ETH-B", "ETH-PERP")
    assert set(signed.dust) == {"ETH"} and signed.attestation.attestation.steady_since_s == at
    assert opening.opening.salt > 1 << 200


def files_of(folder: Path, at_s: int) -> tuple[Path, Path]:
    """What an operator is given: the two files of ``attest sign``, of a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLS_ZK_PRIVATE_KEY", "01" * 32)
        command = ("attest", "sign", str(folder / "attestor.yaml"), "0x" + VAULT.hex(), "--at", str(at_s))
        done = invoke(*command, "--out", str(folder / "given"))
    assert done.code == 0, done
    return folder / "given/attestation.json", folder / "given/opening.age"


def test_an_operator_reads_the_two_files_and_reconciles(place: Path) -> None:
    """From the statement of account to the relation that is proven: the book is what is held, and not a millionth more."""
    key, recipient = identity(place)
    attestor, vault = attestor_of(write_configuration(place, recipient))
    at = now()
    attestation, opening = files_of(place, at)
    what = wanted(vault, attestor, at)
    collected = client.read(attestation, opening, what, key)
    (place / "prices.yaml").write_text(attesting.PRICES)
    prices = files.read_prices(place / "prices.yaml", vault.policy)
    attested_openings = {vault.venue: collected.opening.opening}

    def report(*quantities: int) -> Report:
        book = Opening((*quantities, *[0] * (8 - len(quantities))), 5)
        made = Reconciliation.of(vault.policy, prices, 0, book, attested_openings)
        signals = reconciliation_signals(made)
        assert signals.attestations[vault.venue] == collected.attestation.attestation.commitment
        return evaluate(made, signals)

    held = collected.opening.opening.quantities_e6[:2]
    assert report(*held).holds and report(held[0] - 1, held[1]).holds
    for more in ((held[0] + 1, held[1]), (held[0], held[1] + 1), (*held, 1)):
        assert [check.name for check in report(*more).failures] == ["shortfall"]
    for name, value in (("observed_at_s", at + 1), ("venue", 1), ("attestor", STRANGER.address), ("vault_id", bytes(32))):
        with pytest.raises(DlsError) as caught:
            client.read(attestation, opening, replace(what, **{name: value}), key)
        assert caught.value.code == "attestation_invalid"
    # Another opening, even of the same attestor and vault, opens nothing here.
    later = documents.opening_document(collected.attestation, vault.policy, Opening((5, *[0] * 7), 7))
    (place / "given/other.age").write_bytes(seal(later, [recipient]))
    with pytest.raises(InputError) as caught:
        client.read(attestation, place / "given/other.age", what, key)
    assert caught.value.code == "opening_mismatch"


def test_a_second_is_signed_once(place: Path) -> None:
    """Whoever asks again for a second gets the same bytes, also after the balances have changed."""
    _, recipient = identity(place)
    attestor, vault = attestor_of(write_configuration(place, recipient))
    at = now()
    first = attestor.attest(vault, at)
    write_statement(place, {"USDC": "5"}, at)
    again = attestor_of(place / "attestor.yaml")[0].attest(vault, at)
    assert again.again and (again.attestation, again.sealed) == (first.attestation, first.sealed)
    other = attestor.attest(vault, at - 1)
    assert other.attestation.attestation.commitment != first.attestation.attestation.commitment


def test_the_same_balances_at_another_second_look_different(place: Path) -> None:
    _, recipient = identity(place)
    attestor, vault = attestor_of(write_configuration(place, recipient))
    at = now()
    commitments = {attestor.attest(vault, at - k).attestation.attestation.commitment for k in range(3)}
    assert len(commitments) == 3


def test_an_account_belongs_to_one_vault_for_good(place: Path) -> None:
    _, recipient = identity(place)
    attestor, vault = attestor_of(write_configuration(place, recipient))
    first = attestor.attest(vault, now())
    other, foreign = attestor_of(write_configuration(place, recipient, vault="0x" + "cd" * 32))
    with pytest.raises(InputError) as caught:
        other.attest(foreign, now())
    assert caught.value.code == "account_bound" and VAULT.hex() in str(caught.value)
    same_vault, other_venue = attestor_of(
        write_configuration(
            place, recipient, [statement_account(slots={"USDC": "USDT-B", "ETH": "ETH-B"})], venue="exchange"
        )
    )
    with pytest.raises(InputError, match="venue 0"):
        same_vault.attest(other_venue, now())
    write_configuration(place, recipient)
    # The id hides the account, and stays.
    assert attestor.attest(vault, now() - 1).attestation.accounts == first.attestation.accounts
    assert "ACC-1" not in json.dumps(first.attestation.to_document())
    elsewhere = place / "elsewhere"
    elsewhere.mkdir()
    write_statement(elsewhere, {"USDC": USDC}, now())
    fresh, same = attestor_of(write_configuration(elsewhere, recipient))
    assert fresh.attest(same, now()).attestation.accounts != first.attestation.accounts


def test_an_account_counts_once(place: Path) -> None:
    _, recipient = identity(place)
    twice = [statement_account(), statement_account(name="again")]
    attestor, vault = attestor_of(write_configuration(place, recipient, twice))
    with pytest.raises(InputError, match="named twice"):
        attestor.attest(vault, now())


def test_what_is_left_out_is_signed(place: Path) -> None:
    _, recipient = identity(place)
    write_statement(place, {"USDC": USDC, "ETH": "1", "LEND": "3"}, now())
    accounts = [statement_account(exclude={"LEND": "closed loan"})]
    attestor, vault = attestor_of(write_configuration(place, recipient, accounts))
    signed = attestor.attest(vault, now()).attestation
    assert signed.exclusions == (Exclusion("custody account", "LEND", "closed loan"),)
    for change in ({"exclusions": []}, {"accounts": [{"name": "other", "id": "0x" + "11" * 32}]}, {"steady_since": 5}):
        forged = documents.SignedAttestation.of(signed.to_document() | change, "it")
        with pytest.raises(DlsError) as caught:
            client.require_signed(forged)
        assert caught.value.code == "attestation_invalid"


@pytest.mark.parametrize(
    "seen, steady",
    [
        ([], 0),
        ([(60, 100), (120, 100)], 120),
        ([(60, 99), (120, 101)], 120),
        ([(60, 100), (120, 98), (180, 100)], 60),
        ([(60, 98)], 0),
        ([(60, 100), (60 + 3601, 100)], 60),
    ],
)
def test_steady_since_is_the_first_second_that_never_showed_less(place: Path, seen: list, steady: int) -> None:
    _, recipient = identity(place)
    attestor, vault = attestor_of(write_configuration(place, recipient))
    write_statement(place, {"USDC": "100"}, now())
    at = now()
    for before_s, units in seen:
        attestor.record.saw(attestor.place(vault), at - before_s, [units * 10**6, *[0] * 7])
    assert attestor.attest(vault, at).attestation.attestation.steady_since_s == at - steady


def test_the_future_is_attested_on_a_development_chain_alone(place: Path) -> None:
    """Its clock is set by tests and demonstrations."""
    _, recipient = identity(place)
    path = write_configuration(place, recipient)
    attestor, vault = attestor_of(path)
    at = now() + 100
    write_statement(place, {"USDC": USDC}, at)
    assert not attestor.attest(vault, at).again
    path.write_text(path.read_text().replace("chain_id: 31337", "chain_id: 1"))
    attestor, vault = attestor_of(path)
    with pytest.raises(InputError) as caught:
        attestor.attest(vault, at)
    assert caught.value.code == "clock_skew"


def test_of_many_at_once_one_attestation_counts(place: Path) -> None:
    """Threads of a service, and processes with one record, give one second one attestation."""
    _, recipient = identity(place)
    write_configuration(place, recipient)
    at = now()

    def sign(_: int) -> tuple[object, bytes]:
        attestor, vault = attestor_of(place / "attestor.yaml")
        signed = attestor.attest(vault, at)
        return signed.attestation.signature, signed.sealed

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(sign, range(16)))) == 1


def test_the_record_is_private(place: Path) -> None:
    _, recipient = identity(place)
    attestor, vault = attestor_of(write_configuration(place, recipient))
    attestor.attest(vault, now())
    record = place / "attest-record.sqlite"
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    record.chmod(0o644)
    with pytest.raises(InputError, match="chmod"):
        attestor.attest(vault, now() - 1)
    record.chmod(0o600)
    record.write_bytes(b"no database, but long enough to be looked at as one" * 100)
    with pytest.raises(InputError, match="record cannot be used"):
        attestor.attest(vault, now() - 1)


# --- configuration ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "account, problem",
    [
        ({"slots": {"USDC": "USDT-B"}}, "no instrument of this venue"),
        ({"slots": {"USDC": "DAI"}}, "no instrument of this venue"),
        ({"exclude": {"USDC": "no"}}, "cannot be left out too"),
        ({"units": {"SHIB": "1000"}}, "has no slot"),
        ({"statement": None}, "name one source"),
        ({"exchange": {"exchange": "bybit", "account": "1", "credentials": "x"}}, "name one source"),
    ],
)
def test_an_account_that_is_declared_wrong(place: Path, account: dict[str, object], problem: str) -> None:
    declared = {k: v for k, v in statement_account(**account).items() if v is not None}
    with pytest.raises(InputError, match=problem):
        configuration.read(write_configuration(place, identity(place)[1], [declared]))


@pytest.mark.parametrize(
    "changes, problem",
    [
        ({"venue": "nowhere"}, "custody, exchange"),
        ({"recipients": ["age1" + "q" * 58]}, "not an age recipient"),
        ({"recipients": []}, "at least one"),
        ({"operator": OPERATOR.address.swapcase().replace("0X", "0x")}, "checksum"),
    ],
)
def test_a_vault_that_is_declared_wrong(place: Path, changes: dict[str, object], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        configuration.read(write_configuration(place, identity(place)[1], **changes))


# --- sealing ------------------------------------------------------------------------------------------------------------


def test_only_a_recipient_opens(tmp_path: Path) -> None:
    (mine, one), (backup, two), (strange, _) = (identity(tmp_path, name) for name in ("mine", "backup", "strange"))
    sealed = seal(b"a secret of the book", [one, two])
    assert b"secret" not in sealed
    assert unseal(sealed, mine, "it") == unseal(sealed, backup, "it") == b"a secret of the book"
    for damaged, key in ((sealed, strange), (sealed[:-1], mine), (b"", mine)):
        with pytest.raises(InputError):
            unseal(damaged, key, "it")
    mine.chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        unseal(sealed, mine, "it")
    with pytest.raises(InputError):
        unseal(sealed, tmp_path / "absent", "it")


# --- the commands -------------------------------------------------------------------------------------------------------


@pytest.fixture
def signing(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLS_ZK_PRIVATE_KEY", "01" * 32)
    monkeypatch.chdir(place)
    return place


def test_sign_and_show(signing: Path) -> None:
    key, recipient = identity(signing)
    write_configuration(signing, recipient)
    vault = "0x" + VAULT.hex()
    done = invoke("attest", "sign", "attestor.yaml", vault, "--out", "today", "--json")
    assert done.code == 0, done
    assert "below a millionth: ETH" in done.stderr
    for name, mode in {"attestation.json": 0o644, "opening.age": 0o600}.items():
        assert stat.S_IMODE((signing / "today" / name).stat().st_mode) == mode & ~_umask()
    shown = invoke("attest", "show", "today/attestation.json", "--policy", "policy.yaml", "--json")
    assert shown.code == 0, shown
    told = json.loads(shown.stdout)
    assert (told["attestor"], told["venue_name"], told["vault"]) == (ATTESTOR.address, "custody", vault)
    text = invoke("attest", "show", "today/attestation.json")
    assert text.code == 0 and "custody account" in text.stdout and ATTESTOR.address in text.stdout
    again = invoke("attest", "sign", "attestor.yaml", vault, "--out", "today")
    assert again.refused(3).endswith("move it away")
    at = str(told["observed_at"])
    assert invoke("attest", "sign", "attestor.yaml", vault, "--out", "copy", "--at", at).code == 0
    assert (signing / "copy/attestation.json").read_bytes() == (signing / "today/attestation.json").read_bytes()
    # Nothing of what is held, and no key, is anywhere but in the sealed file and the attestor's own record.
    needles = ("4001708", "1234.5", "1234567891", "01" * 32)
    for result in (done, shown, text, again):
        assert not [one for one in needles if one in result.stdout + result.stderr]
    for path in signing.rglob("*"):
        if path.is_file() and path.name not in ("statement.csv", "attest-record.sqlite"):
            assert not [one for one in needles if one.encode() in path.read_bytes()], path


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_show_refuses_what_the_attestor_did_not_sign(signing: Path) -> None:
    write_configuration(signing, identity(signing)[1])
    assert invoke("attest", "sign", "attestor.yaml", "0x" + VAULT.hex(), "--out", "today").code == 0
    path = signing / "today" / "attestation.json"
    document = json.loads(path.read_text())
    for change in ({"attestor": STRANGER.address}, {"venue": 1}, {"vault_id": "0x" + "11" * 32}, {"chain_id": 1}):
        path.write_text(json.dumps(document | change))
        assert "signature" in invoke("attest", "show", str(path)).refused(7)
    path.write_text(json.dumps(document | {"steady_since": document["observed_at"] + 1}))
    invoke("attest", "show", str(path)).refused(3)


def test_a_balance_without_a_slot_stops_the_command_and_leaves_nothing(signing: Path) -> None:
    write_configuration(signing, identity(signing)[1])
    write_statement(signing, {"USDC": USDC, "LEND": "31.25"}, now())
    refused = invoke("attest", "sign", "attestor.yaml", "0x" + VAULT.hex(), "--out", "today", "--json")
    assert "LEND" in refused.refused(3) and json.loads(refused.stdout)["error"]["code"] == "no_slot"
    assert "31.25" not in refused.stderr and not (signing / "today").exists()


def test_init_writes_a_configuration_that_says_what_is_missing(signing: Path) -> None:
    assert invoke("attest", "init").stdout == "attestor.yaml\n"
    assert "exists" in invoke("attest", "init").refused(3)
    refused = invoke("attest", "sign", "attestor.yaml", "0x" + VAULT.hex(), "--out", "x").refused(3)
    assert "age recipient" in refused


def test_a_signer_is_needed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    write_configuration(place, identity(place)[1])
    assert "--keystore" in invoke("attest", "sign", "attestor.yaml", "0x" + VAULT.hex(), "--out", "x").refused(3)
