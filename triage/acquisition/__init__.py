"""Which case to label next: acquisition functions on arrays; NumPy only."""
