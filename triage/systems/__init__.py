"""A trained system: its members, calibration and policy, in use and on disk."""
