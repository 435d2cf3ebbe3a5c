"""How sure, and how unlike anything known: scores and calibration, in NumPy alone."""
