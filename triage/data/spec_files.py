"""Data specs on disk: read one, find the shipped ones, write their JSON Schema."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from triage.data.spec import DataSpec
from triage.data.strict_yaml import parse_yaml
from triage.errors import SpecError

SCHEMA_NAME = "data_spec.schema.json"


def load_spec(path: Path) -> DataSpec:
    """Read and validate one YAML data spec.

    Raises
    ------
    SpecError
        If the file is missing, is not YAML, or breaks a rule; every problem is listed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SpecError("there is no such data spec", where=str(path)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError("is not a readable text file in UTF-8", where=str(path)) from error
    try:
        content = parse_yaml(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f" (line {mark.line + 1})" if mark else ""
        raise SpecError(f"is not YAML{line}: {error.problem}", where=str(path)) from error
    except yaml.YAMLError as error:
        raise SpecError("is not readable YAML", where=str(path)) from error
    if not isinstance(content, dict):
        raise SpecError("is not a mapping of a data spec's keys", where=str(path))
    try:
        return DataSpec.model_validate(content)
    except ValidationError as error:
        raise SpecError(
            "the data spec is not valid", where=str(path), problems=_problems(error)
        ) from error


def _problems(error: ValidationError) -> tuple[str, ...]:
    return tuple(
        f"{'.'.join(str(part) for part in item['loc']) or 'spec'}: {_message(item)}"
        for item in error.errors()
    )


def _message(item: ErrorDetails) -> str:
    if item["type"] == "extra_forbidden":
        return "there is no such key"
    return item["msg"].removeprefix("Value error, ")


def shipped_spec(name: str) -> Path:
    """Return the path of a spec shipped with the project, such as `derm_phantoms`."""
    return Path(str(files("data_specs").joinpath(f"{name}.yaml")))


def spec_schema() -> dict[str, Any]:
    """Return the JSON Schema of a data spec, as shipped beside the specs."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema"
    } | DataSpec.model_json_schema()


def schema_text() -> str:
    """Return the schema file's exact content."""
    return json.dumps(spec_schema(), indent=2) + "\n"
