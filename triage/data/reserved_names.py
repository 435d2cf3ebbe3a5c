"""How identifiers begin that stand in for a missing one; no identifier of a table may."""

from __future__ import annotations

CASE_PREFIX = "(case) "
"""Of a patient that is named by its case."""
IMAGE_PREFIX = "(image) "
"""Of a case that is named by its image, where another case has the plain name."""


def is_reserved(name: str) -> bool:
    """Whether a name begins like one that stands in for a missing identifier."""
    return name.startswith((CASE_PREFIX, IMAGE_PREFIX))
