"""The page says what the registry and the specs say."""

from collections.abc import Callable
from pathlib import Path

import pytest

from triage.public_sets.tables import (
    table_of_oct_sets,
    table_of_segmentation_keys,
    table_of_segmentation_sets,
)

PAGE = Path(__file__).parents[2] / "docs" / "oct_data_sets.md"


@pytest.mark.parametrize(
    "table", [table_of_oct_sets, table_of_segmentation_sets, table_of_segmentation_keys]
)
def test_the_page_has_every_table(table: Callable[[], str]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert table() in text, f"put what {table.__name__}() gives into the page"


@pytest.mark.parametrize(
    "table", [table_of_oct_sets, table_of_segmentation_sets, table_of_segmentation_keys]
)
def test_tables_are_tables(table: Callable[[], str]) -> None:
    lines = table().splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert all(cell.strip() for line in lines for cell in line.strip("|").split("|"))
