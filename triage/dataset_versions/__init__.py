"""Versions of data sets: which cases, labels and splits, under one hash; consent and leaks."""
