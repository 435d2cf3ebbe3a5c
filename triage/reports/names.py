"""Names of axes, levels and times as reports write them."""

from __future__ import annotations

from datetime import UTC, datetime

from triage.auditing.measurement import ALL, OVERALL

ALL_CASES = "All cases"
_LEVELS = {"semi_urgent": "semi-urgent"}


def words(key: str) -> str:
    """Turn a key such as `skin_type` into words, its first letter large; axes are crossed by ×."""
    text = key.replace("_", " ").replace(" * ", " × ").strip()
    return text[:1].upper() + text[1:]


def level_name(level: str) -> str:
    """Write a level; of an intersection, both parts."""
    return ", ".join(_LEVELS.get(part, part) for part in level.split(", "))


def group(axis: str, level: str) -> str:
    """Name a set of cases."""
    if level == ALL:
        return ALL_CASES if axis == OVERALL else words(axis)
    return f"{words(axis)}: {level_name(level)}"


def minutes(time: str) -> str:
    """Write a time in ISO format to the minute, in UTC; other text as it is."""
    try:
        return f"{datetime.fromisoformat(time).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return time
