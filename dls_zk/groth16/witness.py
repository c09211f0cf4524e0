"""Circuit inputs to witness: circom's WebAssembly witness generator, run in this process by wasmtime.

The generator is loaded once and instantiated anew for each witness, so nothing of one is left for the next. A small
module of ours ("glue") moves whole arrays in and out, since a call from Python for each 32-bit word would take seconds.
Compiling the generator to machine code takes seconds too, so the result is kept beside it.

The inputs and the witness are secret: they are in no message, and nothing of them is written to a file.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from struct import pack

import wasmtime

from ..errors import InputError, StatementRefused, ToolError
from ..statement.constants import FIELD
from ..storage import disk, places
from ..storage.built import BuiltCircuit
from ..storage.trust import require_trusted

#: An input of a circuit: one field element, or nested lists of them in circom's order.
Value = int | Sequence["Value"]

_ASSERT_FAILED = 4  # of circom's codes for ``exceptionHandler``
_MESSAGE_LIMIT = 1 << 16  # characters
_PAGE = 1 << 16

#: Steps after which a generator is stopped, so that a broken one cannot run for ever: 25 times those of the largest circuit.
STEP_LIMIT = 10**10

#: What we call of a generator: the number of its parameters and of its results, all of them i32.
_INTERFACE = {
    "getVersion": (0, 1),
    "getFieldNumLen32": (0, 1),
    "init": (1, 0),
    "getInputSize": (0, 1),
    "getInputSignalSize": (2, 1),
    "getWitnessSize": (0, 1),
    "getMessageChar": (0, 1),
}

# ``put`` sets a whole input signal from our memory, ``take`` copies the whole witness into it. Both use circom's ABI:
# a field element passes through a shared buffer, 32 bits at a time.
_GLUE = """
(module
  (import "circuit" "writeSharedRWMemory" (func $write (param i32 i32)))
  (import "circuit" "setInputSignal" (func $set (param i32 i32 i32)))
  (import "circuit" "getWitness" (func $get (param i32)))
  (import "circuit" "readSharedRWMemory" (func $read (param i32) (result i32)))
  (memory (export "room") 1)
  (func (export "put") (param $msb i32) (param $lsb i32) (param $count i32)
    (local $i i32) (local $j i32) (local $at i32)
    (block $done
      (loop $elements
        (br_if $done (i32.ge_u (local.get $i) (local.get $count)))
        (local.set $j (i32.const 0))
        (loop $words
          (call $write (local.get $j) (i32.load (local.get $at)))
          (local.set $at (i32.add (local.get $at) (i32.const 4)))
          (local.set $j (i32.add (local.get $j) (i32.const 1)))
          (br_if $words (i32.lt_u (local.get $j) (i32.const 8))))
        (call $set (local.get $msb) (local.get $lsb) (local.get $i))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $elements))))
  (func (export "take") (param $count i32)
    (local $i i32) (local $j i32) (local $at i32)
    (block $done
      (loop $elements
        (br_if $done (i32.ge_u (local.get $i) (local.get $count)))
        (call $get (local.get $i))
        (local.set $j (i32.const 0))
        (loop $words
          (i32.store (local.get $at) (call $read (local.get $j)))
          (local.set $at (i32.add (local.get $at) (i32.const 4)))
          (local.set $j (i32.add (local.get $j) (i32.const 1)))
          (br_if $words (i32.lt_u (local.get $j) (i32.const 8))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $elements)))))
"""


@cache
def _engine() -> wasmtime.Engine:
    config = wasmtime.Config()
    config.consume_fuel = True  # counts steps
    return wasmtime.Engine(config)


@cache
def _glue() -> wasmtime.Module:
    return wasmtime.Module(_engine(), bytes(wasmtime.wat2wasm(_GLUE)))


class WitnessCalculator:
    """The witness generator of one circuit."""

    def __init__(self, circuit: BuiltCircuit) -> None:
        self.circuit = circuit.name
        self._module = _load(circuit)

    def calculate(self, inputs: Mapping[str, Value]) -> bytes:
        """The witness: n field elements of 32 bytes, little-endian, the first of them 1. Secret.

        inputs: every input signal of the circuit by name, with exactly as many elements as it has, each an int with
        0 ≤ x < FIELD. InputError if they are not that. StatementRefused if a constraint fails for them. ToolError if the
        generator is broken or does not end.
        """
        run = _Run(self.circuit, self._module)
        try:
            return run.witness(inputs)
        finally:
            run.close()


class _Run:
    """One instance of a generator, for one witness."""

    def __init__(self, circuit: str, module: wasmtime.Module) -> None:
        self._circuit = circuit
        self._store = wasmtime.Store(_engine())
        self._store.set_fuel(STEP_LIMIT)
        self._code = 0
        self._messages: list[str] = []
        nothing, number = wasmtime.FuncType([], []), wasmtime.FuncType([wasmtime.ValType.i32()], [])
        linker = wasmtime.Linker(_engine())
        for name, kind, handler in (
            ("exceptionHandler", number, self._on_exception),
            ("printErrorMessage", nothing, self._on_message),
            ("writeBufferMessage", nothing, lambda: None),  # log() in a circuit: may show secrets
            ("showSharedRWMemory", nothing, lambda: None),
        ):
            linker.define_func("runtime", name, kind, handler)
        try:
            generator = linker.instantiate(self._store, module)
            linker.define_instance(self._store, "circuit", generator)
            glue = linker.instantiate(self._store, _glue())
        except wasmtime.WasmtimeError:
            self._store.close()
            raise ToolError(
                f"wasmtime cannot start the witness generator of {circuit}: either it is none of circom 2, or the limit of "
                "address space is too low (it reserves some GiB, of which it uses little; `ulimit -v unlimited`)"
            ) from None
        self._exports = dict(generator.exports(self._store).items()) | dict(glue.exports(self._store).items())
        if not all(self._has(name, *shape) for name, shape in _INTERFACE.items()):
            self._store.close()
            raise self._foreign()

    def _has(self, name: str, parameters: int, results: int) -> bool:
        function = self._exports.get(name)
        if not isinstance(function, wasmtime.Func):
            return False
        kind = function.type(self._store)
        return [*map(str, kind.params), "", *map(str, kind.results)] == ["i32"] * parameters + [""] + ["i32"] * results

    def _foreign(self) -> ToolError:
        return ToolError(f"the witness generator of {self._circuit} is not one of circom 2 for BN254")

    def _call(self, name: str, *arguments: int) -> int:
        """Call a function of the generator's or of the glue's."""
        function = self._exports[name]
        assert isinstance(function, wasmtime.Func)
        return function(self._store, *arguments)

    def _on_exception(self, code: int) -> None:
        self._code = code
        raise _Stopped

    def _on_message(self) -> None:
        characters: list[str] = []
        while (character := self._call("getMessageChar")) and len(characters) < _MESSAGE_LIMIT:
            characters.append(chr(character % 128))
        self._messages.append("".join(characters))

    def close(self) -> None:
        """Free the instance's memory now, not when the garbage collector comes by."""
        self._store.close()

    def witness(self, inputs: Mapping[str, Value]) -> bytes:
        total = 0
        try:
            if self._call("getVersion") != 2 or self._call("getFieldNumLen32") != 8:
                raise self._foreign()
            self._call("init", 0)
            for name, value in inputs.items():
                total += self._set(name, value)
            if total < self._call("getInputSize"):
                raise InputError(f"{total} of the {self._call('getInputSize')} inputs given", self._circuit)
            count = self._call("getWitnessSize")
            memory = self._room(count * 32)
            self._call("take", count)
        except (_Stopped, wasmtime.Trap, wasmtime.WasmtimeError):
            raise self._refusal() from None
        return bytes(memory.read(self._store, 0, count * 32))

    def _set(self, name: str, value: Value) -> int:
        """Set one input signal; the number of its elements."""
        where = f"{self._circuit}, input {name}"
        elements = _flatten(value, where)
        msb, lsb = _fnv1a(name)
        expected = self._call("getInputSignalSize", msb, lsb)
        if expected <= 0:
            raise InputError("the circuit has no such input", where)
        if len(elements) != expected:
            raise InputError(f"{len(elements)} elements; the circuit takes {expected}", where)
        memory = self._room(len(elements) * 32)
        memory.write(self._store, b"".join(x.to_bytes(32, "little") for x in elements), 0)
        self._call("put", msb, lsb, len(elements))
        return expected

    def _room(self, size: int) -> wasmtime.Memory:
        """The glue's memory, with room for ``size`` bytes."""
        memory = self._exports["room"]
        assert isinstance(memory, wasmtime.Memory)
        missing = size - memory.data_len(self._store)
        if missing > 0:
            memory.grow(self._store, -(-missing // _PAGE))
        return memory

    def _refusal(self) -> StatementRefused | ToolError:
        """What to say of a generator that stopped: of its own words no more than the name of a template."""
        if self._store.get_fuel() == 0:
            return ToolError(f"the witness generator of {self._circuit} does not end and was stopped")
        if self._code != _ASSERT_FAILED:
            return ToolError(f"the witness generator of {self._circuit} failed with code {self._code}")
        template = re.search(r"[Tt]emplate (\w+?)_\d+\b", " ".join(self._messages))
        part = f"template {template[1]}" if template else "a constraint"
        return StatementRefused(f"the circuit {self._circuit} refuses these inputs: {part} is not satisfied")


class _Stopped(Exception):
    """Raised through the generator to end it, when it reports an error."""


def _flatten(value: Value, where: str) -> list[int]:
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value < FIELD:
            raise InputError("an element is not canonical (0 ≤ x < the order of the field)", where)
        return [value]
    if isinstance(value, (list, tuple)):
        return [element for part in value for element in _flatten(part, where)]
    raise InputError("neither an integer nor a list of integers", where)


def _fnv1a(name: str) -> tuple[int, int]:
    """circom's hash of a signal's name (64-bit FNV-1a), as two signed 32-bit halves."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) % (1 << 64)
    msb, lsb = (half - (half >> 31 << 32) for half in (value >> 32, value & 0xFFFFFFFF))
    return msb, lsb


def to_wtns(witness: bytes) -> bytes:
    """A witness in the .wtns container (version 2), which snarkjs and rapidsnark read."""
    header = pack("<I", 32) + FIELD.to_bytes(32, "little") + pack("<I", len(witness) // 32)
    sections = (pack("<IQ", number, len(content)) + content for number, content in ((1, header), (2, witness)))
    return b"wtns" + pack("<II", 2, 2) + b"".join(sections)


# --- the cache of compiled generators ---------------------------------------------------------------------------


def _load(circuit: BuiltCircuit) -> wasmtime.Module:
    """The generator's module: from the cache if what is there is what we wrote, else compiled and put there."""
    compiled, record = _cache_files(circuit)
    for path in (compiled, record):
        require_trusted(path, places.HOME_ADVICE)
    try:
        machine_code = compiled.read_bytes()
        # Loading machine code is running it: only if its hash is the one that was recorded with this very wasm.
        if json.loads(record.read_text()) == _record(circuit, machine_code):
            return wasmtime.Module.deserialize(_engine(), machine_code)
    except (OSError, ValueError, wasmtime.WasmtimeError):
        pass  # not there, damaged, or of another version: made anew
    try:
        module = wasmtime.Module(_engine(), circuit.wasm.read_bytes())
    except wasmtime.WasmtimeError:
        raise ToolError(f"wasmtime cannot load the witness generator of {circuit.name}") from None
    machine_code = bytes(module.serialize())
    with suppress(InputError):  # a full disk or a shared cache: then the next process compiles again
        disk.write_atomic(compiled, machine_code, mode=0o600)
        disk.write_atomic(record, json.dumps(_record(circuit, machine_code)), mode=0o600)
    return module


def _cache_files(circuit: BuiltCircuit) -> tuple[Path, Path]:
    name = f"{circuit.name}.wasmtime-{importlib.metadata.version('wasmtime')}-{platform.machine()}-counted"
    folder = circuit.manifest.folder
    return folder / f"{name}.cwasm", folder / f"{name}.json"


def _record(circuit: BuiltCircuit, machine_code: bytes) -> dict[str, str]:
    return {"wasm_sha256": circuit.wasm_sha256, "cwasm_sha256": hashlib.sha256(machine_code).hexdigest()}
