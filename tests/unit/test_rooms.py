"""How the house is laid out: a room imports from the rooms below it only, and no files import each other in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from dls_zk.cli.main import COMMANDS, main
from dls_zk.storage.places import PACKAGE

#: Rooms and lone modules, the lowest floor first. A module may import from its own floor's room and from lower floors.
FLOORS = (
    ("errors", "progress"),
    ("statement",),
    ("storage",),
    ("files",),
    ("openings",),
    ("checking",),
    ("tools",),
    ("groth16",),
    ("solidity", "audit"),
    ("chain",),
    ("operations", "attest"),
    ("covenant", "reconciling"),
    ("cli",),
    ("__main__",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

#: Imports that the pure room may not have: they open files, start programs, or speak to a node.
IMPURE = {"os", "io", "pathlib", "subprocess", "socket", "sqlite3", "tempfile", "shutil", "requests", "web3", "click"}


def modules() -> dict[str, Path]:
    """Dotted names below the package → files; a room by its own name."""
    named = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts[0] not in ("node", "_data"):
            named[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return named


MODULES = modules()


def imports(name: str, *, only_at_runtime: bool = True) -> Iterator[str]:
    """The dotted names that a module imports, wherever in it: ours by their place below the package, others whole."""
    path = MODULES[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]

    def visit(node: ast.AST) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if only_at_runtime and isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.Import):
                yield from (f"/{alias.name}" for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                if child.level:
                    parts = package.split(".") if package else []
                    base = ".".join([*parts[: len(parts) - child.level + 1], *([child.module] if child.module else [])])
                    for alias in child.names:
                        full = f"{base}.{alias.name}" if base else alias.name
                        yield full if full in MODULES else base
                else:
                    yield f"/{child.module}"
            yield from visit(child)

    return visit(ast.parse(path.read_text()))


@pytest.mark.parametrize("name", [name for name in MODULES if name])
def test_no_import_upwards(name: str) -> None:
    floor = FLOOR[name.split(".")[0]]
    for imported in imports(name, only_at_runtime=False):
        assert not imported.startswith(("/dls_zk", "/tests")), f"{name} imports {imported[1:]} by its absolute name"
        if not imported.startswith("/") and imported:
            room = imported.split(".")[0]
            below = FLOOR[room] < floor or room == name.split(".")[0]
            assert below, f"{name} imports {imported}, which is on a higher floor or beside it"


def test_no_circle() -> None:
    graph = {name: {i for i in imports(name) if i in MODULES and i != name} for name in MODULES}
    done: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"circle: {' → '.join((*path[path.index(name) :], name))}"
        if name not in done:
            for imported in sorted(graph[name]):
                walk(imported, (*path, name))
            done.add(name)

    for name in sorted(graph):
        walk(name, ())


@pytest.mark.parametrize("name", [name for name in MODULES if name.split(".")[0] == "statement"])
def test_the_statement_is_pure(name: str) -> None:
    foreign = {imported[1:].split(".")[0] for imported in imports(name) if imported.startswith("/")}
    assert not foreign & IMPURE


def test_only_the_tools_start_programs() -> None:
    starters = {name for name in MODULES if "/subprocess" in set(imports(name))}
    assert {name.split(".")[0] for name in starters} == {"tools"}


def test_web3_is_in_the_chain_room_alone() -> None:
    users = {name for name in MODULES if any(i.startswith(("/web3", "/eth_account")) for i in imports(name))}
    assert {name.split(".")[0] for name in users} <= {"chain"}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_of_commands_says_what_they_say(name: str) -> None:
    command = main.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None and command.name == name
    assert command.get_short_help_str(200) == COMMANDS[name][1]


def test_documents_are_built_by_reading_only():
    """What a file holds is checked where it is read; a document that is built without its checks could hold anything."""
    unchecked = [path.name for path in MODULES.values() if "model_construct" in path.read_text()]
    assert not unchecked
