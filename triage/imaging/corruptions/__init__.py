"""Registered corruptions of photographs, for shifted and far test sets without further data.

A `Corruption` is a name of `CORRUPTIONS` and a severity; the result is deterministic for an image.
`FAR` is the registered far set: the subject is not recognisable.
"""

from triage.imaging.corruptions.corruption import FAR, Corruption, parse_corruption
from triage.imaging.corruptions.corruption_registry import CORRUPTIONS, Kind, StockCorruption

__all__ = ["CORRUPTIONS", "FAR", "Corruption", "Kind", "StockCorruption", "parse_corruption"]
