"""From bytes to text, and from text to YAML whose scalars stay as they were written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ..errors import InputError
from ..storage import disk

FILE_LIMIT = 1 << 17  # bytes; the largest policy is a fifth of this
DEPTH_LIMIT = 10  # nesting of a YAML file


def read_text(path: str | Path) -> str:
    text = disk.read_text(Path(path), FILE_LIMIT)
    if control := re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", text):
        raise InputError(f"not a text file (control character {control[0]!r})", str(path))
    return text


def read_yaml(path: str | Path, *, secret: bool) -> object:
    """A YAML file as dicts, lists and text: every scalar stays as it was written (no floats, dates or booleans).

    Refused: repeated keys, anchors and aliases, tags, more than one document, deep nesting. What the parser says of
    bad YAML can quote it, so of a ``secret`` file only the place is told.
    """
    text = read_text(path)
    try:
        events = yaml.parse(text, Loader=yaml.BaseLoader)
        next(events)  # stream start
        if isinstance(next(events), yaml.StreamEndEvent):
            raise ValueError("the file is empty")
        document = _node(next(events), events, DEPTH_LIMIT)
        next(events)  # document end
        if not isinstance(next(events), yaml.StreamEndEvent):
            raise ValueError("more than one YAML document (---) in the file")
        return document
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = f"not YAML at line {mark.line + 1}, column {mark.column + 1}" if mark else "not YAML"
        if not secret:
            tab = "; indent with spaces, not tabs" if r"'\t'" in str(error.problem) else ""
            problem += f": {error.problem}{tab}"
    except yaml.YAMLError:
        problem = "not YAML: it holds a character that YAML does not allow"
    except ValueError as error:
        problem = str(error)
    raise InputError(problem, str(path))


def _node(event: Any, events: Iterator[Any], depth: int) -> Any:
    """The value that begins with ``event``; ValueError with the line of what is refused."""
    line = event.start_mark.line + 1
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        raise ValueError(f"line {line}: anchors (&) and aliases (*) are not used here; write the value out")
    if event.tag is not None:
        raise ValueError(f"line {line}: tags (!) are not used here")
    if not depth:
        raise ValueError(f"line {line}: nested too deep")
    if isinstance(event, yaml.ScalarEvent):
        return event.value
    if isinstance(event, yaml.SequenceStartEvent):
        items = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(_node(event, events, depth - 1))
        return items
    fields: dict[str, Any] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        line = event.start_mark.line + 1
        key = _node(event, events, depth - 1)
        if not isinstance(key, str):
            raise ValueError(f"line {line}: a list or mapping cannot name a field")
        if key in fields:
            raise ValueError(f"line {line}: this field is given twice")
        fields[key] = _node(next(events), events, depth - 1)
    return fields
