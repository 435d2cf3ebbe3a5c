"""Measures of sets of cases: metrics with their influence functions and resamples of patients."""
