"""OCT-C8: split folders of class folders; patients are not identified."""

from __future__ import annotations

from pathlib import Path

from triage.public_sets.bscan_table import (
    BscanRow,
    content_of,
    copies_joined,
    published_images,
    set_folder,
    write_table,
)

CLASSES = ("AMD", "CNV", "CSR", "DME", "DR", "DRUSEN", "MH", "NORMAL")


def write_manifest(root: Path) -> Path:
    """Write the manifest of OCT-C8 with the published split, copies of an image in one split.

    Raises
    ------
    SpecError
        Listing every file that cannot be read.
    """
    rows, problems = [], []
    for split, label, path in published_images(set_folder(root, CLASSES), CLASSES):
        name = path.relative_to(root).as_posix()
        try:
            content = content_of(path)
        except OSError:
            problems.append(f"{name}: cannot be read")
            continue
        rows.append(BscanRow(name, label, published_split=split, content=content))
    return write_table(root, copies_joined(rows), problems)
