"""What a tissue map and a raw volume say in millimetres: thickness, volumes, en-face, signal.

Everything that a tissue map is measured by comes from `column_counts`: how many voxels of each
tissue every column (A-scan) holds. NumPy and SciPy only. `measure` makes the numbers of a
reading, each with its spread over the segmentation instances.
"""

from triage.measurements.columns import column_counts
from triage.measurements.measure import Measured, measure
from triage.measurements.signal import bscan_signal, ungradable

__all__ = ["Measured", "bscan_signal", "column_counts", "measure", "ungradable"]
