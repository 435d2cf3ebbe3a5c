"""Readers of public OCT data sets in their published layouts.

Sets of single labelled B-scans each get a `manifest.csv` beside them, to which a data spec refers
(`prepare_set`); sets with masks are read through one interface whatever their layout
(`triage.public_sets.segmentation`). Nothing is downloaded and no file of a set is changed.
"""

from triage.public_sets.registry import SETS, OctSet, prepare_set

__all__ = ["SETS", "OctSet", "prepare_set"]
