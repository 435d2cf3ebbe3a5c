"""Data spec files: read one, find the shipped ones, write their JSON Schema."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from triage.data.spec import DataSpec
from triage.data.strict_yaml import load_model

SCHEMA_NAME = "data_spec.schema.json"


def load_spec(path: Path) -> DataSpec:
    """Read and validate one YAML data spec.

    Raises
    ------
    SpecError
        If the file is missing, is not YAML, or breaks a rule; every problem is listed.
    """
    return load_model(path, DataSpec, "data spec")


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
