"""Data sets: their specification, the cases made of their rows, roles of conditions, and splits."""
