"""Tables of OCT sets for the documentation, from the registry and the shipped specs."""

from __future__ import annotations

from triage.public_sets.registry import SETS
from triage.public_sets.segmentation_spec import (
    MaskRows,
    SegmentationSpec,
    load_segmentation_spec,
    shipped_segmentation_spec,
)
from triage.registry import markdown_table


def table_of_oct_sets() -> str:
    """Every set of labelled B-scans that can be prepared, as a Markdown table."""
    columns = ("name", "set", "size", "licence", "source", "leak")
    rows = (
        (f"`{key}`", entry.title, entry.size, entry.licence, entry.source, entry.leak)
        for key, entry in SETS.items()
    )
    return markdown_table((columns, *rows))


def table_of_segmentation_sets() -> str:
    """Every shipped spec of a set with masks, as a Markdown table."""
    columns = ("name", "set", "classes", "licence", "source", "leak")
    folder = shipped_segmentation_spec("any").parent
    specs = (load_segmentation_spec(path) for path in sorted(folder.glob("*.yaml")))
    rows = (
        (
            f"`{spec.name}`",
            spec.title,
            f"{len(spec.classes)}: {', '.join(spec.classes)}",
            spec.licence,
            spec.source,
            spec.leak,
        )
        for spec in specs
    )
    return markdown_table((columns, *rows))


def table_of_segmentation_keys() -> str:
    """Every key of a segmentation spec, as a Markdown table."""
    keys = [
        (f"`{prefix}{name}`", field.description or "")
        for prefix, model in (("", SegmentationSpec), ("rows.", MaskRows))
        for name, field in model.model_fields.items()
    ]
    return markdown_table((("key", "meaning"), *keys))
