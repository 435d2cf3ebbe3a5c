"""Reserved prefixes of generated identifiers, which identifiers of a table may not have."""

from __future__ import annotations

CASE_PREFIX = "(case) "
"""Of a patient that is named by its case."""
IMAGE_PREFIX = "(image) "
"""Of a case that is named by its image, where another case has the plain name."""
DELETED_PREFIX = "(deleted) "
"""Of a case or a patient whose identifier was deleted."""


def is_reserved(name: str) -> bool:
    """Whether a name begins with the prefix of a generated identifier."""
    return name.startswith((CASE_PREFIX, IMAGE_PREFIX, DELETED_PREFIX))
