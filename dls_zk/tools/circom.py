"""The circom compiler."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError, ToolError
from ..storage import built, places
from ..storage.built import BuiltCircuit
from .node import package_file, run_node
from .process import ANSI

#: A warning of circom: its code and its first line.
_WARNING = re.compile(r"^warning\[(\w+)\]: (.*)$", re.MULTILINE)


def compile_circuit(
    name: str, *, sources: Path | None = None, allowed: Sequence[str] = (), force: bool = False
) -> BuiltCircuit:
    """Compile main/<name>.circom of ``sources`` (the package's circuits by default), or find it in the cache.

    allowed: regular expressions for the warnings that are explained, each matched against the whole of
    ``CODE: text`` (the warning's first line). Any other warning is an error, as the flags ask for circom's
    --inspect. ToolError if circom fails or warns; InputError if there is no such circuit.
    """
    sources = sources or places.data_dir("circuits")
    places.require_circuit_name(name)
    if not (sources / "main" / f"{name}.circom").is_file():
        known = ", ".join(sorted(path.stem for path in (sources / "main").glob("*.circom")))
        raise InputError(f"there is no circuit {name}; there are: {known or 'none'}")
    key = built.content_key(name, sources)
    target = places.circuit_dir(name, key)

    def fill(folder: Path) -> None:
        _compile_into(name, sources, allowed, folder)
        built.write_manifest(folder, circuit=name, content_key=key, flags=" ".join(built.CIRCOM_FLAGS))

    built.build(target, fill, force=force)
    return built.built_circuit(name, sources)


@contextmanager
def run_circom(name: str, flags: Sequence[str], sources: Path) -> Iterator[tuple[Path, str]]:
    """Run circom on main/<name>.circom of ``sources``; for the length of a ``with``, the folder with what it made.

    Yields that folder and what circom said on stderr, without colours. ToolError if it fails.
    """
    constants = package_file("circomlib", "circuits/poseidon_constants.circom")
    with tempfile.TemporaryDirectory(prefix="dls-zk-circom-") as scratch:
        root = Path(scratch)  # the WebAssembly circom sees only what is below its cwd
        shutil.copytree(sources, root / "circuits")
        (root / "circomlib").mkdir()
        (root / "out").mkdir()
        shutil.copy(constants, root / "circomlib")
        result = run_node(
            [package_file("circom2", "cli.js"), f"circuits/main/{name}.circom", *flags, "-l", "circomlib", "-o", "out"],
            cwd=root,
            timeout=600,
            advice="see the circuit's source",
        )
        yield root / "out", ANSI.sub("", result.stderr)


def _compile_into(name: str, sources: Path, allowed: Sequence[str], folder: Path) -> None:
    """Put <name>.r1cs, .wasm and .sym into ``folder``."""
    with run_circom(name, built.CIRCOM_FLAGS, sources) as (out, said):
        warnings = [f"{code}: {text}" for code, text in _WARNING.findall(said)]
        unexplained = [text for text in warnings if not any(re.fullmatch(pattern, text) for pattern in allowed)]
        if unexplained:
            raise ToolError(f"circom warns of {name}, which fails the build; 1 of {len(unexplained)}: {unexplained[0]}")
        for made in (f"{name}.r1cs", f"{name}.sym", f"{name}_js/{name}.wasm"):
            if not (out / made).is_file():
                raise ToolError(f"circom ended well but made no {made}; run `dls-zk doctor`")
            shutil.move(out / made, folder)
