"""Metadata against a JSON schema in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from triage.errors import BundleError, MissingExtraError, UsageError
from triage.extras import is_installed
from triage.named_file import MAX_JSON_BYTES, read_named_text


def check_metadata(metadata: dict[str, Any], schema: Path) -> None:
    """Check metadata against a schema; what the schema refers to elsewhere is not fetched.

    Parameters
    ----------
    metadata : dict
    schema : Path
        JSON schema, such as MONAI's `meta_schema_20240725.json`.

    Raises
    ------
    MissingExtraError
        If jsonschema is not installed.
    UsageError
        If the file is no schema, or refers to another one.
    BundleError
        If the metadata is not valid.
    """
    if not is_installed("jsonschema"):
        raise MissingExtraError(
            "A schema cannot be checked without jsonschema.", hint="pip install jsonschema"
        )
    from jsonschema import SchemaError, ValidationError  # type: ignore[import-untyped]
    from jsonschema.validators import validator_for  # type: ignore[import-untyped]
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    text = read_named_text(schema, "schema", UsageError, MAX_JSON_BYTES)
    try:
        content = json.loads(text)
        design = validator_for(content)
        design.check_schema(content)
        design(content, registry=Registry()).validate(metadata)
    except ValidationError as error:
        place = "/".join(map(str, error.absolute_path))
        raise BundleError(
            f"the metadata is not valid against the schema: {error.message[:300]}",
            where=place or "metadata.json",
            hint="Give the schema of MONAI's bundles that this software names: see --help.",
        ) from error
    except (SchemaError, Unresolvable, ValueError, TypeError, RecursionError) as error:
        raise UsageError(
            "is no JSON schema that can be checked",
            where=str(schema),
            hint="Give a schema that refers to nothing outside its file.",
        ) from error
