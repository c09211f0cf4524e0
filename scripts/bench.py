"""Measures dls-zk beside the tools that it replaces: witness, proof, verifiers, memory, gas, constraints, setup.

Every round runs each competitor once, one after the other, so that what else the machine does disturbs all alike. A first
round warms caches up and is not counted. A tool "as a command" is timed from its start to its end, as a user waits for it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from dls_zk import files, operations
from dls_zk.audit.instances import random_rebalance
from dls_zk.chain import local
from dls_zk.chain.deployment import checked_key, create
from dls_zk.cli import story
from dls_zk.cli.mandate import resolved
from dls_zk.cli.stages import Stages
from dls_zk.errors import DlsError, ToolError
from dls_zk.groth16 import native as groth16_native
from dls_zk.groth16 import native_verifier, r1cs, zkey
from dls_zk.groth16.witness import WitnessCalculator, to_wtns
from dls_zk.operations import Proven
from dls_zk.solidity import contracts, verifiers
from dls_zk.solidity.calldata import ProofArguments
from dls_zk.statement import relation
from dls_zk.statement.circuit_inputs import circuit_inputs
from dls_zk.statement.circuits import of_size
from dls_zk.statement.commitments import book_commitment, policy_hash
from dls_zk.statement.constants import SIZES
from dls_zk.statement.model import KeptOpening, Opening, Rebalance
from dls_zk.storage import built, disk, places
from dls_zk.storage.built import BuiltCircuit, ProvingKey
from dls_zk.storage.places import PACKAGE
from dls_zk.tools import circom, native, node, process, rapidsnark, revm, snarkjs
from dls_zk.tools.machine import machine

EXAMPLE = PACKAGE / "examples" / "delta_neutral_eth"
FILES = (("policy", "yaml"), ("prices", "yaml"), ("trades", "csv"), ("terms", "yaml"))


@dataclass
class Contest:
    """Ways to do one job. The first is ours, and the others are compared with it. clock: seconds by which they are timed."""

    title: str
    ways: dict[str, Callable[[], object]]
    clock: Callable[[], float] = time.perf_counter
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def round(self) -> None:
        for name, way in self.ways.items():
            started = self.clock()
            way()
            self.seconds.setdefault(name, []).append(self.clock() - started)


def instance(slots: int) -> Rebalance:
    """The real example if it has this size, else a random one that holds. No secret of anybody's."""
    policy = files.read_policy(EXAMPLE / "policy.yaml")
    if policy.size.slots == slots:
        book = files.read_book(EXAMPLE / "book_before.csv", policy)
        trades = files.read_trades(EXAMPLE / "trades.csv", policy)
        return Rebalance(
            policy,
            files.read_prices(EXAMPLE / "prices.yaml", policy),
            files.read_terms(EXAMPLE / "terms.yaml"),
            Opening(book, operations.fresh_salt()),
            Opening(tuple(q + t for q, t in zip(book, trades, strict=True)), operations.fresh_salt()),
        )
    rng = random.Random(1)
    return next(r for r in iter(lambda: random_rebalance(rng, SIZES[slots]), None) if operations.check(r).holds)


def contests(
    rebalance: Rebalance, circuit: BuiltCircuit, key: ProvingKey, generator: Path, scratch: Path, stack: ExitStack
) -> Iterator[Contest]:
    """generator: the folder with circom's own witness generator. scratch: a private folder, for what commands must read."""
    signals = relation.public_signals(rebalance)
    inputs = circuit_inputs(rebalance, signals)
    yield Contest(
        "Check, from the loaded files",
        {
            "without hashes": lambda: operations.check(rebalance),
            "against public signals, every hash compared": lambda: relation.evaluate(rebalance, signals),
        },
    )
    if starts := commands_that_start(rebalance, circuit, key, scratch, stack):
        yield Contest("Start of a command, CPU seconds", starts, clock=cpu_of_children)
    calculator = WitnessCalculator(circuit)
    wtns = to_wtns(calculator.calculate(inputs))
    proof = operations.prove(rebalance, key, circuit).proof
    worker = snarkjs.worker()
    at = {
        name: scratch / name
        for name in ("input.json", "wtns", "witness", "proof.json", "public.json", "vkey.json", "out", "out2")
    }
    disk.write_atomic(at["input.json"], json.dumps({name: [*map(str, x)] for name, x in inputs.items()}), mode=0o600)
    disk.write_atomic(at["wtns"], wtns, mode=0o600)
    disk.write_atomic(at["proof.json"], json.dumps(proof.to_snarkjs()))
    disk.write_atomic(at["public.json"], json.dumps(proof.signal_strings()))

    def command(*argv: str | Path) -> Callable[[], object]:
        return lambda: node.run_node(argv, timeout=600)

    def snarkjs_command(*argv: str | Path) -> Callable[[], object]:
        return command(node.package_file("snarkjs", "build/cli.cjs"), "groth16", *argv)

    theirs = command(generator / "generate_witness.js", circuit.wasm, at["input.json"], at["out"])
    theirs()
    if at["out"].read_bytes() != wtns:
        raise ToolError("circom's own generator gives another witness")
    yield Contest(
        "Witness",
        {
            "in process": lambda: calculator.calculate(inputs),
            "in process, generator loaded from its cache": lambda: WitnessCalculator(circuit).calculate(inputs),
            "circom's generate_witness.js, as a command": theirs,
        },
    )

    def cold() -> None:
        worker.close()
        operations.prove(rebalance, key, circuit, "snarkjs")

    whole: dict[str, Callable[[], object]] = {
        "dls-zk, with verification": lambda: operations.prove(rebalance, key, circuit),
        "dls-zk, by snarkjs in its worker, with verification": lambda: operations.prove(rebalance, key, circuit, "snarkjs"),
        "dls-zk, by snarkjs, the first of a process": cold,
        "snarkjs groth16 fullprove, as a command": snarkjs_command(
            "fullprove", at["input.json"], circuit.wasm, key.zkey, at["out"], at["out2"]
        ),
    }
    if as_command := prove_as_command(rebalance, scratch):
        whole["dls-zk prove, as a command"] = as_command
    yield Contest("Proof, from the book", whole)
    yield Contest(
        f"{MANY} proofs, from the book",
        {
            "prove_many": lambda: [
                many_proven(result) for result in operations.prove_many([rebalance] * MANY, key, circuit)
            ],
            "prove, one after the other": lambda: [operations.prove(rebalance, key, circuit) for _ in range(MANY)],
        },
    )
    witness = calculator.calculate(inputs)
    open_key = groth16_native.Core(native.library()).open(key.read_zkey())

    def natively(threads: int) -> Callable[[], object]:
        return lambda: open_key.prove(witness, bytearray(b"\1" * 32), bytearray(b"\2" * 32), threads)

    def at_once() -> None:
        """A proof for each processor, each by one thread."""
        with ThreadPoolExecutor(groth16_native.threads()) as pool:
            for proof in [pool.submit(natively(1)) for _ in range(groth16_native.threads())]:
                proof.result()

    yield Contest(
        "Proof alone, from the witness, by a process that holds the key",
        {
            "native, a thread for each processor": natively(groth16_native.threads()),
            "native, one thread": natively(1),
            f"native, {groth16_native.threads()} proofs at once": at_once,
            "snarkjs, worker": lambda: worker.prove(key.zkey, key.zkey_sha256, wtns),
        },
    )
    disk.write_atomic(at["witness"], witness, mode=0o600)
    processes: dict[str, Callable[[], object]] = {
        f"native, {'a thread for each processor' if threads > 1 else 'one thread'}": partial(
            native_process, key.zkey, at["witness"], threads
        )
        for threads in (groth16_native.threads(), 1)
    }
    if found := rapidsnark.program():
        processes["rapidsnark"] = partial(process.run, [found, key.zkey, at["wtns"], at["out"], at["out2"]], timeout=600)
    processes["snarkjs groth16 prove"] = snarkjs_command("prove", key.zkey, at["wtns"], at["out"], at["out2"])
    yield Contest("Proof alone, whole processes that read key and witness", processes)
    yield Contest("The same, CPU seconds", processes, clock=cpu_of_children)

    target = operations.verification_target(proof, None, key.kind)
    disk.write_atomic(at["vkey.json"], key.verification_key.read_bytes())
    owner = stack.enter_context(local.people()).people[0]
    name = verifiers.contract_name(key.circuit)
    source = verifiers.contract_source(zkey.verifying_key(key), key.circuit, insecure=True)
    contract = contracts.compile_verifiers({name: source})[name]
    address = create(owner, contract)
    yield Contest(
        "Verification",
        {
            "native, as after each proof": lambda: native_verifier.require_holds(target.vk, proof),
            "native, 20 proofs by one equation": lambda: native_verifier.hold_together(target.vk, [proof] * 20),
            "pyecc": lambda: operations.verify("pyecc", target, proof),
            "snarkjs, worker": lambda: operations.verify("snarkjs", target, proof),
            "snarkjs groth16 verify, as a command": snarkjs_command(
                "verify", at["vkey.json"], at["public.json"], at["proof.json"]
            ),
            "evm in pyrevm" if revm.found() else "evm in an anvil of its own": lambda: operations.verify(
                "evm", target, proof
            ),
            "evm, eth_call on anvil": lambda: owner.chain.verify(address, ProofArguments.from_proof(proof)),
        },
    )


#: Proofs of one call of ``prove_many``.
MANY = 16


def many_proven(result: Proven | DlsError) -> Proven:
    """The proof; what became of one that failed is raised."""
    if isinstance(result, DlsError):
        raise result
    return result


#: What rapidsnark does as a process: read a key and a witness, prove. Says how much memory it took.
NATIVE_PROCESS = """
import ctypes, secrets, sys
def most():
    with open("/proc/self/status") as file:
        return next(line.split()[1] for line in file if line.startswith("VmHWM"))
path, zkey, witness, threads = sys.argv[1:]
core, key, out = ctypes.CDLL(path), ctypes.c_void_p(), ctypes.create_string_buffer(256)
before = most()
with open(zkey, "rb") as file:
    data = file.read()
if core.dls_zk_open(core.dls_zk_best_path(), data, ctypes.c_uint64(len(data)), ctypes.byref(key)):
    sys.exit("no key")
del data
with open(witness, "rb") as file:
    values = file.read()
r, s = secrets.token_bytes(31) + bytes(1), secrets.token_bytes(31) + bytes(1)
if core.dls_zk_prove(key, values, ctypes.c_uint64(len(values) // 32), r, s, int(threads), out):
    sys.exit("no proof")
print(before, most())
"""


def native_process(zkey: Path, witness: Path, threads: int) -> list[int]:
    """Prove in a process of its own; the most memory that it had, in KiB, before it began and in all."""
    argv: list[str | Path] = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        NATIVE_PROCESS,
        native.object_path(),
        zkey,
        witness,
        str(threads),
    ]
    return [int(number) for number in process.run(argv, timeout=600).stdout.split()]


def first_use(scratch: Path) -> float:
    """Seconds that compiling the native core and its self-test take, in a home of its own."""
    program = "from dls_zk.tools import native; native.object_path()"
    started = time.perf_counter()
    process.run([sys.executable, "-c", program], timeout=600, env=os.environ | {"DLS_ZK_HOME": str(scratch / "home")})
    return round(time.perf_counter() - started, 2)


def cpu_of_children() -> float:
    """CPU seconds of all processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def commands_that_start(
    rebalance: Rebalance, circuit: BuiltCircuit, key: ProvingKey, scratch: Path, stack: ExitStack
) -> dict[str, Callable[[], object]] | None:
    """Commands that need no circuit, on the example's files and a vault on a local chain, if this is the rebalance of the
    example."""
    if rebalance.policy != files.read_policy(EXAMPLE / "policy.yaml"):
        return None
    env = as_installed(scratch)
    paths = {"policy": "policy.yaml", "prices": "prices.yaml", "before": "book_before.csv", "trades": "trades.csv"}
    check = ["check", *(part for name, path in paths.items() for part in (f"--{name}", str(EXAMPLE / path)))]

    def start(*argv: str) -> Callable[[], object]:
        return lambda: process.run([sys.executable, "-m", "dls_zk", *argv], timeout=60, env=env)

    market = local.furnish(
        stack.enter_context(local.people()), checked_key(key, circuit), rebalance.policy, rebalance.prices
    )
    vault = a_vault(market)
    deployment = scratch / "deployment.json"
    files.write_deployment(deployment, market.protocol.deployment)
    at = ["--rpc", market.rpc, "--deployment", str(deployment)]
    numbers = itertools.count()

    def terms() -> object:
        return start("vault", "terms", vault, "--out", str(scratch / f"terms-{next(numbers)}.yaml"), *at)()

    return {
        "--help": start("--help"),
        "check --json": start(*check, "--json"),
        "check": start(*check),
        "policy lint": start("policy", "lint", str(EXAMPLE / "policy.yaml")),
        "oracle show": start("oracle", "show", f"0x{market.feed_set.hex()}", *at),
        "vault terms": terms,
        "vault history": start("vault", "history", vault, *at),
        "vault status": start("vault", "status", vault, *at),
    }


def a_vault(market: local.LocalMarket) -> str:
    """The id of a vault of the market, without a rebalance yet."""
    hub = market.protocol.hub
    names = {"policy": f"0x{policy_hash(market.policy):064x}", "feeds": f"0x{market.feed_set.hex()}"}
    example = files.read_vault(EXAMPLE / "vault.yaml").mandate
    mandate, _ = resolved(market.protocol, example.model_copy(update=names), EXAMPLE)
    vault = hub.open_vault(market.owner, "bench", hub.add_mandate(market.owner, mandate), market.owner.address)
    return "0x" + vault.hex()


def prove_as_command(rebalance: Rebalance, scratch: Path) -> Callable[[], object] | None:
    """``dls-zk prove`` on files, if this is the rebalance of the example."""
    if rebalance.policy != files.read_policy(EXAMPLE / "policy.yaml"):
        return None
    before = scratch / "opening.json"
    context = rebalance.terms.known_context()
    names = tuple(slot.instrument for slot in rebalance.policy.slots)
    kept = KeptOpening.at(context, rebalance.before, book_commitment(rebalance.before), names, int(time.time()))
    files.write_opening(before, kept)
    given = {name: EXAMPLE / f"{name}.{ending}" for name, ending in FILES} | {"before": before}
    options = [part for name, path in given.items() for part in (f"--{name}", path)]
    env = as_installed(scratch)

    def prove() -> None:
        out = Path(tempfile.mkdtemp(dir=scratch)) / "proven"  # it overwrites nothing
        process.run([sys.executable, "-m", "dls_zk", "prove", *options, "--out", out], timeout=600, env=env)

    return prove


def as_installed(scratch: Path) -> dict[str, str]:
    """An environment in which modules are loaded as an installation has them, compiled to bytecode, whatever ours says."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return env | {"PYTHONPYCACHEPREFIX": str(scratch / "bytecode")}


def where() -> dict[str, Any]:
    """What it was measured on, and how busy that was when it began."""
    return {**machine(), "load": round(os.getloadavg()[0], 2), **snarkjs.worker().version()}


def measure(slots: int, runs: int) -> dict[str, Any]:
    """Run it all; a JSON value with every single time."""
    stages, result = Stages(), {"machine": where(), "slots": slots, "runs": runs}
    name = of_size(slots).name
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dls-zk-bench-")))  # mode 0700
        with stages("Compile"):
            made, _ = stack.enter_context(circom.run_circom(name, built.CIRCOM_FLAGS, places.data_dir("circuits")))
        circuit = operations.build_circuit(name)
        with stages("Development key"):
            snarkjs.dev_setup(circuit.r1cs, scratch / "zkey")
        (scratch / "zkey").unlink()
        key = operations.development_key(circuit)
        with stages("Native core, from nothing"):
            native_s = first_use(scratch)
        with stages("Preparation"):
            all_contests = [*contests(instance(slots), circuit, key, made / f"{name}_js", scratch, stack)]
        for number in range(runs + 1):
            with stages(f"Round {number} of {runs}" if number else "Round to warm up"):
                for contest in all_contests:
                    contest.round()
        before, most = native_process(key.zkey, scratch / "witness", groth16_native.threads())
    for contest in all_contests:
        for times in contest.seconds.values():
            del times[0]
    result["seconds"] = {contest.title: contest.seconds for contest in all_contests}
    header = r1cs.r1cs_header(circuit.r1cs)
    result["once"] = {
        "compile_s": stages.seconds["Compile"],
        "dev_setup_s": stages.seconds["Development key"],
        "native_first_use_s": native_s,
        "native_peak_bytes": 1024 * most,
        "native_peak_bytes_of_python": 1024 * before,
        "constraints": header.n_constraints,
        "proving_key_bytes": key.zkey.stat().st_size,
    }
    with stages("Gas, from the demo"):
        told = story.run(Stages(quiet=True))
    if told["proven"]["circuit"] == name:  # the demo has the size of its example
        result["gas"] = told["chain"]["gas"]
    return result


def per_minute(result: dict[str, Any]) -> float:
    """Proofs from the book, verified, by one process that makes many."""
    return 60 * MANY / median(result["seconds"][f"{MANY} proofs, from the book"]["prove_many"])


def table(result: dict[str, Any]) -> Table:
    """Medians, minima, and how many times as long as the first way of each job it takes (median of the rounds' ratios)."""
    where = result["machine"]
    title = (
        f"{of_size(result['slots']).name}, {result['runs']} runs. {where['cpu']}, {where['cores']} cores "
        f"(load {where['load']}), Python {where['python']}, Node {where['node']}, snarkjs {where['snarkjs']}"
    )
    rows = Table("", "median s", "min s", "ratio", title=title, title_justify="left")
    for column in rows.columns[1:]:
        column.justify = "right"
    for job, ways in result["seconds"].items():
        rows.add_row(f"[bold]{job}[/bold]")
        first = next(iter(ways.values()))
        for name, times in ways.items():
            ratio = median(one / other for one, other in zip(times, first, strict=True))
            rows.add_row(f"  {name}", f"{median(times):.3f}", f"{min(times):.3f}", f"{ratio:.2f}")
        rows.add_section()
    once = result["once"]
    rows.add_row("Compile the circuit, once", f"{once['compile_s']:.1f}")
    rows.add_row("Development key, once", f"{once['dev_setup_s']:.1f}")
    rows.add_row("Native core compiled and tried, once", f"{once['native_first_use_s']:.1f}")
    rows.add_section()
    rows.add_row("Constraints", f"{once['constraints']:,}")
    rows.add_row("Proving key, MB", f"{once['proving_key_bytes'] / 1e6:.1f}")
    rows.add_row("Most memory of a process that proves, MB", f"{once['native_peak_bytes'] / 1e6:.1f}")
    rows.add_row("… of which Python before it began, MB", f"{once['native_peak_bytes_of_python'] / 1e6:.1f}")
    rows.add_row("Proofs from the book, verified, per minute", f"{per_minute(result):.0f}")
    for name, gas in result.get("gas", {}).items():
        rows.add_row(f"Gas, {name.replace('_', ' ')}", f"{gas:,}")
    return rows


#: Where docs/benchmarks.md has the tables of the last measurement.
DOCS = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- measured by scripts/bench: begin -->\n", "<!-- measured by scripts/bench: end -->\n"


def markdown(results: list[dict[str, Any]]) -> str:
    """The tables of all sizes, with the machine."""
    where = results[0]["machine"]
    lines = [
        f"Medians of {results[0]['runs']} interleaved runs. {where['cpu']}, {where['cores']} cores, {where['system']}, "
        f"Python {where['python']}, Node {where['node']}, snarkjs {where['snarkjs']}; load when it began: {where['load']}"
        f"{'' if where['load'] < 1 else ', so other work disturbed the times: look at the ratios'}.",
    ]
    for result in results:
        lines += ["", f"### {result['slots']} slots", "", "| | seconds | ratio |", "|---|---:|---:|"]
        for job, ways in result["seconds"].items():
            lines.append(f"| **{job}** | | |")
            first = next(iter(ways.values()))
            for name, times in ways.items():
                ratio = median(one / other for one, other in zip(times, first, strict=True))
                lines.append(f"| {name} | {median(times):.3f} | {ratio:.2f} |")
        once = result["once"]
        lines += [
            "",
            f"Native core compiled and tried on first use: {once['native_first_use_s']:.1f} s. Most memory of a process "
            f"that proves: {once['native_peak_bytes'] / 1e6:.0f} MB, of which Python has "
            f"{once['native_peak_bytes_of_python'] / 1e6:.0f} before it begins. Proofs from the book, verified, by "
            f"`prove_many`: {per_minute(result):.0f} a minute. {once['constraints']:,} constraints; the key has "
            f"{once['proving_key_bytes'] / 1e6:.1f} MB.",
        ]
    return "\n".join(lines) + "\n"


def write_docs(results: list[dict[str, Any]]) -> None:
    before, _, rest = DOCS.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    disk.write_atomic(DOCS, before + BEGIN + "\n" + markdown(results) + "\n" + END + after)


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--size", type=int, choices=[*SIZES], nargs="+", default=[16], help="circuit sizes in slots (default: 16)"
    )
    parser.add_argument("--runs", type=int, default=5, help="rounds that count (default: 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write everything to this file")
    parser.add_argument("--docs", action="store_true", help="also write the tables into docs/benchmarks.md")
    arguments = parser.parse_args()
    if arguments.runs < 1:
        parser.error("--runs: at least 1")
    results = [measure(slots, arguments.runs) for slots in arguments.size]
    for result in results:
        Console(highlight=False).print(table(result))
    if arguments.json:
        disk.write_atomic(arguments.json, json.dumps(results, indent=2) + "\n")
    if arguments.docs:
        write_docs(results)


if __name__ == "__main__":
    main()
