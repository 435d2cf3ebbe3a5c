"""What a bundle's manifest says, written for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def file_hashes(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return the SHA-256 of each file of the bundle, empty if the manifest lists none."""
    files = manifest.get("files")
    if not isinstance(files, Mapping):
        return {}
    return {str(name): written(value) for name, value in sorted(files.items())}


def written(value: Any) -> str:
    """Write a JSON value for people: lists by commas, mappings as name = value.

    A mapping within another stands in brackets after its name.
    """
    if isinstance(value, Mapping):
        return "; ".join(
            f"{key} ({written(item)})" if isinstance(item, Mapping) else f"{key} = {written(item)}"
            for key, item in value.items()
        )
    if isinstance(value, list):
        return ", ".join(written(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
