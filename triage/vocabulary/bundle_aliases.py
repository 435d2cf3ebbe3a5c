"""Names that the case database gives to single bundles."""

CHAMPION = "champion"
"""Alias of the bundle in use; at most one bundle carries it."""
