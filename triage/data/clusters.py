"""Clusters: groups of rows that must never be divided between splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def cluster_names(columns: Mapping[str, pd.Series]) -> list[str]:
    """Join rows that share a value in any column, directly or through other rows.

    Parameters
    ----------
    columns : mapping of str to Series of str, all of length N
        Grouping columns, the most lasting first; the empty string joins nothing.

    Returns
    -------
    list of str, length N
        One name per row: `column:value`, the smallest value of the first column in which the
        cluster has one. So a name depends neither on the order of the rows nor on what
        joins the cluster later in a less lasting column. A row without any value is `row:N`.
    """
    n = len(next(iter(columns.values())))
    keys = [
        ((place, str(value)), row)
        for place, column in enumerate(columns.values())
        for row, value in enumerate(column)
        if value != ""
    ]
    nodes = sorted({key for key, _ in keys})
    number = {key: n + position for position, key in enumerate(nodes)}
    edges = coo_array(
        (
            np.ones(len(keys), dtype=np.int8),
            ([row for _, row in keys], [number[key] for key, _ in keys]),
        ),
        shape=(n + len(nodes),) * 2,
    )
    _, component = connected_components(edges, directed=False)
    titles = list(columns)
    first: dict[int, str] = {}
    for (place, value), node in number.items():
        first.setdefault(int(component[node]), f"{titles[place]}:{value}")
    return [first.get(int(component[row]), f"row:{row}") for row in range(n)]


def joined_names(names: Sequence[str], pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Rename clusters after some of them were joined.

    Parameters
    ----------
    names : sequence of str, length N
        Cluster of each case.
    pairs : sequence of pairs of str
        Clusters that belong together, directly or through others.

    Returns
    -------
    list of str, length N
        The smallest name of all clusters joined.
    """
    known = sorted({*names, *(name for pair in pairs for name in pair)})
    place = {name: index for index, name in enumerate(known)}
    ends = np.array([[place[a], place[b]] for a, b in pairs], dtype=np.int64).reshape(-1, 2)
    edges = coo_array((np.ones(len(ends), dtype=np.int8), ends.T), shape=(len(known),) * 2)
    _, component = connected_components(edges, directed=False)
    first: dict[int, str] = {}
    for name, group in zip(known, component, strict=True):
        first.setdefault(int(group), name)
    return [first[int(component[place[name]])] for name in names]
