"""The commands and programs of the README and of docs/ run, as a reader would type them."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

#: A block of these languages runs; one that cannot is marked ``text``.
RUN = ("sh", "python")
#: From this section on, the blocks of the operator's page belong to one shell, in which a chain is up.
OPERATOR, ON_A_CHAIN = "operate.md", "On a chain"
#: Blocks elsewhere that go on in that shell; None is the whole page.
SAME_CHAIN = {"depositor.md": None, "python.md": "Read a vault from a chain"}
#: The last block of that shell.
STOP = "kill %1\n"


@dataclass(frozen=True)
class Block:
    page: str
    section: str
    language: str
    text: str

    @property
    def shell(self) -> str:
        return self.text if self.language == "sh" else f"python - <<'PYTHON'\n{self.text}PYTHON\n"


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found, section = [], ""
    for match in re.finditer(r"^## ([^\n]+)$|^```(\S*)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL):
        if match[1]:
            section = match[1]
        else:
            found.append(Block(page.name, section, match[2], match[3]))
    return found


def on_a_chain() -> list[Block]:
    """The blocks that share a chain: the operator's day, then the others' pages; the block that stops the chain is last."""
    operator = [block for block in blocks(ROOT / "docs" / OPERATOR) if block.language in RUN]
    first = next(k for k, block in enumerate(operator) if block.section == ON_A_CHAIN)
    others = [
        block
        for page, section in SAME_CHAIN.items()
        for block in blocks(ROOT / "docs" / page)
        if block.language in RUN and section in (None, block.section)
    ]
    together = operator[first:] + others
    return [block for block in together if block.text != STOP] + [block for block in together if block.text == STOP]


def alone(page: Path) -> list[Block]:
    """A page's other blocks, which share a shell; those of the README without its two commands."""
    shared = on_a_chain()
    mine = [block for block in blocks(page) if block.language in RUN and block not in shared]
    return [block for block in mine if "./scripts/demo" not in block.text]


def run(shell: list[Block], folder: Path, **variables: str) -> str:
    """Run blocks in one bash that starts in the root of the checkout; its temporary files are in ``folder``."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "TMPDIR": str(folder)} | variables
    script = "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + "\n".join(block.shell for block in shell)
    result = subprocess.run(["bash", "-euc", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def made(folder: Path) -> set[str]:
    """Files below the one temporary folder that the blocks made."""
    (work,) = (path for path in folder.iterdir() if path.is_dir())
    return {path.relative_to(work).as_posix() for path in work.rglob("*") if path.is_file()}


def proven(folder: str) -> set[str]:
    return {f"{folder}/{name}" for name in ("proof.json", "opening.json", "terms.yaml")}


# --- the pages --------------------------------------------------------------------------------------


def test_the_two_commands_are_there() -> None:
    first = next(block for block in blocks(ROOT / "README.md") if block.language == "sh")
    commands = [line.split("#")[0].strip() for line in first.text.splitlines()]
    assert commands == ["./scripts/demo", "./scripts/test"]
    assert all(os.access(ROOT / command, os.X_OK) for command in commands)


def test_the_readme_is_a_page_and_says_first_what_it_is() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 120
    assert "Experimental, not audited" in "\n".join(lines[:10])


@pytest.mark.parametrize("page", [page for page in PAGES if alone(page)], ids=lambda page: page.stem)
def test_the_page_runs(page: Path, tmp_path: Path) -> None:
    run(alone(page), tmp_path)
    expected = {
        "README.md": proven("first"),
        "operate.md": proven("first") | proven("second")
        | {"calldata.json", "Groth16Verifier_rebalance_16.sol", "verification_key.json"},
        "python.md": proven("first"),
    }  # fmt: skip
    if page.name in expected:
        assert made(tmp_path) == expected[page.name]


def test_the_pages_that_share_a_chain(tmp_path: Path) -> None:
    port = str(free_port())
    shared = [Block(b.page, b.section, b.language, b.text.replace("8545", port)) for b in on_a_chain()]
    assert {block.page for block in shared} == {OPERATOR, *SAME_CHAIN}
    said = run(shared, tmp_path, DLS_ZK_RPC=f"http://127.0.0.1:{port}")
    assert proven("r1") <= made(tmp_path)
    assert "Delta-neutral ETH vault: active, 2 rebalances" in said
    for row in re.findall(r"^\| (`[a-z `,]+`)", (ROOT / "docs" / "depositor.md").read_text(), re.MULTILINE):
        for name in re.findall(r"`(.+?)`", row):  # what the page says about `vault status`
            assert re.search(rf"\b{name} ", said), name
    with socket.socket() as probe:  # the chain that the page stops is stopped
        assert probe.connect_ex(("127.0.0.1", int(port))) != 0


def test_every_block_says_what_it_is() -> None:
    for page in [*PAGES, ROOT / "CONTRIBUTING.md"]:
        for block in blocks(page):
            assert block.language in (*RUN, "text", "yaml", "json", "csv"), f"{page.name}: {block.text[:40]}"
