"""Names that the case database gives to single bundles; at most one bundle carries each."""

CHAMPION = "champion"
"""Alias of the bundle in use."""
CHALLENGER = "challenger"
"""Alias of the bundle that is proposed, or may be, to replace the champion."""
SHADOW = "shadow"
"""Alias of the bundle that scores cases as they arrive and that no reader is shown."""
