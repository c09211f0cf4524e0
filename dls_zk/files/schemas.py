"""The JSON schemas of all documents, made from their models."""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from .attest import ATTEST_DOCUMENTS
from .custody import CUSTODY_DOCUMENTS
from .documents import DOCUMENTS


class _Schema(GenerateJsonSchema):
    """Pydantic's schemas without titles and defaults: the defaults are integers, which no file can hold."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: object) -> bool:
        return False


def json_schemas() -> dict[str, str]:
    """The JSON schema of each document, as the text of ``schemas/<name>.json``."""
    dialect = {"$schema": GenerateJsonSchema.schema_dialect}
    return {
        name: json.dumps(dialect | document.model_json_schema(schema_generator=_Schema), indent=2) + "\n"
        for name, document in (DOCUMENTS | ATTEST_DOCUMENTS | CUSTODY_DOCUMENTS).items()
    }
