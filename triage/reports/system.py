"""What a bundle's manifest says of the system, as facts for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from triage.reports.model import Fact

_KNOWN = (
    ("Name", ("name",)),
    ("Bundle format", ("format", "schema_version")),
    ("Made at", ("created_at",)),
    ("Code version", ("code_version", "code")),
    ("Data spec", ("spec_name", "spec")),
    ("Data spec hash", ("spec_hash",)),
    ("Data hash", ("data_hash",)),
    ("Configuration hash", ("configuration_hash", "config_hash")),
    ("Conditions, in class order", ("classes", "class_order")),
    ("Members", ("members",)),
    ("Temperature", ("temperature",)),
    ("Thresholds", ("thresholds", "threshold", "policy")),
)


def system_facts(manifest: Mapping[str, Any]) -> list[Fact]:
    """Pick the facts a reader looks for; what the manifest lacks has the value None."""
    found = []
    for label, keys in _KNOWN:
        present = [manifest[key] for key in keys if manifest.get(key) is not None]
        found.append(Fact(label=label, value=written(present[0]) if present else None))
    return found


def file_hashes(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return the SHA-256 of each file of the bundle, empty if the manifest lists none."""
    files = manifest.get("files")
    if not isinstance(files, Mapping):
        return {}
    return {str(name): written(value) for name, value in sorted(files.items())}


def written(value: Any) -> str:
    """Write a JSON value for people: lists by commas, mappings as name = value."""
    if isinstance(value, Mapping):
        return "; ".join(f"{key} = {written(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(written(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
