"""What a user does, as functions: load a rebalance, check it, prove it, reconcile a book, verify a proof. The command line
is thin over this.

Nothing here prints. A ``stage`` callable, a context manager factory, is told what goes on, for a progress display.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from . import files, openings
from .checking import check as check
from .checking import fresh_salt as fresh_salt
from .checking import load_rebalance as load_rebalance
from .checking import require as require
from .checking import require_commitment_before as require_commitment_before
from .checking import require_policy as require_policy
from .checking import require_same_round as require_same_round
from .checking import with_least_allowances as with_least_allowances
from .errors import ArtifactError, DlsError, InputError, InsecureKey, ProofInvalid
from .groth16 import prover, verifier, zkey
from .groth16.proof import Proof
from .groth16.witness import WitnessCalculator
from .groth16.zkey import VerifyingKey
from .progress import Moving, Stage, no_stages
from .solidity import verifiers
from .statement import reconciliation as reconciliation_relation
from .statement import relation
from .statement.allowances import Allowances
from .statement.circuit_inputs import circuit_inputs, reconciliation_inputs
from .statement.circuits import known, rebalance_signals, reconciliation_signals
from .statement.commitments import policy_hash
from .statement.constants import DEVELOPMENT_CHAIN_IDS
from .statement.model import KeptOpening, Opening, Policy, Rebalance, Reconciliation, Secret, Terms
from .statement.signals import PublicSignals, ReconciliationSignals, pack_prices, pack_venues
from .statement.verdict import Report
from .storage import built, disk, places
from .storage.built import BuiltCircuit, ProvingKey
from .tools import circom, revm, snarkjs

# --- circuits and keys ----------------------------------------------------------------------------


def build_circuit(name: str, *, force: bool = False) -> BuiltCircuit:
    """The compiled circuit of this name, compiled if it is not in the cache."""
    return circom.compile_circuit(name, force=force)


def development_key(circuit: BuiltCircuit, *, force: bool = False, moving: Moving | None = None) -> ProvingKey:
    """An INSECURE single-party key of a circuit, made if it is not in the cache. Never for value."""

    def fill(folder: Path) -> None:
        zkey_path = folder / "proving_key.zkey"
        snarkjs.dev_setup(circuit.r1cs, zkey_path, moving)
        vk = zkey.verification_key_json(zkey.read_zkey(zkey_path), circuit.name, circuit.r1cs_sha256)
        disk.write_atomic(folder / "verification_key.json", vk)

    return built.install_key(circuit, "dev", fill, force=force)


def installed_key(circuit: BuiltCircuit, kind: str | None = None) -> ProvingKey:
    """The key of this kind; of any kind, a ceremony's before a development key. ArtifactError if there is none."""
    ceremony = places.key_dir(circuit.name, circuit.r1cs_sha256, "ceremony").is_dir()
    return built.proving_key(circuit.name, circuit.r1cs_sha256, kind or ("ceremony" if ceremony else "dev"))


# --- proving --------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class Statement(Secret):
    """A rebalance for which all checks hold, with the public signals of its proof. See ``statement``."""

    rebalance: Rebalance
    signals: PublicSignals
    report: Report


def statement(rebalance: Rebalance, advice: str = "") -> Statement:
    """Evaluate the relation, once, and compute the public signals. StatementRefused, with the advice, if a check fails.

    Terms with the vault's buckets are replaced by such that name the least allowances: see ``with_least_allowances``.
    InputError for prices, a policy or an opening that the terms say are not theirs.
    """
    require_same_round(rebalance.prices, rebalance.terms)
    rebalance = with_least_allowances(rebalance)
    report = check(rebalance)
    require(report, advice)  # names what no signal can hold, too
    signals = relation.public_signals(rebalance)
    require_policy(signals.policy_hash, rebalance.terms)
    require_commitment_before(signals.commitment_before, rebalance.terms, rebalance.size)
    return Statement(rebalance, signals, report)


@dataclass(frozen=True, repr=False)
class Proven(Secret):
    """A proof with what its operator must keep. ``after`` is secret, and without it the vault cannot move again.

    instruments: the name of each slot, "" for an unused one.
    """

    proof: Proof
    signals: PublicSignals
    terms: Terms
    after: Opening
    instruments: tuple[str, ...]
    report: Report
    insecure: bool


def prove(
    rebalance: Rebalance, key: ProvingKey, circuit: BuiltCircuit, backend: str = "auto", stage: Stage = no_stages
) -> Proven:
    """``statement``, then ``prove_statement``: StatementRefused before the circuit is touched."""
    _require_key_for(rebalance.terms, key)
    with stage("Relation"):
        holding = statement(rebalance)
    return prove_statement(holding, key, circuit, backend, stage)


def prove_statement(
    holding: Statement, key: ProvingKey, circuit: BuiltCircuit, backend: str = "auto", stage: Stage = no_stages
) -> Proven:
    """Compute the witness, prove, verify.

    InsecureKey for a development key where the terms name a chain that is no development chain.
    """
    _require_key_for(holding.rebalance.terms, key)
    proof = _prove(circuit_inputs(holding.rebalance, holding.signals), key, circuit, backend, stage)
    return _proven(holding, proof, key)


def _proven(holding: Statement, proof: Proof, key: ProvingKey) -> Proven:
    rebalance, signals = holding.rebalance, holding.signals
    if rebalance_signals(proof.circuit, proof.signals) != signals:
        raise ProofInvalid(_OTHER_SIGNALS)
    instruments = tuple(slot.instrument for slot in rebalance.policy.slots)
    return Proven(
        proof, signals, rebalance.terms, rebalance.after, instruments, holding.report, installed_target(key).insecure
    )


def prove_many(
    rebalances: Iterable[Rebalance], key: ProvingKey, circuit: BuiltCircuit, backend: str = "auto"
) -> Generator[Proven | DlsError, None, None]:
    """``prove`` for each of many rebalances of one circuit: in their order, the verified proof or the error of that one.

    For a process that lives long. All share the loaded key and witness generator; the native prover makes as many proofs at
    once as there are processors, each by one thread. One equation verifies some proofs together, and where it does not hold,
    each is verified by itself. Rebalances are taken as they are needed: at most ``_TOGETHER`` results and ``at_once() + 1``
    witnesses are held. An error that ``rebalances`` raises itself, or that stops all (InputError for an unknown backend),
    goes through.
    """
    maker, calculator = prover.backend(backend), WitnessCalculator(circuit)

    def begin(rebalance: Rebalance) -> _Begun | DlsError:
        try:
            _require_key_for(rebalance.terms, key)
            holding = statement(rebalance)
            witness = calculator.calculate(circuit_inputs(holding.rebalance, holding.signals))
        except DlsError as error:
            return error
        return _Begun(holding, pool.submit(maker.make, key, witness, 1))

    pool = ThreadPoolExecutor(maker.at_once())
    try:
        waiting: deque[_Begun | DlsError] = deque()
        for rebalance in rebalances:
            waiting.append(begin(rebalance))
            unfinished = [one.made for one in waiting if isinstance(one, _Begun) and not one.made.done()]
            if len(unfinished) > maker.at_once():
                wait(unfinished[:1])
            if len(waiting) > _TOGETHER + maker.at_once():
                yield from _finished(maker, key, [waiting.popleft() for _ in range(_TOGETHER)])
        yield from _finished(maker, key, [*waiting])
    finally:
        pool.shutdown(cancel_futures=True)


@dataclass(frozen=True, repr=False)
class _Begun(Secret):
    """A statement, and its proof as soon as it is made."""

    holding: Statement
    made: Future[Proof]


#: Proofs that are verified by one equation. More gain little, and the first waits for the last.
_TOGETHER = 8


def _finished(maker: prover.Prover, key: ProvingKey, begun: Sequence[_Begun | DlsError]) -> Iterator[Proven | DlsError]:
    """Verified, each with a verdict of its own."""
    made = [_made(one) for one in begun]
    together = maker.hold_together(key, [proof for proof in made if isinstance(proof, Proof)])
    for one, proof in zip(begun, made, strict=True):
        yield _result(maker, key, one, proof, together)


def _made(begun: _Begun | DlsError) -> Proof | DlsError:
    if isinstance(begun, DlsError):
        return begun
    try:
        return begun.made.result()
    except DlsError as error:
        return error


def _result(
    maker: prover.Prover, key: ProvingKey, begun: _Begun | DlsError, proof: Proof | DlsError, verified: bool
) -> Proven | DlsError:
    if isinstance(begun, DlsError):
        return begun
    if isinstance(proof, DlsError):
        return proof
    try:
        if not verified:
            maker.require_holds(key, proof)
        return _proven(begun.holding, proof, key)
    except DlsError as error:
        return error


def _require_key_for(terms: Terms, key: ProvingKey) -> None:
    """Return unless this is a development key and the terms name a chain that is no development chain: then InsecureKey."""
    context = terms.context
    if context and context.chain_id not in DEVELOPMENT_CHAIN_IDS and installed_target(key).insecure:
        raise InsecureKey(
            f"the terms are for chain {context.chain_id}, and the only key is an INSECURE development key; "
            "install one from `dls-zk setup ceremony`"
        )


_OTHER_SIGNALS = "the proof shows other public signals than the statement's; circuit and package disagree"


def _prove(inputs: dict[str, list[int]], key: ProvingKey, circuit: BuiltCircuit, backend: str, stage: Stage) -> Proof:
    with stage("Witness"):
        witness = WitnessCalculator(circuit).calculate(inputs)
    with stage("Proof"):
        return prover.backend(backend).prove(key, witness)


@dataclass(frozen=True)
class ProvenReconciliation:
    """A reconciliation proof and what it says in public. insecure: whether it is of a development key."""

    proof: Proof
    signals: ReconciliationSignals
    insecure: bool


def check_reconciliation(reconciliation: Reconciliation) -> Report:
    """The verdict of the relation on a reconciliation, as of an honest prover. The report is as secret as the book; where
    too much is missing, its shortfall names the venues at which."""
    return reconciliation_relation.evaluate(reconciliation)


def prove_reconciliation(
    reconciliation: Reconciliation,
    key: ProvingKey,
    circuit: BuiltCircuit,
    backend: str = "auto",
    stage: Stage = no_stages,
    expected: ReconciliationSignals | None = None,
) -> ProvenReconciliation:
    """Check the relation, compute the witness, prove, verify. StatementRefused before the circuit is touched.

    expected: what a verifier will ask for (the vault's commitment, what attestors signed, venues, tolerance and prices as
    the chain has them), if it is known: a reconciliation that does not open all of it is refused by name.
    """
    with stage("Relation"):
        require(check_reconciliation(reconciliation))  # names what no signal can hold, too
        signals = expected or reconciliation_relation.reconciliation_signals(reconciliation)
        require(reconciliation_relation.evaluate(reconciliation, signals))
    proof = _prove(reconciliation_inputs(reconciliation, signals), key, circuit, backend, stage)
    if reconciliation_signals(proof.circuit, proof.signals) != signals:
        raise ProofInvalid(_OTHER_SIGNALS)
    return ProvenReconciliation(proof, signals, installed_target(key).insecure)


#: What ``write_proven`` writes: secret the first, public the others.
PROVEN_FILES = (openings.OPENING, "terms.yaml", openings.PROOF)


def proven_paths(folder: Path) -> tuple[Path, Path, Path]:
    """Where ``write_proven`` writes; InputError if one of the files is there already, or if no secret can be kept there."""
    if folder.exists() and not folder.is_dir():
        raise InputError("is not a folder", str(folder))
    opening, terms, proof = (folder / name for name in PROVEN_FILES)
    for path in (opening, terms, proof):
        if os.path.lexists(path):
            raise InputError(
                "exists; choose another folder, or move it away (an opening must not be lost)", str(path), code="file_exists"
            )
    disk.require_private_place(folder)
    return opening, terms, proof


def write_proven(proven: Proven, folder: Path) -> tuple[Path, Path, Path]:
    """Write opening.json (secret, 0600), terms.yaml and then proof.json into a folder that holds none. The three paths.

    The opening is on the disk before the proof is: a proof that was submitted without it would freeze the vault. It
    takes its name only if that is free, so of two runs into one folder one fails and nothing is mixed. ValueError if the
    terms have no context but its hash.
    """
    commitment = proven.signals.commitment_after
    kept = KeptOpening.at(proven.terms.known_context(), proven.after, commitment, proven.instruments, int(time.time()))
    opening, terms, proof = proven_paths(folder)
    disk.make_dir(folder)
    files.write_opening(opening, kept)
    try:
        files.write_terms(terms, proven.terms)
        disk.write_new(proof, proven.proof.to_json())
    except BaseException:  # an interruption too: the same command can then be run again
        if not proof.exists():  # then nobody has the proof, and its opening opens nothing
            opening.unlink()
            terms.unlink(missing_ok=True)
        raise
    return opening, terms, proof


# --- verifying ------------------------------------------------------------------------------------


#: Verifiers by name: pure Python, snarkjs, and the generated contract.
VERIFIERS = ("pyecc", "snarkjs", "evm")


@dataclass(frozen=True)
class Target:
    """What a proof is verified against. key: the installed key, if it is one; ``evm`` needs it.

    insecure: whether this is a development key, against which anybody can forge proofs.
    """

    vk: VerifyingKey
    key: ProvingKey | None
    insecure: bool


def verification_target(proof: Proof, vkey: Path | None, kind: str | None = None) -> Target:
    """The key of a file, or the installed key (of this kind) of the proof's circuit."""
    if vkey:
        vk = VerifyingKey.from_json(disk.read_limited(vkey, 1 << 20), str(vkey))
        return Target(vk, None, zkey.is_development(vk, _r1cs_sha256_if_built(proof.circuit)))
    key = installed_key(build_circuit(known(proof.circuit).name), kind)
    return installed_target(key)


def installed_target(key: ProvingKey) -> Target:
    """An installed key to verify against."""
    vk = zkey.verifying_key(key)
    return Target(vk, key, zkey.is_development(vk, key.r1cs_sha256))


def _r1cs_sha256_if_built(circuit: str) -> str | None:
    """With it a development key is known even without its mark. Verifying alone needs no compiled circuit."""
    try:
        return built.built_circuit(circuit).r1cs_sha256
    except (ArtifactError, InputError):
        return None


def verifier_in_full(name: str) -> str:
    """The name of a verifier, with what runs it where that differs from machine to machine: ``evm in pyrevm``."""
    return f"evm in {'pyrevm' if revm.found() else 'anvil'}" if name == "evm" else name


def verify(name: str, target: Target, proof: Proof) -> None:
    """Return if the proof holds, by the verifier of this name. ProofInvalid if not, InsecureKey for an unsound key."""
    if name != "evm":
        verifier.verify(name, target.vk, proof)
        return
    if target.key is None:
        raise InputError("the evm verifier is generated from an installed key; leave --vkey out")
    verifier.require_well_formed(target.vk, proof)
    from .chain import evm  # it brings web3, which takes a second to load

    source = verifiers.contract_source(target.vk, proof.circuit, insecure=target.insecure)
    if not evm.holds(source, verifiers.contract_name(proof.circuit), proof):
        raise ProofInvalid(f"the proof does not hold for its public signals under this key ({verifier_in_full(name)})")


def _granted(terms: Terms, signals: PublicSignals) -> Allowances:
    """What a proof names, if the buckets of terms from the chain hold it, in their steps; else what they hold."""
    assert terms.buckets
    named = signals.allowances
    fits = terms.allowances.covers(named) and terms.buckets.named(named) == named
    return named if fits and named.write_down_steps == terms.allowances.write_down_steps else terms.allowances


def require_reconciliation_signals(
    signals: ReconciliationSignals, policy: Policy | None = None, prices_path: Path | None = None
) -> None:
    """Return if the proof has this policy's map of slots to venues, and these prices, as far as given; ProofInvalid says
    which differs. The commitment, the attestations and the tolerance are the chain's to compare."""
    if policy and pack_venues(policy.size, [slot.venue for slot in policy.slots]) != signals.venues:
        raise ProofInvalid("the proof has the slots at other venues than the policy of the file")
    if policy and prices_path:
        _require_prices(signals.prices, policy, prices_path)


def require_signals(
    signals: PublicSignals, policy: Policy | None = None, prices_path: Path | None = None, terms_path: Path | None = None
) -> None:
    """Return if the proof is about this policy, these prices and terms, as far as given; ProofInvalid says which differs."""
    if terms_path:
        terms = files.read_terms(terms_path)
        for name, value in (
            ("flow", terms.flow_e6),
            ("allowances", terms.allowances if terms.buckets is None else _granted(terms, signals)),
            ("context", terms.context_hash),
            ("commitment_before", terms.commitment_before),
            ("policy_hash", terms.policy_hash),
        ):
            if value is not None and getattr(signals, name) != value:
                raise ProofInvalid(f"the proof is on other terms: its {name} is not the one of the file")
    if policy and policy_hash(policy) != signals.policy_hash:
        raise ProofInvalid("the proof is about another policy: its policy_hash is not the one of the file")
    if policy and prices_path:
        _require_prices(signals.prices, policy, prices_path)


def _require_prices(words: tuple[int, ...], policy: Policy, path: Path) -> None:
    if pack_prices(policy.size, files.read_prices(path, policy).usd_e8) != words:
        raise ProofInvalid("the proof is at other prices than those of the file")
