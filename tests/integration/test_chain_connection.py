"""The way to a chain and what goes wrong on it; what the Python side and the contracts have in common."""

from __future__ import annotations

import json
import re
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from py_ecc.optimized_bn128 import FQ, FQ2

from dls_zk import chain
from dls_zk.chain import VaultStatus, connect, refusals
from dls_zk.chain.refusals import STATUSES, declared_errors
from dls_zk.errors import CODES, ChainError, InputError, ProofInvalid
from dls_zk.solidity import contracts
from dls_zk.solidity.calldata import ProofArguments
from dls_zk.statement.commitments import empty_attestation, empty_commitment
from dls_zk.statement.constants import BASE_FIELD, FIELD, SIZES
from dls_zk.statement.ethereum import keccak256
from dls_zk.statement.signals import NAMES
from dls_zk.storage import places
from dls_zk.tools import foundry, node
from tests.support import market as markets

Q, R = BASE_FIELD, FIELD

# --- a chain that fails ---------------------------------------------------------------------------------------------


@contextmanager
def http_server(body: bytes, status: int = 200) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/secret-access-key"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"<html>", 200), (b"", 200), (b"[]", 200), (b"{}", 200), (b'{"result": null}', 200), (b"no", 401), (b"x", 500)]
    + [(b'{"jsonrpc": "2.0", "id": 0, "error": {"code": -32601, "message": "no\\nsuch method"}}', 200)],
)
def test_what_is_no_node(body: bytes, status: int) -> None:
    with http_server(body, status) as url, pytest.raises(ChainError) as caught:
        connect(url)
    assert "secret" not in str(caught.value) and "\n" not in str(caught.value)


def test_where_nobody_listens() -> None:
    with http_server(b"") as url:
        pass
    with pytest.raises(ChainError, match="does not answer; is the node running"):
        connect(url)


@pytest.mark.parametrize("url", ["", "127.0.0.1:8545", "ws://127.0.0.1:8545", "http://", "http://[", "http://h:99999"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(InputError, match="not of the form"):
        connect(url)


def test_no_account() -> None:
    with foundry.anvil(chain_id=31337, accounts=0) as url, pytest.raises(ChainError, match="no unlocked account"):
        connect(url).accounts()


def test_the_node_must_be_local_too() -> None:
    with foundry.anvil(chain_id=31337, accounts=1) as url:
        local = connect(url)
    assert local.is_development and not replace(local, local=False).is_development
    for url, expected in [
        ("http://127.0.0.1:8545", True),
        ("http://[::1]:8545", True),
        ("http://localhost", True),
        ("http://127.0.0.1.example.org", False),
        ("http://localhost.example.org", False),
        ("http://127.0.0.1@example.org", False),
        ("https://10.0.0.1", False),
    ]:
        assert chain.is_loopback(url) is expected, url


# --- one source, three languages ------------------------------------------------------------------------------------


def test_every_error_of_every_contract_is_explained() -> None:
    declared = {error for artifact in contracts.compile_contracts().values() for error in declared_errors(artifact.abi)}
    assert declared == chain.EXPLAINED.keys()
    for error, (code, text) in chain.EXPLAINED.items():
        assert code in CODES, error
        used = set(re.findall(r"{(\w+)}", text))
        assert used <= set(re.findall(r" (\w+)[,)]", error)), error
        assert "\n" not in text and not text.endswith("."), error


def test_amounts_of_tokens_are_shown_by_whoever_knows_the_token() -> None:
    """No explanation names a unit itself, so that none states smallest units where whole assets are meant."""
    names = {error.partition("(")[0]: error for error in chain.EXPLAINED}
    for name, parameters in refusals._AMOUNTS.items():
        assert set(re.findall(r"uint256 (\w+)", names[name])) == set(parameters)
        data = keccak256(re.sub(r" \w+([,)])", r"\1", names[name]).replace(", ", ",").encode())[:4]
        data += b"".join(word.to_bytes(32, "big") for word in range(70_001, 70_001 + names[name].count(",") + 1))
        text = chain.explain_revert([], "0x" + data.hex(), lambda error, amount: f"<{error} {amount}>").text
        assert text.count(f"<{name} 7000") == 2, text
        assert chain.explain_revert([], "0x" + data.hex()).text.count("of the token's smallest units") == 2
    assert not [text for _, text in chain.EXPLAINED.values() if " units" in text]


def test_errors_of_other_contracts_keep_their_names() -> None:
    abi = [{"type": "error", "name": "Odd", "inputs": [{"name": "a", "type": "uint256"}]}]
    data = "0x" + keccak256(b"Odd(uint256)")[:4].hex() + f"{7:064x}"
    assert chain.explain_revert(abi, data) == ("contract_refused", "the contract refused: Odd(a=7)")
    assert chain.explain_revert([], data).text.startswith("the contract refused with the unknown error 0x")


def test_statuses_are_those_of_the_contract() -> None:
    source = (places.data_dir("verifier_contracts") / "src/interfaces/IRebalanceHub.sol").read_text()
    (body,) = re.findall(r"enum Status {(.*?)}", source, re.DOTALL)
    names = re.findall(r"^ *([A-Z]\w+),?$", body, re.MULTILINE)
    assert [name.upper() for name in names] == [status.name.replace("_", "") for status in VaultStatus]
    assert len(STATUSES) == len(names)


def test_unknown_reverts_have_a_line() -> None:
    assert chain.explain_revert([], "0xdeadbeef").text == "the contract refused with the unknown error 0xdeadbeef"
    for nothing in ("0x", "", None, {}, "no hex"):
        assert chain.explain_revert([], nothing) == ("contract_refused", "the contract refused")


def test_signal_names_and_field_are_those_of_python() -> None:
    source = (places.data_dir("verifier_contracts") / "src/libraries/Signals.sol").read_text()
    indices = re.findall(r"uint256 internal constant (\w+) = (\d);", source)
    assert [(name.lower(), int(index)) for name, index in indices[: len(NAMES)]] == [(n, k) for k, n in enumerate(NAMES)]
    assert f"FIELD = {R};" in source


def test_empty_books_are_those_of_python() -> None:
    source = (places.data_dir("verifier_contracts") / "src/libraries/EmptyBook.sol").read_text()
    for slots in SIZES:
        assert f"SLOTS_{slots} = {empty_commitment(slots)};" in source


def test_what_nobody_attests_is_that_of_python() -> None:
    source = (places.data_dir("verifier_contracts") / "src/libraries/Custody.sol").read_text()
    for slots in SIZES:
        assert f"NONE_{slots} = {empty_attestation(slots)};" in source


def test_compiler_settings_are_those_of_forge() -> None:
    forge = tomllib.loads((places.data_dir("verifier_contracts") / "foundry.toml").read_text())["profile"]["default"]
    assert (forge["evm_version"], forge["optimizer_runs"]) == (contracts.EVM_VERSION, contracts.OPTIMIZER_RUNS)
    assert (forge["bytecode_hash"], forge["cbor_metadata"]) == ("none", False)


# --- calldata --------------------------------------------------------------------------------------------------------------


def _in_node(script: str, data: object) -> str:
    """Run a script that has ``data`` and the packages ejs and snarkjs at hand."""
    head = 'import { readFileSync } from "node:fs"; const data = JSON.parse(readFileSync(0));'
    argv = ["--input-type=module", "-e", f"{head} {script}"]
    return node.run_node(argv, cwd=node.ensure_node_packages(), stdin=json.dumps(data).encode(), timeout=60).stdout


def test_solidity_text_is_that_of_snarkjs() -> None:
    proof = markets.trapdoor().prove((0, 1, R - 1, 2**200, 4, 5, 6, 7, 8))
    script = """
        import * as snarkjs from "snarkjs";
        console.log(await snarkjs.groth16.exportSolidityCallData(data.proof, data.signals)); process.exit(0);
    """
    theirs = _in_node(script, {"proof": proof.to_snarkjs(), "signals": proof.signal_strings()})
    ours = ProofArguments.from_proof(proof).to_solidity()
    assert json.loads(f"[{ours}]") == json.loads(f"[{theirs}]")


def test_points_go_in_as_the_precompile_takes_them() -> None:
    arguments = markets.arguments(markets.trapdoor(), range(9))
    x = FQ2([arguments.b[0][1], arguments.b[0][0]])
    y = FQ2([arguments.b[1][1], arguments.b[1][0]])
    assert y * y == x * x * x + FQ2([3, 0]) / FQ2([9, 1])
    assert FQ(arguments.a[1]) ** 2 == FQ(arguments.a[0]) ** 3 + 3


def test_numbers_past_their_fields_are_refused() -> None:
    arguments = markets.arguments(markets.trapdoor(), [0] * 9)
    (x, y), b = arguments.a, arguments.b
    past = [{"a": (x + Q, y)}, {"a": (x, y + Q)}, {"a": (x, -y)}, {"c": (Q, 0)}, {"c": (0, 2**256)}]
    past += [{"b": ((b[0][0] + Q, b[0][1]), b[1])}, {"b": (b[0], (b[1][0], Q))}]
    for change in past:
        with pytest.raises(ProofInvalid, match="base field"):
            replace(arguments, **change)
    for k in range(9):
        for signal in (R, R + 1, -1, 2**256):
            with pytest.raises(ProofInvalid, match=f"signal {k} "):
                replace(arguments, signals=(*[0] * k, signal, *[0] * (8 - k)))


def test_other_numbers_of_signals_are_refused() -> None:
    arguments = markets.arguments(markets.trapdoor(), [0] * 9)
    with pytest.raises(InputError, match="8 public signals"):
        replace(arguments, signals=(0,) * 8)
