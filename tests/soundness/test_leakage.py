"""What a proof shows beyond its public signals: nothing, in form either. What the signals say is measured in LEAKAGE.md."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest

from dls_zk import operations
from dls_zk.groth16 import verifier, zkey
from dls_zk.groth16.proof import Proof
from dls_zk.solidity.calldata import ProofArguments
from dls_zk.statement.circuits import rebalance_signals
from dls_zk.statement.constants import FIELD, SIZES
from dls_zk.statement.model import Opening
from dls_zk.statement.reconciliation import reconciliation_signals
from dls_zk.statement.signals import PublicSignals
from tests.soundness import leakage
from tests.soundness.verifiers import Simulator
from tests.support import reconciliations
from tests.support.commandline import BOOK_E6, POLICY, RULES, Result, installed_key, invoke, table, write_inputs

DEPOSIT = (*RULES, "--before", "empty", "--terms", "deposit.yaml", "--json")
STEP_USD = 10_000


@dataclass(frozen=True)
class Transcript:
    """All that leaves the operator's hands after ``prove``, and what the program said."""

    folder: Path
    said: Result

    @property
    def proof(self) -> Proof:
        return Proof.read(self.folder / "proof.json")

    @property
    def signals(self) -> PublicSignals:
        return rebalance_signals(self.proof.circuit, self.proof.signals)

    def form(self) -> dict[str, object]:
        """Everything but the values of numbers: of hexadecimal ones the length stays, which is fixed."""
        return {
            "files": {path.name: oct(path.stat().st_mode) for path in self.folder.iterdir()},
            "proof": without_numbers((self.folder / "proof.json").read_text()),
            "said": without_numbers(self.said.stdout.replace(self.folder.name, "OUT")),
            "warned": without_numbers(self.said.stderr),
            "code": self.said.code,
            "calldata": len(ProofArguments.from_proof(self.proof).verify_calldata()),
        }


def without_numbers(text: str) -> str:
    text = re.sub(r"0x[0-9a-f]+", lambda found: f"HEX{len(found[0])}", text)
    return re.sub(r"\b[0-9]+(\.[0-9]+)?(e-?[0-9]+)?\b", "NUMBER", text)


@pytest.fixture(scope="module")
def transcripts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Transcript]:
    """A book of cash, one that uses every instrument, and the second proven again without a trade (a heartbeat)."""
    installed_key()
    folder = write_inputs(tmp_path_factory.mktemp("leakage") / "vault")
    (folder / "policy.yaml").write_text(POLICY.replace("nav_step: 1000 USD", f"nav_step: {STEP_USD} USD"))
    (folder / "cash.csv").write_text(table({"USDC": 10_000_000 * 10**6}))
    (folder / "cash.csv").chmod(0o600)
    assert len(BOOK_E6) == 3 and all(BOOK_E6.values())
    again = (*RULES, "--before", "full/opening.json", "--heartbeat", "--terms", "terms.yaml", "--json")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return {
            name: Transcript(folder / name, invoke("prove", *arguments, "--out", name))
            for name, arguments in {
                "cash": (*DEPOSIT, "--after", "cash.csv"),
                "full": (*DEPOSIT, "--after", "book.csv"),
                "again": again,
            }.items()
        }


def test_two_books_with_the_same_public_signals_look_alike(transcripts: dict[str, Transcript]) -> None:
    cash, full = transcripts["cash"], transcripts["full"]
    assert cash.signals.nav_floor == full.signals.nav_floor == 999
    assert replace(cash.signals, commitment_after=0) == replace(full.signals, commitment_after=0)
    assert cash.signals.commitment_after != full.signals.commitment_after
    assert cash.form() == full.form()
    assert {path.name for path in cash.folder.iterdir() if path.stat().st_mode & 0o077 == 0} == {"opening.json"}
    # Nine numbers differ, eight of them random points: one is shorter by a digit once in ten.
    sizes = [(one.folder / "proof.json").stat().st_size for one in (cash, full)]
    assert abs(sizes[0] - sizes[1]) <= 12


def test_a_heartbeat_looks_like_a_rebalance(transcripts: dict[str, Transcript]) -> None:
    full, again = transcripts["full"], transcripts["again"]
    assert again.signals.commitment_before == full.signals.commitment_after
    assert again.signals.commitment_after != again.signals.commitment_before, "the same book under a fresh salt"
    assert again.form() == full.form()


def test_anybody_could_have_made_the_proof_from_its_signals(transcripts: dict[str, Transcript]) -> None:
    """Under a key whose secrets are known a proof is made without the book, in the same form and as valid: it holds
    nothing that the signals do not."""
    key = installed_key()
    simulator = Simulator(key, zkey.verifying_key(key))
    real = transcripts["full"].proof
    simulated = simulator.prove(real.signals, Random(1))
    assert without_numbers(simulated.to_json()) == without_numbers(real.to_json())
    verifier.verify("pyecc", simulator.vk, simulated)


# --- LEAKAGE.md -------------------------------------------------------------------------------------------------------

DATA = Path(os.environ.get("DLS_ZK_PRICE_DATA") or "nowhere")
BUDGET = (Path(__file__).parent / "LEAKAGE.md").read_text()
needs_data = pytest.mark.skipif(
    not (DATA / "ETH.csv").is_file(), reason="no price data: set DLS_ZK_PRICE_DATA to a folder with ETH.csv"
)


def test_the_exact_observer_is_exact() -> None:
    """A quantity is possible if some amount of cash gives these floors: so are both ends, and nothing past them."""
    rng = Random(3)

    def possible(quantity: int) -> bool:
        cash = [(f * step - quantity * p, (f + 1) * step - 1 - quantity * p) for p, f in zip(prices, floors, strict=True)]
        return max(least for least, _ in cash) <= min(most for _, most in cash)

    narrowed = 0
    for _ in range(300):
        step, limit = rng.randrange(1, 10**6), rng.randrange(1, 10**4)
        prices = [rng.randrange(1, 500) for _ in range(5)]
        quantity, cash = rng.randint(-limit, limit), rng.randrange(10**8)
        floors = [(cash + quantity * price) // step for price in prices]
        least, most = leakage.not_ruled_out(prices, floors, step, limit)
        assert -limit <= least <= quantity <= most <= limit
        assert possible(least) and possible(most)
        assert least == -limit or not possible(least - 1)
        assert most == limit or not possible(most + 1)
        narrowed += (least, most) != (-limit, limit)
    assert narrowed > 100


@needs_data
def test_the_tables_are_those_of_the_market() -> None:
    prices = leakage.closes_usd_e8(DATA)
    count, error, left, sign = leakage.measure(prices, leakage.STEP_USD, 7)
    assert f"| 50,000 | 0.5% | 7 | {count} | {error:.1%} | {left:.1%} | {sign:.0%} |\n" in BUDGET


@needs_data
@pytest.mark.slow
def test_all_tables_are_those_of_the_market() -> None:
    first, second = leakage.tables(leakage.closes_usd_e8(DATA)).strip().split("\n\n")
    assert first in BUDGET and second in BUDGET


def test_the_form_is_told_by_numbers_too() -> None:
    """So that the comparison above cannot pass because everything is a number."""
    shown = without_numbers(json.dumps({"a": "123", "b": ["0x12", 4.5, "x1"]}))
    assert shown == '{"a": "NUMBER", "b": ["HEX4", NUMBER, "x1"]}'


# --- reconciliations ------------------------------------------------------------------------------------------------------


def test_two_reconciliations_differ_in_their_commitments_alone() -> None:
    """The same vault with much missing and with nothing missing: the same form, and no public number but hashes differs."""
    rng = Random(3)
    short = reconciliations.within_a_unit(rng, SIZES[8])[0]
    booked = tuple(
        Opening(tuple(q * (venue == k) for q, venue in zip(short.book.quantities_e6, short.venues, strict=True)), 5 + k)
        for k in range(4)
    )
    whole = replace(short, book=replace(short.book, salt=rng.randrange(FIELD)), attested=booked)
    circuit = operations.build_circuit(short.circuit.name)
    key = operations.development_key(circuit)
    shown = []
    for made in (short, whole):
        proof = operations.prove_reconciliation(made, key, circuit).proof
        secrets = {*made.book.quantities_e6, *made.attested_e6, made.book.salt, *(opening.salt for opening in made.attested)}
        assert not {x % FIELD for x in secrets if abs(x) > 1000} & {*proof.signals}
        shown.append(proof)
    assert without_numbers(shown[0].to_json()) == without_numbers(shown[1].to_json())
    differ = [k for k in range(len(shown[0].signals)) if shown[0].signals[k] != shown[1].signals[k]]
    assert differ == [0, 1, 2, 3, 4]


def test_an_attestation_made_again_is_another_commitment() -> None:
    made = reconciliations.full_reconciliation(Random(4), SIZES[8])
    again = replace(made, attested=tuple(replace(opening, salt=opening.salt ^ 1) for opening in made.attested))
    first, second = reconciliation_signals(made), reconciliation_signals(again)
    assert not {*first.attestations} & {*second.attestations} and first.commitment == second.commitment
