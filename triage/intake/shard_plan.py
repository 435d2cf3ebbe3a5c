"""The cases of one shard as a file, by which they are handed to whoever scores them.

All that depends on other cases of the table is decided before: see `triage.data.manifest.RowCases`.
So what a shard holds does not depend on how the table was divided.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from triage.atomic_write import whole_file
from triage.data.manifest import Case
from triage.errors import EngineError
from triage.hashing import hash_bytes, hash_json
from triage.named_file import read_named

_MAX_BYTES = 1 << 30


def plan_rows(cases: Sequence[Case], root: Path) -> list[dict[str, Any]]:
    """Return the facts of unlabelled cases as JSON types; images are named below the root."""
    return [
        {
            "case_id": case.case_id,
            "patient_id": case.patient_id,
            "cluster": case.cluster,
            "images": [name_below(path, root) for path in case.images],
            "subgroups": list(case.subgroups.items()),
            "visit": case.visit,
            "laterality": case.laterality,
            "age": case.age,
            "id_derived": case.id_derived,
        }
        for case in cases
    ]


def case_of_plan(row: dict[str, Any], root: Path) -> Case:
    """Return the case that `plan_rows` described; a row may have further facts."""
    return Case(
        case_id=row["case_id"],
        patient_id=row["patient_id"],
        cluster=row["cluster"],
        images=tuple(root / name for name in row["images"]),
        condition=None,
        subgroups=dict(row["subgroups"]),
        root=root,
        visit=row["visit"],
        laterality=row["laterality"],
        age=row["age"],
        id_derived=row["id_derived"],
    )


def name_below(path: Path, root: Path) -> str:
    """Return the name of a file below a folder; of one elsewhere its whole path."""
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def write_plan(path: Path, cases: Sequence[Case], root: Path) -> str:
    """Write the cases of a shard.

    Returns
    -------
    str
        SHA-256 of the file.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    data = json.dumps(plan_rows(cases, root), ensure_ascii=False).encode()
    with whole_file(path) as partial:
        partial.write_bytes(data)
    return hash_bytes(data)


def read_plan(path: Path, sha256: str, root: Path) -> list[Case]:
    """Read the cases of a shard.

    Raises
    ------
    EngineError
        If the file is not there or has another content: this machine does not see the folder of
        the result, or another command works in it.
    """
    data = read_named(path, "list of the cases of a shard", EngineError, _MAX_BYTES)
    if hash_bytes(data) != sha256:
        raise EngineError(
            "the cases of this shard were changed by another command",
            where=str(path),
            hint="Score into one folder with one command at a time.",
        )
    return [case_of_plan(row, root) for row in json.loads(data)]


def state_of_files(paths: Iterable[Path]) -> str:
    """Return a hash of the sizes and times of files; it changes when a file is written or comes.

    Of a folder, such as that of a volume's slices, those of its entries count.
    """
    return hash_json([_state(path) for path in paths])


def _state(path: Path) -> list[Any]:
    try:
        found = os.stat(path)
    except (OSError, ValueError):  # absent, or a name that the system cannot have
        return []
    if not stat.S_ISDIR(found.st_mode):
        return [found.st_size, found.st_mtime_ns]
    entries: list[Any] = [found.st_mtime_ns]
    with suppress(OSError), os.scandir(path) as listed:
        for entry in sorted(listed, key=lambda each: each.name):
            own = entry.stat()
            entries.append([own.st_size, own.st_mtime_ns])
    return entries
