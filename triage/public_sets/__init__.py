"""Public OCT sets as people have them on disk, read as they lie.

Sets of single B-scans with a label each get a `manifest.csv` beside them, which a data spec
points at (`prepare_set`); sets with masks are read through one interface whatever their layout
(`triage.public_sets.segmentation`). Nothing is downloaded and nothing of a set is changed.
"""

from triage.public_sets.registry import SETS, OctSet, prepare_set

__all__ = ["SETS", "OctSet", "prepare_set"]
