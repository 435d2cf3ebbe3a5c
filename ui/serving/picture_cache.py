"""A cache in memory with a limit in bytes, keyed by content and never by a name."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class SizedCache(Generic[Value]):
    """Keeps what was used last, up to a limit; used by one thread.

    Parameters
    ----------
    limit : int
        Bytes of all values together. A value that is larger is not kept.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self.size = 0
        """Bytes of what is kept."""

    def get(self, key: Hashable) -> Value | None:
        """Return a value, or None if it is not kept."""
        if (found := self._kept.get(key)) is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def put(self, key: Hashable, value: Value, size: int) -> None:
        """Keep a value of so many bytes; what was used longest ago makes room for it."""
        if key in self._kept:
            self.size -= self._kept.pop(key)[1]
        if size > self._limit:
            return
        self._kept[key] = (value, size)
        self.size += size
        while self.size > self._limit:
            self.size -= self._kept.popitem(last=False)[1][1]
