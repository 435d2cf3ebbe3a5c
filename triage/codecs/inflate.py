"""Bounded reading of zlib streams with an exact check of their length."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable

from triage.errors import ImageRejected

_PIECE = 2**16  # bytes given to zlib at a time, so that what it leaves over stays small


class Inflated:
    """Content of a zlib stream that may be split over chunks.

    Parameters
    ----------
    chunks : iterable of memoryview
        The deflated bytes.
    cut, damaged : callable
        Make the refusals of a stream that ends early and of a damaged one.
    """

    def __init__(
        self,
        chunks: Iterable[memoryview],
        cut: Callable[[], ImageRejected],
        damaged: Callable[[], ImageRejected],
    ) -> None:
        self._inflater = zlib.decompressobj()
        self._pieces = (
            chunk[start : start + _PIECE]
            for chunk in chunks
            for start in range(0, len(chunk), _PIECE)
        )
        self._rest: bytes | memoryview = b""
        self._cut, self._damaged = cut, damaged

    def read(self, count: int) -> bytearray:
        """Inflate exactly `count` bytes.

        Raises
        ------
        ImageRejected
            Where there are fewer, or where they are damaged.
        """
        content = bytearray()
        while len(content) < count:
            if self._inflater.eof:
                raise self._cut()
            content += self._more(count - len(content))
        return content

    def finish(self, most: int = 0) -> bool:
        """Read to the end of the stream; return whether at most so many bytes remained.

        Parameters
        ----------
        most : int

        Raises
        ------
        ImageRejected
            Where the stream ends without an end, or with a checksum of other content.
        """
        while not self._inflater.eof:
            most -= len(self._more(2**16 if most > 0 else 1))
            if most < 0:
                return False
        return True

    def _more(self, most: int) -> bytes:
        try:
            if not self._rest:
                self._rest = next(self._pieces)
            content = self._inflater.decompress(self._rest, most)
        except StopIteration:
            raise self._cut() from None
        except zlib.error:
            raise self._damaged() from None
        self._rest = self._inflater.unconsumed_tail
        return content
