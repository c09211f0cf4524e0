"""The references in docs/reference, written from the program: scripts/docs runs this.

docs.py write     write them
docs.py check     compare them with the program; exit code 1 if they differ
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from dls_zk.cli.main import main

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
NOTE = "<!-- scripts/docs writes this page from the program; do not edit it. -->\n"
PROGRAM = "dls-zk"

#: What the API reference shows, in this order; a room stands for all its modules.
MODULES = ("dls_zk.operations", "dls_zk.statement.*", "dls_zk.chain", "dls_zk.errors")


# --- the command line -------------------------------------------------------------------------------


def command_reference() -> str:
    """A page with every command of the click tree, groups before their commands."""
    parts = [
        "# Command reference\n",
        NOTE,
        "Every command also takes `-h` or `--help`. [Exit codes](../exit-codes.md) are the same for all commands.\n",
    ]
    for path, command in _commands(main, [PROGRAM]):
        parts += _command(path, command)
    return "\n".join(parts)


def _commands(command: click.Command, path: list[str]) -> Iterator[tuple[list[str], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path[-1])
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None and not inner.hidden:
                yield from _commands(inner, [*path, name])


def _command(path: list[str], command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=" ".join(path))
    yield f"{'#' * min(len(path) + 1, 4)} {' '.join(path)}\n"
    yield from _paragraphs(command.help or "")
    yield _code(" ".join([context.command_path, *command.collect_usage_pieces(context)]))
    options = [
        record
        for parameter in command.get_params(context)
        if "--help" not in parameter.opts and (record := parameter.get_help_record(context)) and record[1]
    ]
    if options:
        yield "Options:\n"
        yield "\n".join(f"- `{names}`: {_escape(' '.join(text.split()))}" for names, text in options) + "\n"
    if isinstance(command, click.Group):
        lines = []
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None and not inner.hidden:
                words = [*path, name]
                lines.append(f"- [{' '.join(words)}](#{'-'.join(words)}): {_escape(_first_sentence(inner.help or ''))}")
        yield "Commands:\n"
        yield "\n".join(lines) + "\n"
    elif command.epilog:
        yield "Example:\n"
        yield _code(_example(command.epilog))


def _example(epilog: str) -> str:
    """The lines of an epilog after "Example:", without click's marker for lines that are left as they are."""
    lines = [line.strip() for line in epilog.replace("\b", "").splitlines()]
    return "\n".join(line for line in lines if line and line != "Example:").removeprefix("Example:").strip()


def _first_sentence(text: str) -> str:
    paragraph = " ".join(inspect.cleandoc(text).split("\n\n")[0].split())
    return re.split(r"(?<=\.)\s", paragraph)[0]


# --- the Python interface -----------------------------------------------------------------------------


def api_reference() -> str:
    """A page with the public names of ``MODULES``, from their signatures and docstrings."""
    parts = [
        "# API reference\n",
        NOTE,
        "Names that are not on this page may change without notice; so may these while the version is below 1.0,\n"
        "with an entry in the changelog. [Python](../python.md) has examples.\n",
    ]
    for module in _modules():
        parts.append(f"## {module.__name__}\n")
        parts += _paragraphs(module.__doc__ or "", keep_lines=True)
        for public in _public(module):
            parts += _documented(public, getattr(module, public))
    return "\n".join(parts)


def _modules() -> Iterator[ModuleType]:
    for name in MODULES:
        room = importlib.import_module(name.removesuffix(".*"))
        if name.endswith(".*"):
            inner = sorted(found.name for found in pkgutil.iter_modules(room.__path__, f"{room.__name__}."))
            yield from (importlib.import_module(one) for one in inner)
        else:
            yield room


def _public(module: ModuleType) -> list[str]:
    """``__all__``, or the classes and functions that a module defines, as they stand in it."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and callable(value) and getattr(value, "__module__", "") == module.__name__
    ]


def _documented(name: str, value: Any) -> Iterator[str]:
    """A class or function; constants (which have no docstring of their own) are left out."""
    if inspect.isclass(value):
        yield f"### {name}\n"
        yield _code(_class_line(name, value), "python")
        if value.__doc__ and not value.__doc__.startswith(f"{name}("):  # not the one that dataclasses write
            yield from _paragraphs(value.__doc__)
        methods = []
        for inner, member in vars(value).items():
            if inner.startswith("_"):
                continue
            function = member.fget if isinstance(member, property) else inspect.unwrap(getattr(member, "__func__", member))
            if function is None or not inspect.isfunction(function):
                function = getattr(member, "func", None)  # functools.cached_property
            if function is None or not function.__doc__:
                continue
            is_value = isinstance(member, property) or not inspect.isfunction(getattr(member, "__func__", member))
            signature = inner if is_value else f"{inner}{_signature(function, method=True)}"
            methods.append(f"- `{' '.join(signature.split())}`: {_text(function.__doc__)}")
        if methods:
            yield "\n".join(methods) + "\n"
    elif inspect.isfunction(value):
        yield f"### {name}\n"
        yield _code(f"{name}{_signature(value)}", "python")
        yield from _paragraphs(value.__doc__ or "")


def _class_line(name: str, value: type) -> str:
    """What makes an object: the fields of a dataclass, the members of an enum, else the parameters of ``__init__``."""
    if issubclass(value, Enum):
        return f"{name}: " + " | ".join(member.name for member in value)
    if is_dataclass(value):
        shown = []
        for field in fields(value):
            if field.name.startswith("_"):
                continue
            default = "" if field.default is MISSING else f" = {_value(field.default)}"
            default = default if field.default_factory is MISSING else " = …"
            shown.append(f"{field.name}: {_annotation(field.type)}{default}")
        return _call(name, shown, "")
    if issubclass(value, BaseException) or "__init__" not in vars(value):
        bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
        return f"{name}({bases})" if bases else name
    return f"{name}{_signature(value.__init__, method=True)}"


def _signature(function: Any, method: bool = False) -> str:
    signature = inspect.signature(function)
    shown, keyword_only = [], False
    parameters = list(signature.parameters.values())
    if method and parameters and parameters[0].name in ("self", "cls"):
        parameters = parameters[1:]
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            shown.append("*")
        star = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**" if parameter.kind is parameter.VAR_KEYWORD else ""
        keyword_only = keyword_only or star == "*"
        annotation = "" if parameter.annotation is parameter.empty else f": {_annotation(parameter.annotation)}"
        equals = " = " if annotation else "="
        default = "" if parameter.default is parameter.empty else f"{equals}{_value(parameter.default)}"
        shown.append(f"{star}{parameter.name}{annotation}{default}")
    returns = signature.return_annotation
    result = "" if returns in (signature.empty, "None", None) else f" -> {_annotation(returns)}"
    return _call("", shown, result)


def _call(name: str, shown: list[str], result: str) -> str:
    line = f"{name}({', '.join(shown)}){result}"
    if len(line) <= 100:
        return line
    return f"{name}(\n" + "".join(f"    {one},\n" for one in shown) + f"){result}"


def _annotation(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _value(value: Any) -> str:
    """A default; functions by their names, so that no address of an object is on the page."""
    return value.__name__ if callable(value) else repr(value)


# --- Markdown -----------------------------------------------------------------------------------------


def _code(text: str, language: str = "text") -> str:
    return f"```{language}\n{text}\n```\n"


def _paragraphs(text: str, keep_lines: bool = False) -> Iterator[str]:
    """A docstring's paragraphs; those that are laid out in columns as they are, if ``keep_lines``."""
    for paragraph in inspect.cleandoc(text.replace("\b", "")).split("\n\n"):
        if not paragraph.strip():
            continue
        laid_out = keep_lines and re.search(r"\S {3,}\S", paragraph)
        yield _code(paragraph.strip("\n")) if laid_out else _text(paragraph) + "\n"


def _text(text: str) -> str:
    """Prose on one line: ``name`` becomes `name`, and nothing else is markup."""
    return _escape(re.sub(r"``(.+?)``", r"`\1`", " ".join(text.split())))


def _escape(text: str) -> str:
    """Escapes what Markdown would read as emphasis, a link or HTML, but not in code."""
    pieces = re.split(r"(`[^`]*`)", text)
    pieces[::2] = [re.sub(r"[*\[\]]", r"\\\g<0>", prose.replace("<", "&lt;")) for prose in pieces[::2]]
    return "".join(pieces)


# --- running it ---------------------------------------------------------------------------------------


def pages() -> dict[Path, str]:
    return {REFERENCE / "cli.md": command_reference(), REFERENCE / "api.md": api_reference()}


def run(verb: str) -> int:
    if verb == "write":
        REFERENCE.mkdir(exist_ok=True)
        for path, text in pages().items():
            path.write_text(text, encoding="utf-8")
        return 0
    stale = [path for path, text in pages().items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        print(f"{path.relative_to(ROOT)} is not what the program says; run `scripts/docs reference`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    if sys.argv[1:] not in (["write"], ["check"]):
        sys.exit("usage: docs.py write|check")
    sys.exit(run(sys.argv[1]))
