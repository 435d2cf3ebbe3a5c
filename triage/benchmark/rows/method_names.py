"""What the tables need to know of a method: its names."""

from __future__ import annotations

from typing import Protocol


class Named(Protocol):
    """A registered method on an ensemble; whatever has these names will do."""

    @property
    def key(self) -> str:
        """Name in its registry."""

    @property
    def head(self) -> str:
        """Name of the ensemble it works on."""

    @property
    def name(self) -> str:
        """Name in tables and records: `knn@softmax`."""
