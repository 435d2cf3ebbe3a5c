"""When two names are one reader's."""

from __future__ import annotations

import unicodedata
from functools import lru_cache


@lru_cache(maxsize=4096)  # few people, asked of every event
def reader_key(name: str) -> str:
    """Return what two spellings of one reader's name have in common, for comparison only.

    Letter case, width and ligatures (Unicode NFKC), blanks, and characters that do not show, such
    as a zero-width space, make no other reader: 'Dr Wire' is 'dr\u00a0 WIRE'. Accents do.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    seen = "".join(mark for mark in folded if unicodedata.category(mark) != "Cf")
    return " ".join(seen.split())
