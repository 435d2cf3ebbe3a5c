"""The pages of the documentation, as tests read them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted(DOCS.glob("*.md")),
    *sorted((ROOT / "docker").glob("*.md")),
]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text_of(name: str) -> str:
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """Cells of every table row, without code marks."""
    lines = [line.strip() for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0] != "---"]


def first_cells(text: str) -> set[str]:
    """Names in the first column of all tables; one cell may hold several."""
    return {name.strip(" `") for row in rows(text) for name in row[0].split(",")}


def section(name: str, title: str) -> str:
    """What stands under a page's heading that begins so, its own parts included."""
    after = text_of(name).split(f"\n## {title}", 1)[1]
    return after.split("\n## ", 1)[0]


def blocks(text: str, language: str) -> list[str]:
    return [content for found, content in FENCE.findall(text) if found == language]
