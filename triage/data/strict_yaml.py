"""YAML read strictly: plain values only, no key twice, and one kind of error."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from triage.errors import SpecError

Model = TypeVar("Model", bound=BaseModel)


def load_model(path: Path, model: type[Model], kind: str) -> Model:
    """Read one YAML file into a pydantic model.

    Parameters
    ----------
    path : Path
    model : type of BaseModel
    kind : str
        What the file is called in messages, such as `data spec`.

    Raises
    ------
    SpecError
        If the file is missing, is not YAML, or breaks a rule; every problem is listed.
    """
    content = read_mapping(path, kind)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise SpecError(
            f"the {kind} is not valid", where=str(path), problems=problems_of(error)
        ) from error


def read_mapping(path: Path, kind: str) -> dict[str, Any]:
    """Read one YAML file that holds a mapping; see `load_model`."""
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SpecError(f"there is no such {kind}", where=str(path)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError("is not a readable text file in UTF-8", where=str(path)) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f" (line {mark.line + 1})" if mark else ""
        raise SpecError(f"is not YAML{line}: {error.problem}", where=str(path)) from error
    except yaml.YAMLError as error:
        raise SpecError("is not readable YAML", where=str(path)) from error
    if not isinstance(content, dict):
        raise SpecError(f"is not a mapping of a {kind}'s keys", where=str(path))
    return content


def problems_of(error: ValidationError) -> tuple[str, ...]:
    """Every broken rule with the place of its key; `all` where it is the whole."""
    return tuple(
        f"{'.'.join(map(str, item['loc'])) or 'all'}: {_message(item)}" for item in error.errors()
    )


def _message(item: ErrorDetails) -> str:
    if item["type"] == "extra_forbidden":
        return "there is no such key"
    return item["msg"].removeprefix("Value error, ")


def parse_yaml(text: str) -> Any:
    """Return the plain value of a YAML text.

    Raises
    ------
    yaml.MarkedYAMLError
        If it is not YAML, or a key is given twice; carries the place.
    yaml.YAMLError
        If the loader stumbles over an odd value, such as an impossible date.
    """
    try:
        return yaml.load(text, Loader=_StrictLoader)  # a SafeLoader
    except (ValueError, LookupError, AttributeError, RecursionError) as error:
        raise yaml.YAMLError("not readable") from error


class _StrictLoader(yaml.SafeLoader):
    """YAML in which a key given twice is an error, not a silent change of mind."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key!r} is given twice", problem_mark=node.start_mark
                )
        return super().construct_mapping(node, deep)
