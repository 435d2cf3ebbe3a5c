"""Small specs and tables to test with."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from triage.data.spec import DataSpec

ROLES = {
    "acne": "inlier",
    "melanoma": "inlier",
    "keloid": "auto",
    "eczema": "auto",
    "vitiligo": "auto",
    "lentigo": "auto",
    "sarcoid": "auto",
}


def make_content(roles: Mapping[str, str] = ROLES, /, **changes: Any) -> dict[str, Any]:
    """A spec's content as YAML would give it; `changes` replace top-level keys."""
    automatic = sum(role == "auto" for role in roles.values())
    content: dict[str, Any] = {
        "name": "clinic",
        "title": "A clinic",
        "licence": "none",
        "source": "made up",
        "rows": {"manifest": "rows.csv", "case": "case_id", "patient": "patient_id"},
        "conditions": [
            {"name": name, "role": role, "risk": "low", "urgency": "routine", "source": "ours"}
            for name, role in roles.items()
        ],
        "outlier_prevalence": 0.2,
    }
    if automatic:
        content["roles"] = {"auto": {"train": automatic - 3, "validation": 1, "test": 2}}
    return content | changes


def make_spec(roles: Mapping[str, str] = ROLES, /, **changes: Any) -> DataSpec:
    return DataSpec.model_validate(make_content(roles, **changes))


def write_csv(path: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def make_rows(per_condition: int = 20, roles: Mapping[str, str] = ROLES) -> list[dict[str, str]]:
    """One image, one case, one patient a row."""
    return [
        {
            "image": f"{name}{number}.png",
            "condition": name,
            "case_id": f"c-{name}-{number}",
            "patient_id": f"p-{name}-{number}",
        }
        for name in roles
        for number in range(per_condition)
    ]


def write_clinic(root: Path, rows: Sequence[Mapping[str, str]] | None = None) -> Path:
    """Write a manifest with its images; returns the root."""
    rows = make_rows() if rows is None else rows
    root.mkdir(parents=True, exist_ok=True)
    write_csv(root / "rows.csv", rows)
    for number, row in enumerate(rows):
        pixels = np.full((8, 8, 3), number % 255, dtype=np.uint8)
        if row["image"]:
            (root / row["image"]).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(root / row["image"])
    return root
