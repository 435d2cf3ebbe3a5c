"""What a bundle's manifest says of the system, as facts for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from triage.reports.model import Fact
from triage.uncertainty.image_kind import ImageKindSummary

_KNOWN = {
    "Name": "name",
    "Made at": "created_at",
    "Code version": "code_version",
    "Data spec": "spec_name",
    "Data spec hash": "spec_hash",
    "Training data hash": "data_hash",
    "Settings hash": "settings_hash",
    "Conditions it knows": "roles.inliers",
    "Outliers it trained with": "roles.train",
    "Outliers that set its threshold": "roles.validation",
    "Outliers it is tested on": "roles.test",
    "Draw of roles, seed": "roles.seed",
    "Head": "head",
    "OOD score": "score",
    "Members": "members",
    "Thresholds": "thresholds",
    "Calibrator": "rules.calibrator",
    "Abstention rule": "rules.abstention",
    "Prediction set": "rules.prediction_set",
    "Guaranteed threshold": "rules.guaranteed",
}

_GUARD = "Guard against pictures of another kind (A1)"


def system_facts(manifest: Mapping[str, Any]) -> list[Fact]:
    """Pick the facts a reader looks for; what the manifest lacks has the value None."""
    found = []
    for label, place in _KNOWN.items():
        value: Any = manifest
        for key in place.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        if place == "members" and isinstance(value, list):
            value = [m.get("name", m) if isinstance(m, Mapping) else m for m in value]
        found.append(Fact(label=label, value=None if value is None else written(value) or "none"))
    return [*found, Fact(label=_GUARD, value=_guard(manifest.get("image_kind")))]


def _guard(summary: Any) -> str:
    """The guard in words; bundles of earlier releases and of volumes have none."""
    if not isinstance(summary, Mapping):
        return "none"
    return ImageKindSummary.model_validate(summary).text


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
