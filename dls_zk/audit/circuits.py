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

#: What circom's compiler writes after an assertion that failed: report, then give up.
_GIVE_UP = "call $printErrorMessage\ni32.const 4\nreturn\nend"


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
        return calculator(self.built.name, bytes(wasmtime.wat2wasm(self._without_assertions())))

    def _without_assertions(self) -> str:
        name = self.built.name
        with circom.run_circom(name, ["--wat", "--O1"], self.sources) as (out, _):
            text = (out / f"{name}_js" / f"{name}.wat").read_text()
        stripped, count = re.subn(re.escape(_GIVE_UP), "call $printErrorMessage\nend", text)
        if not count:
            raise ToolError("circom's way to assert has changed: its witness generator has no assertion that is known here")
        # circom writes the text format's old spellings.
        stripped = re.sub(r"\b(get|set|tee)_(local|global)\b", r"\2.\1", stripped)
        stripped = re.sub(r"\bi64\.extend_([us])/i32\b", r"i64.extend_i32_\1", stripped)
        return stripped.replace("i32.wrap/i64", "i32.wrap_i64")

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

    def violated(self, wires: Sequence[int]) -> list[int]:
        """The constraints that these wires do not satisfy."""

        def value(side: Mapping[int, int]) -> int:
            return sum(factor * wires[wire] for wire, factor in side.items()) % FIELD

        return [k for k, (a, b, c) in enumerate(self.system) if value(a) * value(b) % FIELD != value(c)]

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
