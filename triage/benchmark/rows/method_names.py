"""Names of a method that the tables use."""

from __future__ import annotations

from typing import Protocol


class Named(Protocol):
    """Protocol of objects with the names of a registered method on an ensemble."""

    @property
    def key(self) -> str:
        """Name in its registry."""

    @property
    def head(self) -> str:
        """Name of the ensemble it uses."""

    @property
    def name(self) -> str:
        """Name in tables and records: `knn@softmax`."""
