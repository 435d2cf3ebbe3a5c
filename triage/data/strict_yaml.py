"""YAML read strictly: plain values only, no key twice, and one kind of error."""

from __future__ import annotations

from typing import Any

import yaml


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
