"""Analyses of an audit beyond its table of metrics."""
