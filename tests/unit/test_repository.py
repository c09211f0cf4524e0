"""What the files at the root promise: line endings, lock files, licence and metadata."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from importlib.metadata import metadata
from pathlib import Path

import pytest

import dls_zk

ROOT = Path(__file__).parents[2]
LOCKS = sorted(ROOT.glob("scripts/*.lock"))
NODE_LOCK = ROOT / "dls_zk" / "node" / "package-lock.json"

in_a_clone = pytest.mark.skipif(
    not (ROOT / ".git").exists() or shutil.which("git") is None, reason="git and a clone are needed"
)


def git(*arguments: str, cwd: Path = ROOT) -> str:
    command = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost", *arguments]
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout


# --- line endings -----------------------------------------------------------------------------------


@in_a_clone
def test_every_text_file_has_lf_whatever_the_clone_says() -> None:
    # "i/lf  w/lf  attr/text=auto eol=lf  <tab>path"; i/none is an empty file.
    for line in git("ls-files", "--eol").splitlines():
        columns, path = line.split("\t")
        stored, _, attributes = columns.split(maxsplit=2)
        if stored == "i/-text":
            assert attributes.strip() in ("attr/-text", "attr/text=auto eol=lf"), path
        else:
            assert stored in ("i/lf", "i/none"), f"{path} is committed with CR LF"
            assert attributes.strip() == "attr/text=auto eol=lf", path


@in_a_clone
def test_a_clone_with_autocrlf_has_scripts_that_run(tmp_path: Path) -> None:
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    origin.mkdir()
    git("init", "--quiet", cwd=origin)
    shutil.copy(ROOT / ".gitattributes", origin)
    (origin / "script").write_bytes(b"#!/usr/bin/env bash\nset -euo pipefail\necho runs\n")
    (origin / "script").chmod(0o755)
    (origin / "key.zkey").write_bytes(b"zkey\r\n\n")
    git("add", ".", cwd=origin)
    git("commit", "--quiet", "-m", "Begin", cwd=origin)
    git("clone", "--quiet", "-c", "core.autocrlf=true", str(origin), str(clone))
    assert subprocess.run([clone / "script"], check=True, capture_output=True, text=True).stdout == "runs\n"
    assert (clone / "key.zkey").read_bytes() == b"zkey\r\n\n"


# --- lock files -------------------------------------------------------------------------------------


def test_python_lock_files_hold_names_versions_and_hashes_only() -> None:
    assert LOCKS
    requirement = re.compile(r"[a-z0-9._\[\],-]+==[0-9][0-9a-z.+!]*( ; [^\\:]+)? \\")
    checksum = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
    for lock in LOCKS:
        for number, line in enumerate(lock.read_text().splitlines(), start=1):
            comment = line.lstrip().startswith("#")
            assert "://" not in line, f"{lock.name}:{number} has an address"
            assert comment or requirement.fullmatch(line) or checksum.fullmatch(line), f"{lock.name}:{number}: {line}"


def test_the_node_lock_file_holds_names_versions_and_hashes_only() -> None:
    text = NODE_LOCK.read_text()
    assert "://" not in text
    for path, package in json.loads(text)["packages"].items():
        assert not {"resolved", "funding"} & package.keys(), path
        if path:
            assert re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.+-]*", package["version"]), path
            assert package["integrity"].startswith("sha512-"), path


# --- licence and metadata ---------------------------------------------------------------------------


def test_the_licence_of_the_package_is_the_one_of_the_contracts() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "MIT"
    assert (ROOT / "LICENSE").read_text().startswith("MIT License\n")


def test_the_package_says_its_version_and_that_it_is_typed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert dls_zk.__version__ == project["version"] == metadata("dls-zk")["Version"]
    assert (Path(dls_zk.__file__).parent / "py.typed").is_file()
    assert f"## {project['version']}" in (ROOT / "CHANGELOG.md").read_text()
    with pytest.raises(AttributeError, match="has no attribute 'version'"):
        _ = dls_zk.version
