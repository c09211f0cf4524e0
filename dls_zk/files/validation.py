"""A document held against its model, and pydantic's errors in our words: the first of them, or all."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import (
    ValidationError,
)

from ..errors import InputError
from .values import NAME_PATTERN, Document, quote, written_as

D = TypeVar("D", bound=Document)


class Problems(ValueError):
    """Raised by a model for several things that do not fit together, each said with its place. Its text is the first."""

    def __init__(self, messages: Sequence[str]):
        super().__init__(messages[0])
        self.messages = tuple(messages)


def validate(
    model: type[D],
    document: object,
    path: str | Path,
    known: set[str] | None = None,
    more: Callable[[Any], Iterable[str]] = lambda _: (),
) -> D:
    """The document as ``model``; InputError for the first thing that is wrong, with how many others there are.

    ``known`` and ``more``: as for ``problems``.
    """
    value, errors = problems(model, document, path, known, more)
    if value is None:
        first, others = errors[0], len(errors) - 1
        raise InputError(f"{first}; {others} more {'error' if others == 1 else 'errors'}" if others else str(first))
    return value


def built(model: type[D], where: str, **values: Any) -> D:
    """A document of exact values (None: absent), checked as if it was read. where: what an error calls it. InputError."""
    return validate(model, written_as(model, values), where)


def problems(
    model: type[D],
    document: object,
    path: str | Path,
    known: set[str] | None = None,
    more: Callable[[Any], Iterable[str]] = lambda _: (),
) -> tuple[D | None, list[InputError]]:
    """The document as ``model``, or None and everything that is wrong with it.

    A misspelt field is said before the one that is missing for it. ``known``: for a secret document, the names that
    an error may say beside the model's own fields; items of a list are named, and a spelling proposed, for others only.
    ``more``: what is wrong beside with a document that has not the form of the model, each with its place in the file.
    """
    try:
        return model.model_validate(document), []
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
    # Outside of the handler, so that no exception with the content hangs on these.
    errors.sort(key=lambda one: known is not None or one["type"] != "extra_forbidden")
    inputs: list[InputError] = []
    for one in errors:
        cause = one.get("ctx", {}).get("error")
        if isinstance(cause, Problems):
            inputs += [InputError(message, str(path)) for message in cause.messages]
        else:
            inputs.append(InputError(_explain(one, model, propose=known is None), _where(one, model, document, path, known)))
    said = {str(one) for one in inputs}
    inputs += [other for message in more(document) if str(other := InputError(message, str(path))) not in said]
    return None, inputs


def _where(
    error: Mapping[str, Any], model: type[Document], document: object, path: str | Path, known: set[str] | None
) -> str:
    """The file and the place in it."""
    where = ""
    for depth, part in enumerate(error["loc"], 1):
        if isinstance(part, int):
            where += f"[{part}]"
            if known is None and (name := _item_name(document, error["loc"][:depth])):
                where += f" ({name})"
        elif known is None or part in known or part in model.model_fields:
            where += f".{part}" if re.fullmatch(r"[\w$./:+-]{1,64}", part) else f".{quote(part)}"
        else:
            where += ".(not shown)"
    return f"{path}: {where.lstrip('.')}" if where else str(path)


def _item_name(document: Any, where: Sequence[Any]) -> str:
    """The name that an item of a list in a raw document gives itself, if that can be a name, else ''."""
    for part in where:
        document = document[part]
    name = document.get("name") if isinstance(document, dict) else None
    return name if isinstance(name, str) and re.fullmatch(NAME_PATTERN, name) else ""


def _explain(error: Mapping[str, Any], model: type[Document], *, propose: bool) -> str:
    """One of pydantic's errors in our words. ``propose``: for an unknown field, say which one it resembles."""
    inner, description = model, ""
    for part in error["loc"]:
        field = inner.model_fields.get(part) if isinstance(part, str) else None
        if field is not None:
            description = field.description or ""
            inner = next(_documents_in(field.annotation), inner)
    match error["type"]:
        case "missing":
            return f"missing; expected: {description}"
        case "extra_forbidden":
            close = difflib.get_close_matches(str(error["loc"][-1]), inner.model_fields, 1) if propose else []
            known = f"known here: {', '.join(inner.model_fields)}"
            return f"unknown field; {f'did you mean {close[0]}?' if close else known}"
        case "value_error":
            return str(error["ctx"]["error"])
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"expected fields (name: value); here: {', '.join(inner.model_fields)}"
        case "tuple_type" | "list_type":
            return f"expected a list: {description}"
        case "string_type":
            return f"expected text: {description}"
        case "literal_error":
            return f"expected {error['ctx']['expected']}"
        case _:
            return str(error["msg"])


def _documents_in(annotation: object) -> Iterator[type[Document]]:
    if isinstance(annotation, type) and issubclass(annotation, Document):
        yield annotation
    for argument in get_args(annotation):
        yield from _documents_in(argument)
