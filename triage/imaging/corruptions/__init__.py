"""Stock corruptions of photographs: shifted and far test sets that need no further data.

A `Corruption` is a name of `CORRUPTIONS` and a severity; the same image is always corrupted
the same way. `FAR` is the stock far set: the subject is not recognisable.
"""

from triage.imaging.corruptions.corruption import FAR, Corruption, parse_corruption
from triage.imaging.corruptions.table import CORRUPTIONS, Kind, StockCorruption

__all__ = ["CORRUPTIONS", "FAR", "Corruption", "Kind", "StockCorruption", "parse_corruption"]
