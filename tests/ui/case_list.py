"""What the list of cases was given to show."""

from __future__ import annotations

import json
from typing import Any

from streamlit.testing.v1 import AppTest


def list_data(app: AppTest) -> dict[str, Any]:
    """Return the data of the one list on the page; without rows where there is none."""

    def walk(block: Any) -> list[str]:
        proto: Any = getattr(block, "proto", None)
        found = [proto.json] if getattr(proto, "component_name", "") == "case_rows" else []
        for child in getattr(block, "children", {}).values():
            found += walk(child)
        return found

    found = [part for root in app._tree.children.values() for part in walk(root)]
    if not found:
        return {"headings": [], "rows": []}
    (data,) = found
    given: dict[str, Any] = json.loads(data)
    return given


def listed(app: AppTest) -> list[str]:
    """Return the names of the cases in the list."""
    return [row["title"] for row in list_data(app)["rows"]]


def column(app: AppTest, heading: str) -> list[str]:
    """Return the texts of a column."""
    data = list_data(app)
    at = [one["text"] for one in data["headings"]].index(heading) - 1
    return [row["columns"][at]["text"] for row in data["rows"]]
