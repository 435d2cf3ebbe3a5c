"""Strict YAML reader: plain values only, no duplicate keys, one type of error."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from triage.errors import SpecError, nearest_name
from triage.named_file import read_named_text

MAX_BYTES = 256 << 10
"""The largest spec we ship has 10 KiB; the parser takes seconds for one of this size."""
MAX_VALUES = 100_000
"""With every alias expanded: ten lines of nested aliases can expand to billions."""

Model = TypeVar("Model", bound=BaseModel)


def load_model(path: Path, model: type[Model], kind: str) -> Model:
    """Read one YAML file into a pydantic model.

    Parameters
    ----------
    path : Path
    model : type of BaseModel
    kind : str
        Name of the kind of file in messages, such as `data spec`.

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
            f"the {kind} is not valid", where=str(path), problems=problems_of(error, model)
        ) from error


def read_mapping(path: Path, kind: str) -> dict[str, Any]:
    """Read one YAML file that holds a mapping; see `load_model`."""
    path = Path(path)  # a str too, from notebooks
    if near := _nearest_file(path):
        raise SpecError(f"there is no such {kind}", where=str(path), hint=f"Did you mean {near}?")
    text = read_named_text(path, kind, SpecError, MAX_BYTES)
    try:
        content = parse_yaml(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f" (line {mark.line + 1})" if mark else ""
        raise SpecError(f"is not YAML{line}: {error.problem}", where=str(path)) from error
    except yaml.YAMLError as error:
        raise SpecError("is not readable YAML", where=str(path)) from error
    if not isinstance(content, dict):
        raise SpecError(f"is not a mapping of a {kind}'s keys", where=str(path))
    return content


def _nearest_file(path: Path) -> str:
    """The YAML file of the folder with the most similar name; '' if `path` exists or none is."""
    try:
        names = [] if path.exists() else [one.name for one in path.parent.glob("*.y*ml")]
    except (OSError, ValueError):
        return ""  # reading it raises the error
    return nearest_name(path.name, names, cutoff=0.8)


def problems_of(error: ValidationError, model: type[BaseModel] | None = None) -> tuple[str, ...]:
    """List every broken rule with the path of its key; `all` for the whole document.

    Parameters
    ----------
    error : ValidationError
    model : type of BaseModel, optional
        The validated content, to name the most similar key.
    """
    return tuple(
        f"{'.'.join(map(str, item['loc'])) or 'all'}: {_message(item, model)}"
        for item in error.errors()
    )


def _message(item: ErrorDetails, model: type[BaseModel] | None) -> str:
    if item["type"] == "extra_forbidden":
        near = "" if model is None else nearest_key(model, item["loc"])
        return f"there is no such key. Did you mean {near}?" if near else "there is no such key"
    message = item["msg"].removeprefix("Value error, ")
    if item["type"] in ("literal_error", "enum") and isinstance(item["input"], str):
        allowed = re.findall(r"'([^']*)'", item.get("ctx", {}).get("expected", ""))
        if near := nearest_name(item["input"], allowed):
            return f"{message}. Did you mean {near}?"
    return message


def nearest_key(model: type[BaseModel], place: tuple[int | str, ...]) -> str:
    """Return the key of a model most similar to an unknown key at a path; '' if none.

    A model may have `SYNONYMS`: words that are no keys, and the key that is meant.
    """
    key = str(place[-1])
    meant: dict[str, str] = getattr(model, "SYNONYMS", {}) if len(place) == 1 else {}
    return meant.get(key.lower()) or nearest_name(key, sorted(_keys_at(model, place[:-1])))


def _keys_at(model: type[BaseModel], place: tuple[int | str, ...]) -> set[str]:
    """Keys that a mapping at a path of a model may have."""
    models = [model]
    for part in place:
        named = [one.model_fields[part] for one in models if part in one.model_fields]
        if named:  # else the number of an item or the name of a kind
            models = [found for field in named for found in _models_in(field.annotation)]
    return {key for one in models for key in one.model_fields}


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models_in(part)]


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
        loader = _StrictLoader(text)
        try:
            node = loader.get_single_node()
            _check_size(node)
            return None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except (ValueError, LookupError, AttributeError, RecursionError) as error:
        raise yaml.YAMLError("not readable") from error


def _check_size(root: yaml.Node | None) -> None:
    """Refuse a document of too many values, counted without writing its aliases out."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node) -> int:
        if id(node) not in sizes:
            sizes[id(node)] = MAX_VALUES + 1  # what it holds itself has no end
            children = node.value if isinstance(node, yaml.CollectionNode) else ()
            parts = (part for each in children for part in _parts(each))
            sizes[id(node)] = 1 + sum(map(size, parts))
        return sizes[id(node)]

    if root is not None and size(root) > MAX_VALUES:
        raise yaml.MarkedYAMLError(problem=f"it expands to more than {MAX_VALUES} values")


def _parts(child: yaml.Node | tuple[yaml.Node, yaml.Node]) -> tuple[yaml.Node, ...]:
    """Nodes of a list's item, or of a mapping's key and value."""
    return child if isinstance(child, tuple) else (child,)


class _StrictLoader(yaml.SafeLoader):
    """YAML loader in which a duplicate key is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key.value!r} is given twice", problem_mark=node.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)
