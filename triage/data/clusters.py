"""Clusters: what hangs together and must never straddle a split."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def cluster_names(columns: Mapping[str, pd.Series]) -> list[str]:
    """Join rows that share a value in any column, directly or through other rows.

    Parameters
    ----------
    columns : mapping of str to Series of str, all of length N
        Grouping columns; the empty string joins nothing.

    Returns
    -------
    list of str, length N
        One name per row, `column:value` of the cluster's smallest member, so that it
        does not depend on the order of the rows.
    """
    n = len(next(iter(columns.values())))
    keys = [
        (row, f"{name}:{value}")
        for name, column in columns.items()
        for row, value in enumerate(column)
        if value != ""
    ]
    names, inverse = np.unique([key for _, key in keys], return_inverse=True)
    row_nodes = np.array([row for row, _ in keys], dtype=np.int64)
    edges = coo_array(
        (np.ones(len(keys), dtype=np.int8), (row_nodes, n + inverse)),
        shape=(n + len(names),) * 2,
    )
    _, component = connected_components(edges, directed=False)
    # names are sorted, so the first key met in each component is its smallest.
    smallest: dict[int, str] = {}
    for position, name in enumerate(names):
        smallest.setdefault(int(component[n + position]), str(name))
    return [smallest.get(int(component[row]), f"row:{row}") for row in range(n)]
