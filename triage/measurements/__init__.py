"""Measurements of a tissue map and a raw volume in mm: thickness, volumes, en-face, signal.

All measurements of a tissue map use `column_counts`: the number of voxels of each tissue in every
column (A-scan). NumPy and SciPy only. `measure` computes the numbers of a reading, each with its
spread over the segmentation instances.
"""

from triage.measurements.columns import column_counts
from triage.measurements.signal import bscan_signal, ungradable
from triage.measurements.tissue_measurements import Measured, measure

__all__ = ["Measured", "bscan_signal", "column_counts", "measure", "ungradable"]
