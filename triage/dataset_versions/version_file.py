"""Versions of data sets as files: canonical JSON without identifiers."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from triage.atomic_write import whole_file
from triage.dataset_versions.version import DatasetVersion
from triage.errors import ExitCode, TriageError, UsageError
from triage.hashing import canonical_json
from triage.named_file import read_named_text

MAX_BYTES = 1 << 30
"""Above a version of a million cases."""


class VersionNotIntact(TriageError):
    """The members of a version file are not those of its root."""

    exit_code = ExitCode.ANSWERED_NO


def write_version(version: DatasetVersion, path: Path) -> None:
    """Write a version, whole or not at all.

    Raises
    ------
    UsageError
        If the file cannot be written.
    """
    text = canonical_json(version.model_dump(mode="json")) + "\n"
    try:
        with whole_file(path) as partial:
            partial.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot be written ({error.strerror})", where=str(path), hint="Choose another --out."
        ) from error


def read_version(path: Path) -> DatasetVersion:
    """Read a version and check that its members are those of its root.

    Raises
    ------
    UsageError
        If there is no such file, or it is no version.
    VersionNotIntact
        If a member was changed, added or removed.
    """
    text = read_named_text(path, "version of a data set", UsageError, MAX_BYTES)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or not {"root", "members"} <= content.keys():
        raise UsageError(
            "is no version of a data set",
            where=str(path),
            hint="Name a file of `triage dataset snapshot --out`.",
        )
    try:
        return DatasetVersion.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise VersionNotIntact(
            f"was changed since it was written: {f'{place}: ' if place else ''}{first['msg']}",
            where=str(path),
            hint="Compare it with another copy, or with the case database.",
        ) from error
