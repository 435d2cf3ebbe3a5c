"""Kermany OCT2017: split folders of class folders, patients in the file names."""

from __future__ import annotations

import re
from pathlib import Path

from triage.public_sets.bscan_table import (
    BscanRow,
    content_of,
    published_images,
    set_folder,
    write_table,
)

CLASSES = ("CNV", "DME", "DRUSEN", "NORMAL")
_NAME = re.compile(r"(?P<label>[A-Z]+)-(?P<patient>\d+)-\d+")


def write_manifest(root: Path) -> Path:
    """Write the manifest of Kermany OCT2017 with the patient of each image.

    A file is named CLASS-PATIENT-NUMBER.jpeg. The patient is the number alone, because one person
    may be listed under two classes. The published split shares patients between train and
    test, so it is kept as `published_split` only and `split` stays empty.

    Raises
    ------
    SpecError
        Listing every file whose name does not state class and patient, or contradicts its folder.
    """
    rows, problems = [], []
    for split, label, path in published_images(set_folder(root, CLASSES), CLASSES):
        name = path.relative_to(root).as_posix()
        match = _NAME.fullmatch(path.stem)
        if match is None:
            problems.append(f"{name}: the name is not CLASS-PATIENT-NUMBER")
        elif match["label"] != label:
            problems.append(f"{name}: the name states {match['label']}, the folder {label}")
        else:
            try:
                content = content_of(path)
            except OSError:
                problems.append(f"{name}: cannot be read")
                continue
            rows.append(
                BscanRow(name, label, match["patient"], published_split=split, content=content)
            )
    return write_table(root, rows, problems)
