"""Circuits under test: honest witnesses, witnesses of a prover who ignores every assertion, and the r1cs as the judge.

circom's generator stops at the first assertion that fails, which says nothing about the constraints. Here its assertions are
taken out, so that it computes the wrong witness to the end, and the constraints alone decide.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path

import wasmtime

from ..errors import ToolError
from ..groth16 import witness
from ..groth16.r1cs import Constraint, constraints
from ..groth16.witness import Value, WitnessCalculator
from ..statement.constants import FIELD
from ..storage import places
from ..storage.built import BuiltCircuit
from ..tools import circom

#: What circom's compiler writes after an assertion that failed: report (a call of an import of the runtime), then give up
#: (i32.const 4, return, end); and as many bytes that go on.
_REPORT, _GIVE_UP, _GO_ON = b"\x10", b"\x41\x04\x0f\x0b", b"\x01\x01\x01\x0b"
_RUNTIME = b"\x07runtime"


class Circuit:
    """A compiled circuit with all that the tests ask of it."""

    def __init__(self, built: BuiltCircuit, sources: Path) -> None:
        self.built, self.sources = built, sources

    @cached_property
    def checked(self) -> WitnessCalculator:
        """The generator as it is deployed."""
        return WitnessCalculator(self.built)

    @cached_property
    def unchecked(self) -> WitnessCalculator:
        """The same generator without its assertions."""
        return calculator(self.built.name, self._without_assertions())

    def _without_assertions(self) -> bytes:
        wasm = self.built.wasm.read_bytes()
        imports, found, _ = wasm.partition(_RUNTIME + b"\x11printErrorMessage\x00")
        report = _REPORT + bytes([imports.count(_RUNTIME)])  # the number of the import
        count = wasm.count(report + _GIVE_UP)
        if not found or not count or count != wasm.count(_GIVE_UP):
            raise ToolError("circom's way to assert has changed: its witness generator has no assertion that is known here")
        return wasm.replace(report + _GIVE_UP, report + _GO_ON)

    @cached_property
    def system(self) -> tuple[Constraint, ...]:
        """The constraints of the r1cs."""
        return tuple(constraints(self.built.r1cs))

    @cached_property
    def names(self) -> dict[int, list[str]]:
        """Wire → its names in the .sym file."""
        table: dict[int, list[str]] = {}
        for line in self.built.sym.read_text().splitlines():
            _, wire, _, name = line.split(",")
            table.setdefault(int(wire), []).append(name)
        return table

    @cached_property
    def wire(self) -> dict[str, int]:
        """Name → wire."""
        return {name: wire for wire, names in self.names.items() for name in names}

    def honest(self, inputs: Mapping[str, Value]) -> list[int]:
        """The witness of the deployed generator; StatementRefused where one of its assertions fails."""
        return _elements(self.checked.calculate(inputs))

    def lying(self, inputs: Mapping[str, Value]) -> list[int]:
        """The witness of a prover who follows the circuit's hints and ignores its assertions."""
        return _elements(self.unchecked.calculate({name: _reduce(value) for name, value in inputs.items()}))

    @cached_property
    def _judged(self) -> list[tuple[list[tuple[int, int]], ...]]:
        """The constraints as pairs of a small signed factor and a wire: most factors are ±2^k, so products stay short."""

        def signed(side: Mapping[int, int]) -> list[tuple[int, int]]:
            return [(factor if factor <= FIELD // 2 else factor - FIELD, wire) for wire, factor in side.items()]

        return [tuple(map(signed, sides)) for sides in self.system]

    def violated(self, wires: Sequence[int]) -> list[int]:
        """The constraints that these wires do not satisfy."""
        broken = []
        for k, (left, right, product) in enumerate(self._judged):
            a = b = c = 0
            for factor, wire in left:
                a += factor * wires[wire]
            for factor, wire in right:
                b += factor * wires[wire]
            for factor, wire in product:
                c += factor * wires[wire]
            if (a * b - c) % FIELD:
                broken.append(k)
        return broken

    def places(self, constraint: int) -> set[str]:
        """The top-level components that a constraint's wires are named in."""
        a, b, c = self.system[constraint]
        found = {name.split(".")[1] for wire in {*a, *b, *c} - {0} for name in self.names.get(wire, [])}
        return {re.sub(r"\[\d+\]", "", place) for place in found}


def calculator(name: str, wasm: bytes) -> WitnessCalculator:
    """The witness generator in a WebAssembly module that is not (yet) a built circuit's."""
    made = WitnessCalculator.__new__(WitnessCalculator)
    made.circuit = name
    made._module = wasmtime.Module(witness._engine(), wasm)
    return made


@cache
def circuit(name: str) -> Circuit:
    """A circuit of the package."""
    return Circuit(circom.compile_circuit(name), places.data_dir("circuits"))


def compile_template(folder: Path, name: str, instance: str, *includes: str, public: Sequence[str] = ()) -> Circuit:
    """A main of one template: ``instance`` such as ``RangeCheck(8)``, ``includes`` below circuits/, its public inputs."""
    sources = folder / "circuits"
    if not sources.exists():
        shutil.copytree(places.data_dir("circuits"), sources)
    main = f"main {{public [{', '.join(public)}]}}" if public else "main"
    lines = ["pragma circom 2.2.2;", *(f'include "../{path}";' for path in includes), f"component {main} = {instance};", ""]
    (sources / "main" / f"{name}.circom").write_text("\n".join(lines))
    return Circuit(circom.compile_circuit(name, sources=sources, allowed=[".*"]), sources)


def _elements(raw: bytes) -> list[int]:
    return [int.from_bytes(raw[k : k + 32], "little") for k in range(0, len(raw), 32)]


def _reduce(value: Value) -> Value:
    return value % FIELD if isinstance(value, int) else [_reduce(part) for part in value]
