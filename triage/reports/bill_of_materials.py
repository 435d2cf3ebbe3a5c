"""A software bill of materials: what it describes and how many components it lists."""

from __future__ import annotations

import json
from typing import Any

from triage.errors import UsageError
from triage.printable import printable

COLUMNS = ["format", "name", "version", "serial", "components"]
_HINT = "Attach CycloneDX (JSON) or SPDX 2 (JSON)."
_MAX_TEXT = 500


def bill_of_materials(data: bytes, where: str) -> tuple[list[str], list[dict[str, str]]]:
    """Return the columns and the one row that a report prints of a bill of materials.

    Parameters
    ----------
    data : bytes
        CycloneDX or SPDX 2 as JSON.
    where : str
        The file, for messages.

    Returns
    -------
    columns : list of str
        `format`, `name`, `version`, `serial` (serial number, or namespace of an SPDX document) and
        `components`, how many it lists, those within others included.
    rows : list of one dict

    Raises
    ------
    UsageError
        If it is no JSON, or of neither format.
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UsageError("is not readable JSON", where=where, hint=_HINT) from error
    if not isinstance(content, dict):
        raise UsageError("is not a bill of materials", where=where, hint=_HINT)
    if content.get("bomFormat") == "CycloneDX":
        row = _cyclonedx(content)
    elif str(content.get("spdxVersion", "")).startswith("SPDX-2"):
        row = _spdx(content)
    else:
        raise UsageError("is neither CycloneDX nor SPDX 2", where=where, hint=_HINT)
    return COLUMNS, [{name: row[name] for name in COLUMNS}]


def _cyclonedx(content: dict[str, Any]) -> dict[str, str]:
    metadata = content.get("metadata")
    described = metadata.get("component") if isinstance(metadata, dict) else None
    named = described if isinstance(described, dict) else {}
    return {
        "format": f"CycloneDX {_text(content.get('specVersion'))}".strip(),
        "name": _text(named.get("name")),
        "version": _text(named.get("version")),
        "serial": _text(content.get("serialNumber")),
        "components": str(_count(content)),
    }


def _count(content: dict[str, Any]) -> int:
    """Count components, those within others included, without recursion."""
    waiting, found = [content], 0
    while waiting:
        inner = waiting.pop().get("components")
        parts = (
            [each for each in inner if isinstance(each, dict)] if isinstance(inner, list) else []
        )
        found += len(parts)
        waiting += parts
    return found


def _spdx(content: dict[str, Any]) -> dict[str, str]:
    packages = content.get("packages")
    return {
        "format": _text(content.get("spdxVersion")),
        "name": _text(content.get("name")),
        "version": "",
        "serial": _text(content.get("documentNamespace")),
        "components": str(len(packages) if isinstance(packages, list) else 0),
    }


def _text(value: object) -> str:
    return printable(str(value))[:_MAX_TEXT] if isinstance(value, str | int | float) else ""
