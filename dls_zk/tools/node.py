"""Node, npm, and the Node packages of the lock file."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import ToolError
from ..storage import built, places
from ..storage.trust import require_trusted_tree
from .process import environment, run

#: Says what is about to be fetched: on stderr, unless a program that uses this package has set up its logging.
logger = logging.getLogger("dls_zk")
NPM_REGISTRY = "registry.npmjs.org (unless .npmrc names another)"
NODE_PACKAGES_SIZE = "about 220 MB"
NODE_REQUIRED = 20
NODE_ANSWERS_WITHIN = 20  # seconds, for --version
_ENVIRONMENT_NPM = re.compile(r"(?i)(npm_config_.*|https?_proxy|no_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR))")


def node_path() -> Path:
    """The node program: $DLS_ZK_NODE, else the first on the PATH. ToolError if missing, too old, or hung."""
    chosen = os.environ.get("DLS_ZK_NODE") or shutil.which("node")
    if not chosen:
        raise ToolError(
            f"node is not on the PATH; install Node.js {NODE_REQUIRED} or newer, or set DLS_ZK_NODE", code="tool_missing"
        )
    node_version(chosen)
    return Path(chosen)


@cache
def node_version(path: str) -> str:
    advice = f"install Node.js {NODE_REQUIRED} or newer, or set DLS_ZK_NODE to one"
    version = run([path, "--version"], timeout=NODE_ANSWERS_WITHIN, advice=advice).stdout.strip()
    major = re.fullmatch(r"v(\d+)\.\d+\.\d+\S*", version)
    if not major:
        raise ToolError(f"{path} does not answer like node; {advice}")
    if int(major[1]) < NODE_REQUIRED:
        raise ToolError(f"{path} is node {version}, which is too old; {advice}", code="tool_missing")
    return version.removeprefix("v")


def npm_path() -> Path:
    """The npm that came with our node, else the first on the PATH."""
    beside = node_path().with_name("npm")
    found = beside if beside.is_file() else shutil.which("npm")
    if not found:
        raise ToolError("npm is neither beside node nor on the PATH; install it with Node.js", code="tool_missing")
    return Path(found)


def ensure_node_packages() -> Path:
    """The folder with the Node packages of the lock file, installed by ``npm ci`` if they are not there yet."""
    target = places.node_dir()

    def install(folder: Path) -> None:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(places.node_sources() / name, folder)
        npm = {name: value for name, value in os.environ.items() if _ENVIRONMENT_NPM.fullmatch(name)}
        if not os.access(os.environ.get("HOME", ""), os.W_OK):  # a service, a container: no place for npm's own cache
            npm = {"npm_config_cache": str(folder / ".npm")} | npm
        chosen = {name.lower(): value for name, value in npm.items()}.get("npm_config_registry", "")
        registry = urlsplit(chosen).hostname or NPM_REGISTRY  # of a URL that may hold a password, the host only
        logger.warning(
            "First use: fetching circom, snarkjs, solc and Foundry (%s of Node packages) from %s into %s …",
            NODE_PACKAGES_SIZE,
            registry,
            target,
        )
        path = os.pathsep.join([str(node_path().parent), os.environ.get("PATH", os.defpath)])
        run(
            [npm_path(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"],
            cwd=folder,
            env=environment() | npm | {"PATH": path},
            timeout=900,
            advice="check the network, the disk and npm's registry setting, then run it again",
        )
        shutil.rmtree(folder / ".npm", ignore_errors=True)

    built.build(target, install)
    require_trusted_tree(target, places.HOME_ADVICE)
    return target


def package_file(package: str, name: str) -> Path:
    """A file of an installed Node package; ToolError if it is not there."""
    path = ensure_node_packages() / "node_modules" / package / name
    if not path.exists():
        folder = places.node_dir()
        raise ToolError(f"the Node package {package} is incomplete ({name} is missing); remove {folder} and run again")
    return path


def node_script(name: str) -> Path:
    """One of the package's own *.mjs scripts, in a place where its imports resolve."""
    ensure_node_packages()
    folder = places.node_scripts_dir()

    def copy(target: Path) -> None:
        for path in places.node_sources().glob("*.mjs"):
            shutil.copy(path, target)

    built.build(folder, copy)
    return folder / name


def run_node(argv: Sequence[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
    """``run`` with node before ``argv``: a script from ``node_script`` or ``package_file``, and its arguments."""
    return run([node_path(), *argv], **options)
