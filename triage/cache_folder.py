"""Folder of what is computed once and can be computed again: embeddings, converted weights."""

from __future__ import annotations

import os
from pathlib import Path

CACHE_VARIABLE = "TRIAGE_CACHE"
TISSUE_MAPS = "tissue_maps"
"""Folder of the tissue maps of volumes in the cache, one folder a volume, named by its SHA-256."""


def cache_path() -> Path:
    """Return the folder that `TRIAGE_CACHE` names, else the default one; it may not exist yet."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "triage" / "embeddings"
