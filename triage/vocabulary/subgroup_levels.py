"""Levels of subgroups."""

UNKNOWN = "unknown"
"""The level of a case whose table has no value for the subgroup, or none that is valid."""
