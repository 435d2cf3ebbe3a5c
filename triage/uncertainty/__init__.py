"""How sure, and how unlike anything known: scores, calibration. NumPy only; no network is needed."""
