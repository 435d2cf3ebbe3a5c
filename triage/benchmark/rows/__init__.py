"""Rows of the benchmark's tables, computed from the records of all draws."""
