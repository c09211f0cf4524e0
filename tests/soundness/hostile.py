"""Files made to exhaust whoever reads them, and the commands that read them.

As a program (hostile.py FOLDER, the folder of a small vault) it runs every command in this one process and prints a JSON
line for each, then the largest memory that the process ever had, in KiB (Linux).
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dls_zk import files
from dls_zk.groth16 import proof
from tests.soundness.fuzz_targets import TARGETS
from tests.support.binfiles import container, contribution, groth16_header, ptau_sections, r1cs_sections, zkey_sections
from tests.support.commandline import RULES, invoke

CHECK = ("check", *RULES, "--before", "book.csv", "--trades", "trades.csv")
OPEN = ("check", *RULES, "--before", "opening.json", "--heartbeat")
VERIFY = ("verify", "proof.json", "--vkey", "vkey.json")
EXPORT = ("export", "calldata", "proof.json")
CONTRIBUTE = ("setup", "ceremony", "contribute", "in.zkey", "out.zkey", "--name", "Ada")
CEREMONY = ("setup", "ceremony", "verify", "in.zkey", "--ptau", "in.ptau", "--r1cs", "in.r1cs")

MEGABYTES_10 = 10 << 20
TEXT, PROOF = files.FILE_LIMIT, proof.SIZE_LIMIT


@dataclass(frozen=True)
class Attack:
    """A command, and a file of its that is hostile. codes: what it may end with."""

    name: str
    command: tuple[str, ...]
    file: str
    content: bytes
    codes: tuple[int, ...] = (3,)


def attacks() -> Iterator[Attack]:
    big = b"x" * MEGABYTES_10
    for name in ("policy.yaml", "prices.yaml", "book.csv", "trades.csv"):
        yield Attack(f"10 MB as {name}", CHECK, name, big)
    yield Attack("10 MB as an opening", OPEN, "opening.json", big)
    yield Attack("10 MB as a proof", VERIFY, "proof.json", big)
    yield Attack("10 MB as a proof to export", EXPORT, "proof.json", big)
    yield Attack("10 MB as a key", VERIFY, "vkey.json", big)
    for kind, command in (("zkey", CONTRIBUTE), ("ptau", CEREMONY), ("r1cs", CEREMONY)):
        name, magic = f"in.{kind}", kind.encode()
        yield Attack(f"10 MB as {name}", command, name, big, (6,))
        yield Attack(f"10 MB as {name} by its first bytes", command, name, magic + big, (6,))
        section = struct.pack("<IIIQ", 1, 1, 1, 1 << 63)
        yield Attack(f"a section of 2^63 bytes in {name}", command, name, magic + section, (6,))

    head = b"instrument,quantity\n"
    yield Attack("a million rows", CHECK, "book.csv", head + b"ETH,1\n" * 1_000_000)
    yield Attack("as many rows as a file may have", CHECK, "book.csv", _cut(head + b"ETH,1\n" * TEXT))
    yield Attack("a cell as long as a file", CHECK, "book.csv", _cut(head + b"ETH," + b"1" * TEXT))
    yield Attack("as many cells in a row as a file may have", CHECK, "book.csv", _cut(head + b"ETH" + b",1" * TEXT))
    yield Attack("a quote that is not closed", CHECK, "book.csv", _cut(head + b'"' + b"a\n" * TEXT))

    for name, text in _yaml():
        yield Attack(f"{name} as a policy", CHECK, "policy.yaml", _cut(text.encode()))
    yield Attack("aliases of aliases as prices", CHECK, "prices.yaml", _laughs().encode())
    for name, text in _json():
        yield Attack(f"{name} as an opening", OPEN, "opening.json", text.encode()[:TEXT])
        yield Attack(f"{name} as a proof", VERIFY, "proof.json", text.encode()[:PROOF])
        yield Attack(f"{name} as a key", VERIFY, "vkey.json", text.encode()[:PROOF], (6,))

    document = json.loads(TARGETS["proof"].seeds[0])
    yield Attack("100,000 signals", EXPORT, "proof.json", _dump(document | {"public": ["1"] * 100_000}))
    yield Attack("100,000 signals to verify", VERIFY, "proof.json", _dump(document | {"public": ["1"] * 100_000}), (3, 7))
    key = json.loads(TARGETS["vkey"].seeds[0])
    many = key["IC"] + [["1", "2", "1"]] * 60_000
    yield Attack("a key of 60,000 points", VERIFY, "vkey.json", _dump(key | {"IC": many, "nPublic": len(many) - 1}), (8,))
    yield Attack("a key for 10^4000 signals", VERIFY, "vkey.json", _dump(key | {"nPublic": 10**4000}), (6,))
    yield Attack("a zkey of 30,000 signals", CONTRIBUTE, "in.zkey", _zkey_of_many_signals(30_000), (8,))
    yield Attack("a zkey with long parameters", CONTRIBUTE, "in.zkey", _zkey_with(b"\1\0" * 2_000_000), (6,))


def _cut(text: bytes) -> bytes:
    """Just within the limit of a text file."""
    return text[: TEXT - 1] + b"\n"


def _dump(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _yaml() -> Iterator[tuple[str, str]]:
    yield "lists in lists", "[" * TEXT
    yield "mappings in mappings", "{a: " * TEXT
    yield "blocks in blocks", "- " * TEXT
    yield "keys in keys", "? " * TEXT
    yield "an alias", "a: &a [x]\nb: *a\n"
    yield "an alias in itself", "&a [*a]\n"
    yield "aliases of aliases", _laughs()
    yield "a merge", "a: &a {b: c}\nd: {<<: *a}\n"
    yield "a tag", "!!python/object/apply:os.system ['true']\n"
    yield "many keys", "\n".join(f"k{i}: 1" for i in range(TEXT // 8))
    yield "a long list", "[" + "a," * TEXT
    yield "a long number", "size: " + "9" * TEXT
    yield "NaN", "size: .nan\n"
    yield "escapes", 'name: "' + r"\U0001f600" * (TEXT // 10 - 2) + '"'
    yield "comments", "#" * TEXT
    yield "documents", "---\n" * TEXT
    yield "a block of text", "name: |\n" + " x\n" * TEXT


def _laughs() -> str:
    """Ten to the ninth, if aliases were followed."""
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]" for k in range(1, 10)]
    return "\n".join(rows) + "\n"


def _json() -> Iterator[tuple[str, str]]:
    yield "lists in lists", "[" * PROOF
    yield "objects in objects", '{"a":' * (PROOF // 5)
    yield "a long number", "9" * PROOF
    yield "NaN", "[NaN]"
    yield "a long text", '"' + r"\u0041" * (TEXT // 6 - 2) + '"'
    yield "many members", "{" + ",".join(f'"{i}":"1"' for i in range(TEXT // 16)) + "}"
    yield "a long list", "[" + ",".join(['"1"'] * (TEXT // 5)) + "]"


def _zkey_of_many_signals(count: int) -> bytes:
    parts = zkey_sections()
    parts[2] = groth16_header(n_vars=count + 1, n_public=count, domain=4)
    parts[3] = parts[3][:64] * (count + 1)
    parts[5] = parts[6] = bytes(64 * (count + 1))
    parts[7], parts[8] = bytes(128 * (count + 1)), b""
    return container("zkey", parts.items())


def _zkey_with(parameters: bytes) -> bytes:
    return container("zkey", zkey_sections(contribution(b"", 7, parameters=parameters)).items())


def write_good(folder: Path) -> None:
    """Good files beside the hostile one, so that it is reached."""
    for name in ("opening", "proof", "vkey"):
        (folder / f"{name}.json").write_bytes(TARGETS[name].seeds[0])
    for name, sections in (("r1cs", r1cs_sections()), ("zkey", zkey_sections().items()), ("ptau", ptau_sections())):
        (folder / f"in.{name}").write_bytes(container(name, sections))


def main(folder: Path) -> None:
    os.chdir(folder)
    for attack in attacks():
        write_good(folder)
        path = Path(attack.file)
        before = path.read_bytes()
        path.write_bytes(attack.content)
        Path("opening.json").chmod(0o600)
        started = time.process_time()
        done = invoke(*attack.command, stdin=b"entropy\n")
        seconds = time.process_time() - started
        path.write_bytes(before)
        print(json.dumps({"name": attack.name, "codes": attack.codes, "cpu_s": seconds, "result": vars(done)}), flush=True)
    print(next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")).split()[1])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
